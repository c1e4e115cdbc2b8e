// Package metric measures answers against labels. An [Accumulator] is fed
// batch after batch; a label that is missing (-1) is not counted. Definitions
// are cited at each metric.
package metric

import (
	"fmt"
	"strings"

	"espalier/schema"
)

// Accumulator measures one task. It is for one goroutine.
type Accumulator interface {
	// AddLabels counts one sequence of predicted and true labels: one element
	// for a classification, one per token for tagging. True labels below 0 are
	// missing. Regressions ignore it.
	AddLabels(predicted, truth []int64)
	// AddValues counts predicted and true numbers. Only regressions use it.
	AddValues(predicted, truth []float32)
	// Value is the metric so far; 0 when Count is 0.
	Value() float64
	// Count is how many labels, spans or sequences Value is about.
	Count() int
}

// New returns the metric of that name for a task.
func New(name string, t *schema.Task) (Accumulator, error) {
	for _, known := range Names(t.Type) {
		if known == name {
			return build(name, t)
		}
	}
	return nil, fmt.Errorf("metric: %q does not measure %s; choose one of %s", name, t.Type, strings.Join(Names(t.Type), ", "))
}

func build(name string, t *schema.Task) (Accumulator, error) {
	switch name {
	case "macro_f1":
		return newF1(len(t.Labels), false), nil
	case "micro_f1":
		return newF1(len(t.Labels), true), nil
	case "span_f1":
		return NewSpanF1(t.Labels), nil
	case "exact_match":
		return &exactMatch{}, nil
	case "mse", "rmse", "mae", "r2":
		return &errors{name: name}, nil
	}
	return &accuracy{}, nil
}

// Names lists the metrics of a task type, the main one first. Tagging with
// spans has span_f1 as its main metric, see [Main].
func Names(t schema.TaskType) []string {
	switch t {
	case schema.Tagging:
		return []string{"accuracy", "span_f1", "exact_match", "macro_f1", "micro_f1"}
	case schema.Regression:
		return []string{"rmse", "mse", "mae", "r2"}
	}
	return []string{"accuracy", "macro_f1", "micro_f1"}
}

// Main is the metric by which a task is judged where none is named.
func Main(t *schema.Task) string {
	if t.Type == schema.Tagging && t.Scheme != "" {
		return "span_f1"
	}
	return Names(t.Type)[0]
}

// HigherIsBetter reports which way a metric points.
func HigherIsBetter(name string) bool {
	switch name {
	case "mse", "rmse", "mae", "loss":
		return false
	}
	return true
}
