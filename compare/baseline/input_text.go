package baseline

import (
	"math"
	"slices"

	"espalier/data"
	"espalier/schema"
	"espalier/task"
)

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
	counts, unknown := map[uint64]float64{}, unknownOf(d)
	eachBatch(d, examples, func(b *data.Batch) {
		for row := range b.Examples {
			for _, key := range ngramsOf(b, row, unknown, counts) {
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

// unknownOf returns the id of words without one of their own. Where a vocabulary has
// none it is an id that no token has.
func unknownOf(d *data.Dataset) uint64 { return uint64(d.Vocabulary().Unknown()) }

// ngramsOf counts the words and pairs of an example, and returns them in order of
// their numbers.
func ngramsOf(b *data.Batch, row int, unknown uint64, counts map[uint64]float64) []uint64 {
	clear(counts)
	before := unknown
	for _, id := range b.Int64s(schema.IDs)[row*b.Size(task.Sequence):][:b.Lengths[row]] {
		id := uint64(id)
		if id != unknown {
			counts[id]++
			if before != unknown {
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
	counts, unknown := map[uint64]float64{}, unknownOf(d)
	eachBatch(d, examples, func(b *data.Batch) {
		for row := range b.Examples {
			sum, first := 0.0, len(m.columns)
			for _, key := range ngramsOf(b, row, unknown, counts) {
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

func (*ngrams) strengths() []float64 { return []float64{0.3, 1, 3, 10, 30} } // of rows of length 1
func (*ngrams) alphas() []float64    { return []float64{10, 3, 1, 0.3, 0.1} }
