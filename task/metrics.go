package task

import (
	"fmt"
	"slices"
	"strings"

	"espalier/metric"
	"espalier/schema"
)

// NewMetric returns the metric of that name for a task. Beside those of its type there
// are precision:L, recall:L and f1:L of one label L, of a type of spans where the
// task's tags have a scheme.
//
// unseen are the labels that training never had, in the order of their numbers:
// spans spell them.
func NewMetric(name string, t *schema.Task, unseen ...string) (metric.Accumulator, error) {
	of := Of(t.Type)
	if of == nil {
		return nil, fmt.Errorf("metric: %q measures no tasks of type %q", name, t.Type)
	}
	if kind, label, ok := metric.OfLabel(name); ok {
		if kind == "" || of.Traits().Choice == Number {
			return nil, fmt.Errorf("metric: of one label of a task there are precision:L, recall:L and f1:L")
		}
		return of.NewLabelMetric(kind, label, t, unseen)
	}
	names := of.Metrics()
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("metric: %q does not measure %s; choose one of %s", name, t.Type, strings.Join(names, ", "))
	}
	if metric.OfScores(name) && !of.Traits().Binary(t) {
		return nil, fmt.Errorf("metric: %s measures tasks of two labels, this one has %d", name, len(t.Labels))
	}
	return of.NewMetric(name, t, unseen), nil
}

// MetricNames lists the metrics of a task that can be measured, and others that are
// named, each once.
func MetricNames(t *schema.Task, more ...string) []string {
	of := Of(t.Type)
	var names []string
	for _, n := range append(slices.Clone(of.Metrics()), more...) {
		measurable := (!metric.OfSpans(n) || t.Scheme != "") && (!metric.OfScores(n) || len(t.Labels) == 2)
		if measurable && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// MainMetric is the metric by which a task is judged where none is named.
func MainMetric(t *schema.Task) string { return Of(t.Type).Main(t) }

// labelMetric is the precision, recall or F1 of one of a task's labels; of returns
// the accumulator for the label's number, and its score.
func labelMetric(kind, label string, t *schema.Task, of func(i int) (metric.Accumulator, func() metric.Score)) (metric.Accumulator, error) {
	i := t.LabelIndex(label)
	if i < 0 {
		return nil, fmt.Errorf("metric: %s:%s is of a label that the task does not have; its labels are %s", kind, label, some(t.Labels))
	}
	a, score := of(i)
	return metric.NewOfLabel(kind, a, score), nil
}

// some lists the first labels.
func some(labels []string) string {
	if len(labels) > 10 {
		return strings.Join(labels[:10], ", ") + ", ..."
	}
	return strings.Join(labels, ", ")
}

// classF1 is the score of one class in the F1 of all.
func classF1(t *schema.Task) func(i int) (metric.Accumulator, func() metric.Score) {
	return func(i int) (metric.Accumulator, func() metric.Score) {
		f := metric.NewF1(len(t.Labels), metric.Micro)
		return f, func() metric.Score { return f.Class(i) }
	}
}

// ThresholdMetric returns the metric that thresholds are tuned for where a task is
// judged by the named one: the same where thresholds can be tuned for it, micro_f1
// for those of relations, which pool all labels, and macro_f1 for those of single
// labels: no threshold is tuned for a precision or a recall alone, which are best
// where nothing or everything is found.
func ThresholdMetric(of Type, name string) string {
	switch {
	case slices.Contains(of.ThresholdMetrics(), name):
		return name
	case metric.Pooled(name):
		return "micro_f1"
	}
	return "macro_f1"
}
