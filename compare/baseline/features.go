package baseline

import (
	"math"
	"slices"

	"espalier/data"
	"espalier/schema"
	"espalier/task"
	"espalier/text"
)

// matrix is a sparse matrix by rows.
type matrix struct {
	width   int
	starts  []int // row i is columns[starts[i]:starts[i+1]]
	columns []int32
	values  []float64
}

func (m *matrix) rows() int { return len(m.starts) - 1 }

func (m *matrix) row(i int) ([]int32, []float64) {
	return m.columns[m.starts[i]:m.starts[i+1]], m.values[m.starts[i]:m.starts[i+1]]
}

// dot is a row times a vector.
func (m *matrix) dot(i int, w []float64) float64 {
	columns, values := m.row(i)
	sum := 0.0
	for j, c := range columns {
		sum += values[j] * w[c]
	}
	return sum
}

// addRow adds a multiple of a row to a vector.
func (m *matrix) addRow(i int, factor float64, w []float64) {
	columns, values := m.row(i)
	for j, c := range columns {
		w[c] += factor * values[j]
	}
}

// end ends a row.
func (m *matrix) end() { m.starts = append(m.starts, len(m.columns)) }

func (m *matrix) add(column int32, value float64) {
	m.columns, m.values = append(m.columns, column), append(m.values, value)
}

// reader makes features of examples, in order.
type reader interface {
	read(d *data.Dataset, examples []int) *matrix
}

func newReader(t *Task) reader {
	if t.Schema.Tabular() {
		return newColumns(t.Schema.Inputs)
	}
	return newNgrams(t.Train, t.Train.With(0))
}

// ngrams are words and pairs of neighbours by TF-IDF: 1 + ln of how often one
// stands in the text, times ln((1 + texts) / (1 + texts that have it)) + 1, rows
// scaled to length 1 (scikit-learn's TfidfVectorizer with sublinear_tf, whose
// numbers these are). Words without an id of their own, and pairs with one, are
// left out.
type ngrams struct {
	place map[uint64]int32
	idf   []float64
}

func newNgrams(d *data.Dataset, examples []int) *ngrams {
	n := &ngrams{place: map[uint64]int32{}}
	var texts []float64
	counts := map[uint64]float64{}
	eachBatch(d, examples, func(b *data.Batch) {
		for row := range b.Examples {
			for _, key := range ngramsOf(b, row, counts) {
				at, ok := n.place[key]
				if !ok {
					at = int32(len(texts))
					n.place[key] = at
					texts = append(texts, 0)
				}
				texts[at]++
			}
		}
	})
	for _, df := range texts {
		n.idf = append(n.idf, math.Log((1+float64(len(examples)))/(1+df))+1)
	}
	return n
}

// ngramsOf counts the words and pairs of an example, and returns them in order of
// their numbers.
func ngramsOf(b *data.Batch, row int, counts map[uint64]float64) []uint64 {
	clear(counts)
	before := uint64(text.Unknown)
	for _, id := range b.Int64s(schema.IDs)[row*b.Size(task.Sequence):][:b.Lengths[row]] {
		id := uint64(id)
		if id != text.Unknown {
			counts[id]++
			if before != text.Unknown {
				counts[before<<32|id]++
			}
		}
		before = id
	}
	keys := make([]uint64, 0, len(counts))
	for key := range counts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (n *ngrams) read(d *data.Dataset, examples []int) *matrix {
	m := &matrix{width: len(n.idf), starts: []int{0}}
	counts := map[uint64]float64{}
	eachBatch(d, examples, func(b *data.Batch) {
		for row := range b.Examples {
			sum, first := 0.0, len(m.columns)
			for _, key := range ngramsOf(b, row, counts) {
				if at, ok := n.place[key]; ok {
					x := (1 + math.Log(counts[key])) * n.idf[at]
					m.add(at, x)
					sum += x * x
				}
			}
			for i := first; i < len(m.values); i++ {
				m.values[i] /= math.Sqrt(sum)
			}
			m.end()
		}
	})
	return m
}

// columns are a table's: numbers by the mean and deviation of training, 0 where
// they are missing, a column that says so where training has such; of categories
// one column for each value and one for a missing one.
type columns struct {
	inputs []schema.Input
	first  []int32 // by input, its first column
	width  int
}

func newColumns(inputs []schema.Input) *columns {
	c := &columns{inputs: inputs}
	for _, in := range inputs {
		c.first = append(c.first, int32(c.width))
		switch {
		case len(in.Values) > 0:
			c.width += len(in.Values) + schema.UnknownValue + 1
		case in.Indicator:
			c.width += 2
		default:
			c.width++
		}
	}
	return c
}

func (c *columns) read(d *data.Dataset, examples []int) *matrix {
	m := &matrix{width: c.width, starts: []int{0}}
	eachBatch(d, examples, func(b *data.Batch) {
		for row := range b.Examples {
			for i := range c.inputs {
				in := &c.inputs[i]
				if ids := b.Int64s(in.Name); ids != nil {
					if ids[row] != schema.UnknownValue {
						m.add(c.first[i]+int32(ids[row]), 1)
					}
				} else if x := numberOf(b, in.Name, row); !math.IsNaN(x) {
					m.add(c.first[i], (x-in.Mean)/in.Deviation)
				} else if in.Indicator {
					m.add(c.first[i]+1, 1)
				}
			}
			m.end()
		}
	})
	return m
}

// numberOf is a number of a batch, which is a float64 where float32 is too coarse.
func numberOf(b *data.Batch, input string, row int) float64 {
	if doubles := b.Float64s(input); doubles != nil {
		return doubles[row]
	}
	return float64(b.Float32s(input)[row])
}
