package baseline

import (
	"espalier/data"
	"espalier/input"
)

// reader makes features of examples. There is one for tokens and one for columns, each
// in a file of its own (input_*.go).
type reader interface {
	// read makes features of examples, in order.
	read(d *data.Dataset, examples []int) *matrix
	// strengths are those that are tried: C, the strongest regularisation first, so that
	// of equal ones on validation it is chosen.
	strengths() []float64
	// alphas are the same for numbers.
	alphas() []float64
}

// newReader returns the reader of a task's inputs.
func newReader(t *Task) reader {
	if input.HasTokens(t.Schema) {
		return newNgrams(t.Train, t.Train.With(0))
	}
	return newColumns(t.Schema.Inputs)
}
