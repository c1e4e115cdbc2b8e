package metric

import "espalier/schema"

// SpanF1 is the F1 of whole spans: a predicted span is right when its type and
// both ends are. Spans are found as the CoNLL-2000 shared task's conlleval
// script does, see [schema.Spans].
type SpanF1 struct {
	labels                 []string
	right, predicted, true int
}

// NewSpanF1 returns the metric for tags that are indices of labels.
func NewSpanF1(labels []string) *SpanF1 { return &SpanF1{labels: labels} }

// AddLabels counts the spans of one sequence; tokens whose true label is
// missing are outside of every span on both sides.
func (s *SpanF1) AddLabels(predicted, truth []int64) {
	p, t := make([]string, len(truth)), make([]string, len(truth))
	present := false
	for i, y := range truth {
		p[i], t[i] = "O", "O"
		if y >= 0 {
			p[i], t[i] = s.labels[predicted[i]], s.labels[y]
			present = true
		}
	}
	if !present {
		return
	}
	want := map[schema.Span]bool{}
	for _, span := range schema.Spans(t) {
		want[span] = true
		s.true++
	}
	for _, span := range schema.Spans(p) {
		s.predicted++
		if want[span] {
			s.right++
		}
	}
}

// AddValues does nothing.
func (s *SpanF1) AddValues(_, _ []float32) {}

// Value is the F1 over all spans of all types.
func (s *SpanF1) Value() float64 { return ratio(2*s.right, s.predicted+s.true) }

// Precision is the share of predicted spans that are right, Recall the share
// of true spans that were found.
func (s *SpanF1) Precision() float64 { return ratio(s.right, s.predicted) }

// Recall is the share of true spans that were found.
func (s *SpanF1) Recall() float64 { return ratio(s.right, s.true) }

// Count is the number of true spans.
func (s *SpanF1) Count() int { return s.true }
