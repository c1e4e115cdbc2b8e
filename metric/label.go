package metric

import (
	"slices"
	"strings"
)

// OfLabel takes the name of a metric of one label apart: recall:L is the recall
// of label L. The kind is "" where it is not one there is.
func OfLabel(name string) (kind, label string, ok bool) {
	kind, label, ok = strings.Cut(name, ":")
	if ok && !slices.Contains([]string{"precision", "recall", "f1"}, kind) {
		kind = ""
	}
	return kind, label, ok
}

// ofLabel is the precision, the recall or the F1 of one label or type of spans.
type ofLabel struct {
	Accumulator
	kind  string
	score func() Score
}

// NewOfLabel returns the precision, the recall or the F1 that score returns of what
// an accumulator has counted.
func NewOfLabel(kind string, counted Accumulator, score func() Score) Accumulator {
	return &ofLabel{counted, kind, score}
}

// Merge adds the counts of another metric of the same label.
func (o *ofLabel) Merge(other Accumulator) error {
	from, ok := other.(*ofLabel)
	if !ok || from.kind != o.kind {
		return mismatch(o, other)
	}
	return o.Accumulator.Merge(from.Accumulator)
}

func (o *ofLabel) Value() float64 {
	s := o.score()
	switch o.kind {
	case "precision":
		return s.Precision
	case "recall":
		return s.Recall
	}
	return s.F1
}

func (o *ofLabel) Count() int { return o.score().Support }
