package task

import (
	"espalier/schema"
)

// Decoder keeps the memory that decoding needs from one call to the next. It is for
// one goroutine.
type Decoder struct {
	names []string // of a row's tags
	found []schema.Span
	ends  []int // of a row's spans
	pairs []schema.Pair
	numbers
	// What the rows of one batch share: tags and probabilities.
	tags          []Tag
	probabilities []float32
	rows, tokens  int // that are still to come
}

// Begin says that so many rows, with so many tokens together, are decoded for a task.
// What fresh answers need is made at once for all of them.
func (d *Decoder) Begin(rows, tokens int) { d.rows, d.tokens = rows, tokens }

// Forget lets go of memory that answers have been given.
func (d *Decoder) Forget() { d.tags, d.probabilities = nil, nil }

// carve takes n elements off a slab, which is made anew, for so many elements as
// are still to come, where it is too short.
func carve[T any](slab *[]T, n, toCome int) []T {
	if len(*slab) < n {
		*slab = make([]T, max(n, toCome))
	}
	out := (*slab)[:n:n]
	*slab = (*slab)[n:]
	return out
}

// setProbabilities copies row i of the batch.
func (d *Decoder) setProbabilities(v *View, i int, a *Answer) {
	row := v.row(i)
	if cap(a.Probabilities) < len(row) {
		a.Probabilities = carve(&d.probabilities, len(row), (d.rows-i)*len(row))
	}
	a.Probabilities = append(a.Probabilities[:0], row...)
}

// decodeLabel reads the one label of row i.
func decodeLabel(d *Decoder, v *View, i int, a *Answer) error {
	l, p, err := v.at(i)
	if err != nil {
		return err
	}
	a.Label, a.Probability = v.task.Labels[l], p
	d.setProbabilities(v, i, a)
	return nil
}

// decodeNumber reads the number of row i.
func decodeNumber(v *View, i int, a *Answer) {
	if a.Value == nil {
		a.Value = new(float64)
	}
	*a.Value = v.values[i]
}
