package metric

import (
	"slices"

	"espalier/schema"
)

// setF1 is F1 of labels any number of which may apply: each label is a binary
// decision, counted for itself. Micro pools them, macro is the mean over the
// labels that are true or predicted anywhere.
type setF1 struct{ *F1 }

// NewSetF1 returns F1 of tasks any number of whose labels apply, and its classes.
func NewSetF1(labels int, average Average) (Accumulator, *F1) {
	f := NewF1(labels, average)
	return &setF1{f}, f
}

func (s *setF1) AddLabels(predicted, truth []int64) {
	for i, y := range truth {
		if y == schema.MissingLabel {
			continue
		}
		if y <= schema.UnseenLabel { // it applies, and is not predicted
			s.class(y).true++
			s.total++
			continue
		}
		c := &s.classes[i]
		if y == 1 {
			c.true++
			s.total++
		}
		if predicted[i] == 1 {
			c.predicted++
		}
		if y == 1 && predicted[i] == 1 {
			c.right++
		}
	}
}

func (s *setF1) Merge(other Accumulator) error {
	o, ok := other.(*setF1)
	if !ok {
		return mismatch(s, other)
	}
	return s.F1.Merge(o.F1)
}

// Value is the average; micro counts every decision for a label as one case.
func (s *setF1) Value() float64 {
	if s.average != Micro {
		return s.F1.Value()
	}
	var pooled counts
	for _, c := range slices.Concat(s.classes, s.unseen) {
		pooled.add(c)
	}
	return pooled.f1()
}
