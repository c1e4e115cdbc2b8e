// Package metric measures answers against labels. An [Accumulator] is fed
// batch after batch; a label that is missing ([schema.MissingLabel]) is not
// counted, and one that training never had ([schema.UnseenLabel] and below) is
// an error, as it is to scikit-learn and seqeval where the truth holds it.
// Definitions are cited at each metric.
package metric

import (
	"fmt"
	"math"
)

// Accumulator measures one task. It is for one goroutine.
type Accumulator interface {
	// AddLabels counts one sequence of predicted and true labels, both indices
	// of the task's labels: one element for a classification, one per token
	// for tagging; for multilabel one per label, 1 where it applies, and behind
	// them the numbers of labels that apply and that training never had; for
	// relation [schema.RelationWidth] numbers for each that holds. A true label may
	// be missing or unseen; a predicted one that is no index is wrong. Metrics of
	// numbers ignore it.
	AddLabels(predicted, truth []int64)
	// AddValues counts predicted and true numbers. Only metrics of numbers
	// use it, and those of [OfScores].
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
