// Package metric measures answers against labels. An [Accumulator] is fed
// batch after batch; a label that is missing ([schema.MissingLabel]) is not
// counted, and one that training never had ([schema.UnseenLabel] and below) is
// an error, as it is to scikit-learn and seqeval where the truth holds it.
// Definitions are cited at each metric.
package metric

import (
	"fmt"
	"math"
	"strings"

	"espalier/schema"
)

// Accumulator measures one task. It is for one goroutine.
type Accumulator interface {
	// AddLabels counts one sequence of predicted and true labels, both indices
	// of the task's labels: one element for a classification, one per token
	// for tagging; for multilabel one per label, 1 where it applies, and behind
	// them the numbers of labels that apply and that training never had; for
	// relation [schema.RelationWidth] numbers for each that holds. A true label may
	// be missing or unseen; a predicted one that is no index is wrong. Regressions
	// ignore it.
	AddLabels(predicted, truth []int64)
	// AddValues counts predicted and true numbers. Only regressions use it, and
	// the metrics of [OfScores].
	AddValues(predicted, truth []float64)
	// Merge counts all that another accumulator of the same metric and task
	// has counted, and fails for any other.
	Merge(Accumulator) error
	// Value is the metric so far, NaN where it is not defined: of no label, and
	// where its definition divides by a count that is 0; see [Reason].
	Value() float64
	// Count is how many labels, spans or sequences Value is about.
	Count() int
}

// New returns the metric of that name for a task. Beside those of [Names] there
// are precision:L, recall:L and f1:L of one label L, of a type of spans where
// the task's tags have a scheme.
//
// unseen are the labels that training never had, in the order of their numbers:
// spans spell them.
func New(name string, t *schema.Task, unseen ...string) (Accumulator, error) {
	if kind, label, ok := OfLabel(name); ok {
		return newOfLabel(kind, label, t, unseen)
	}
	for _, known := range Names(t.Type) {
		if known == name {
			if OfScores(name) && len(t.Labels) != 2 {
				return nil, fmt.Errorf("metric: %s measures tasks of two labels, this one has %d", name, len(t.Labels))
			}
			return build(name, t, unseen), nil
		}
	}
	return nil, fmt.Errorf("metric: %q does not measure %s; choose one of %s", name, t.Type, strings.Join(Names(t.Type), ", "))
}

func build(name string, t *schema.Task, unseen []string) Accumulator {
	if t.Type == schema.MultiLabel {
		switch name {
		case "macro_f1":
			return &setF1{F1: NewF1(len(t.Labels), Macro)}
		case "micro_f1":
			return &setF1{F1: NewF1(len(t.Labels), Micro)}
		}
		return &exactMatch{}
	}
	switch name {
	case "macro_f1":
		return NewF1(len(t.Labels), Macro)
	case "micro_f1":
		return NewF1(len(t.Labels), Micro)
	case "span_f1":
		return NewSpanF1(t.Labels, unseen...)
	case "exact_match":
		return &exactMatch{}
	case "mse", "rmse", "mae", "r2":
		return &regression{name: name}
	case "relation_f1":
		return NewRelationF1(len(t.Labels), true)
	case "boundary_f1":
		return NewRelationF1(len(t.Labels), false)
	case "auc":
		return &auc{}
	case "log_loss":
		return &logLoss{}
	}
	return &accuracy{}
}

// Names lists the metrics of a task type, the main one first. Tagging with
// spans has span_f1 as its main metric, see [Main]; auc and log_loss are for
// classification with two labels.
func Names(t schema.TaskType) []string {
	switch t {
	case schema.Tagging:
		return []string{"accuracy", "span_f1", "exact_match", "macro_f1", "micro_f1"}
	case schema.MultiLabel:
		return []string{"macro_f1", "micro_f1", "exact_match"}
	case schema.Regression:
		return []string{"rmse", "mse", "mae", "r2"}
	case schema.Relation:
		return []string{"relation_f1", "boundary_f1"}
	}
	return []string{"accuracy", "macro_f1", "micro_f1", "auc", "log_loss"}
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
	case "mse", "rmse", "mae", "loss", "log_loss":
		return false
	}
	return true
}

// HasUnit reports whether a metric has the unit of what it measures, or its square,
// so that those of several tasks do not add up.
func HasUnit(name string) bool { return name == "rmse" || name == "mae" || name == "mse" }

// ofLabels is embedded by metrics that numbers mean nothing to.
type ofLabels struct{}

func (ofLabels) AddValues(_, _ []float64) {}

// mismatch says that two accumulators do not measure the same.
func mismatch(into, from any) error {
	return fmt.Errorf("metric: cannot merge %T into %T: they do not measure the same", from, into)
}

// ratio is a/b, and NaN for b = 0: a share of nothing.
func ratio(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}
