package baseline

import (
	"fmt"
	"math"
	"slices"

	"espalier/data"
	"espalier/schema"
)

// Constant fits the model that does not read its input; for tagging, one that reads
// each word alone. It returns nil for a relation.
func Constant(t Task) (*Baseline, error) {
	var p predictions
	switch t.task().Type {
	case schema.Relation:
		return nil, nil
	case schema.Tagging:
		p = tagsOfWords(&t)
	case schema.Regression:
		p = &constant{value: meanOf(&t)}
	case schema.MultiLabel:
		p = &constant{label: commonSet(&t)}
	default:
		counts := make([]float64, len(t.task().Labels))
		total := 0.0
		for _, y := range classes(t.Train) {
			counts[y]++
			total++
		}
		c := &constant{label: []int64{int64(largest(counts))}}
		if len(counts) == 2 && total > 0 {
			c.probability = float32(counts[1] / total)
		}
		p = c
	}
	return t.finish(p, 0, 0)
}

// constant says the same of every example.
type constant struct {
	label       []int64
	probability float32
	value       float64
}

func (c *constant) labels(b *data.Batch) []int64 { return slices.Repeat(c.label, b.Size) }
func (c *constant) second(b *data.Batch) []float32 {
	return slices.Repeat([]float32{c.probability}, b.Size)
}

func (c *constant) values(b *data.Batch) []float64 { return slices.Repeat([]float64{c.value}, b.Size) }

// classes are the labels of the examples that have one.
func classes(d *data.Dataset) []int {
	var out []int
	eachBatch(d, d.With(0), func(b *data.Batch) {
		for _, y := range b.Labels[0] {
			if y >= 0 {
				out = append(out, int(y))
			}
		}
	})
	return out
}

// numbersOf are the values of the examples that have one.
func numbersOf(d *data.Dataset) []float64 {
	var out []float64
	eachBatch(d, d.With(0), func(b *data.Batch) {
		out = append(out, b.Values[0]...)
	})
	return out
}

func meanOf(t *Task) float64 {
	sum, values := 0.0, numbersOf(t.Train)
	for _, y := range values {
		sum += y
	}
	return sum / math.Max(1, float64(len(values)))
}

// largest is the first place of the largest number.
func largest(x []float64) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// commonSet is the most frequent set of labels, of equal ones that which stands
// first.
func commonSet(t *Task) []int64 {
	n := len(t.task().Labels)
	counts := map[string]int{}
	best, most := make([]int64, n), 0
	for _, count := range []bool{true, false} {
		eachBatch(t.Train, t.Train.With(0), func(b *data.Batch) {
			for row := range b.Size {
				set := b.Labels[0][row*n : (row+1)*n]
				key := fmt.Sprint(set)
				if count {
					counts[key]++
				} else if counts[key] > most {
					most = counts[key]
					copy(best, set)
				}
			}
		})
	}
	return best
}

// wordTags gives every word its most frequent tag, and the most frequent of all
// to those that training has not.
type wordTags struct {
	constant
	tags  map[int64]int64
	other int64
}

func tagsOfWords(t *Task) *wordTags {
	n := len(t.task().Labels)
	counts, sum := map[int64][]float64{}, make([]float64, n)
	eachBatch(t.Train, t.Train.With(0), func(b *data.Batch) {
		for i, y := range b.Labels[0] {
			if y < 0 {
				continue
			}
			sum[y]++
			of := counts[b.IDs[i]]
			if of == nil {
				of = make([]float64, n)
				counts[b.IDs[i]] = of
			}
			of[y]++
		}
	})
	w := &wordTags{tags: map[int64]int64{}, other: int64(largest(sum))}
	for id, of := range counts {
		w.tags[id] = int64(largest(of))
	}
	return w
}

func (w *wordTags) labels(b *data.Batch) []int64 {
	out := make([]int64, len(b.IDs))
	for i, id := range b.IDs {
		tag, ok := w.tags[id]
		if !ok {
			tag = w.other
		}
		out[i] = tag
	}
	return out
}
