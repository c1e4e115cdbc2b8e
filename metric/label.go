package metric

import (
	"fmt"
	"slices"
	"strings"

	"espalier/schema"
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

func newOfLabel(kind, label string, t *schema.Task, unseen []string) (Accumulator, error) {
	if kind == "" || t.Type == schema.Regression {
		return nil, fmt.Errorf("metric: of one label of a task there are precision:L, recall:L and f1:L")
	}
	if t.Type == schema.Tagging && t.Scheme != "" {
		if types := schema.SpanTypes(t.Labels); !slices.Contains(types, label) {
			return nil, fmt.Errorf("metric: %s:%s names a type of spans that the task does not have; its types are %s", kind, label, some(types))
		}
		s := NewSpanF1(t.Labels, unseen...)
		return &ofLabel{s, kind, func() Score { return s.Type(label) }}, nil
	}
	i := t.LabelIndex(label)
	if i < 0 {
		return nil, fmt.Errorf("metric: %s:%s is of a label that the task does not have; its labels are %s", kind, label, some(t.Labels))
	}
	if t.Type == schema.Relation {
		r := NewRelationF1(len(t.Labels), true)
		return &ofLabel{r, kind, func() Score { return r.Label(i) }}, nil
	}
	f := NewF1(len(t.Labels), Micro)
	if t.Type == schema.MultiLabel {
		return &ofLabel{&setF1{f}, kind, func() Score { return f.Class(i) }}, nil
	}
	return &ofLabel{f, kind, func() Score { return f.Class(i) }}, nil
}

// some lists the first labels.
func some(labels []string) string {
	if len(labels) > 10 {
		return strings.Join(labels[:10], ", ") + ", ..."
	}
	return strings.Join(labels, ", ")
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
