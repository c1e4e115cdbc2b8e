package metric

import (
	"maps"
	"slices"

	"espalier/schema"
)

// SpanF1 is the F1 of whole spans: a predicted span is right when its type and
// both ends are. Spans are found as the CoNLL-2000 shared task's conlleval
// script does (Tjong Kim Sang and Buchholz 2000), see [schema.Spans]; seqeval
// counts the same in its default mode.
type SpanF1 struct {
	ofLabels
	labels []string
	unseen []string
	types  map[string]counts
	all    counts
	// The tags of one sequence, kept from call to call.
	predicted, truth []string
}

// NewSpanF1 returns the metric for tags that are indices of labels. unseen are
// the tags that training never had, in the order of their numbers: their spans
// are true and never predicted.
func NewSpanF1(labels []string, unseen ...string) *SpanF1 {
	return &SpanF1{labels: labels, unseen: unseen, types: map[string]counts{}}
}

// outside is the tag of tokens that are in no span.
const outside = "O"

func (s *SpanF1) tag(label int64) string {
	if i := schema.UnseenLabel - label; i >= 0 && i < int64(len(s.unseen)) {
		return s.unseen[i]
	}
	if label < 0 || label >= int64(len(s.labels)) {
		return outside
	}
	return s.labels[label]
}

// AddLabels counts the spans of one sequence; tokens whose true label is
// missing are left out on both sides, as those of words' later pieces are.
func (s *SpanF1) AddLabels(predicted, truth []int64) {
	s.predicted, s.truth = s.predicted[:0], s.truth[:0]
	for i, y := range truth {
		if y == schema.MissingLabel {
			continue
		}
		s.truth = append(s.truth, s.tag(y))
		s.predicted = append(s.predicted, s.tag(predicted[i]))
	}
	s.count(schema.Spans(s.predicted), schema.Spans(s.truth))
}

// count compares spans that are ordered and do not overlap.
func (s *SpanF1) count(predicted, truth []schema.Span) {
	for _, span := range predicted {
		s.add(span.Type, counts{predicted: 1})
	}
	for _, span := range truth {
		s.add(span.Type, counts{true: 1})
		for len(predicted) > 0 && predicted[0].Start < span.Start {
			predicted = predicted[1:]
		}
		if len(predicted) > 0 && predicted[0] == span {
			s.add(span.Type, counts{right: 1})
		}
	}
}

func (s *SpanF1) add(kind string, c counts) {
	sum := s.types[kind]
	sum.add(c)
	s.types[kind] = sum
	s.all.add(c)
}

// Merge adds the counts of another SpanF1 of the same labels.
func (s *SpanF1) Merge(other Accumulator) error {
	o, ok := other.(*SpanF1)
	if !ok || !slices.Equal(o.labels, s.labels) {
		return mismatch(s, other)
	}
	for kind, c := range o.types {
		s.add(kind, c)
	}
	return nil
}

// Value is the F1 over all spans of all types.
func (s *SpanF1) Value() float64 { return s.all.f1() }

// Precision is the share of predicted spans that are right.
func (s *SpanF1) Precision() float64 { return s.all.precision() }

// Recall is the share of true spans that were found.
func (s *SpanF1) Recall() float64 { return s.all.recall() }

// Count is the number of true spans.
func (s *SpanF1) Count() int { return s.all.true }

// Types lists the types of spans that were true or predicted, sorted.
func (s *SpanF1) Types() []string { return slices.Sorted(maps.Keys(s.types)) }

// Unpredicted returns the types of spans that are true somewhere and predicted
// nowhere, sorted. Those that training never had cannot be.
func (s *SpanF1) Unpredicted() []string {
	var never []string
	for _, kind := range schema.SpanTypes(s.labels) {
		if c := s.types[kind]; c.true > 0 && c.predicted == 0 {
			never = append(never, kind)
		}
	}
	return never
}

// Type returns the score of the spans of one type.
func (s *SpanF1) Type(kind string) Score { return score(s.types[kind]) }
