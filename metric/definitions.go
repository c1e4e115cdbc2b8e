package metric

import (
	"sync"

	"espalier/schema"
)

// definition says what a metric is, beside its formula. One that is not in the table
// is a share of labels: without a unit, and higher is better.
type definition struct {
	name    string
	kind    kind
	lower   bool // lower is better
	unit    bool // of what it measures, or its square
	ofSpans bool // it reads a scheme of tags
	pooled  bool // it pools the decisions about all labels
	// undefined is why it is not defined although there are labels; "" where no label
	// is true or predicted.
	undefined string
	// skill makes a score of it that is comparable with those of other tasks, see
	// [Skill]; nil where it is one.
	skill func(value float64, t *schema.Task) float64
	// quotient names the metric of the same type whose skill stands in for its own
	// where the task has no reference; "" for none.
	quotient string
}

// kind is what a metric counts.
type kind int

const (
	ofLabelNumbers kind = iota // by AddLabels
	ofValues                   // numbers, by AddValues
	ofScores                   // the second label's probability, by AddValues
)

const (
	notFinite   = "an answer is not a finite number"
	noRelations = "there is no relation, neither true nor predicted"
)

// definitions is the table of all metrics, made once. Nobody changes it.
var definitions = sync.OnceValue(func() []definition {
	return append(valueDefinitions(), []definition{
		{name: "loss", lower: true},
		{name: "micro_f1", pooled: true},
		{name: "auc", kind: ofScores, undefined: "all labels are of one class"},
		// The loss of predicting the frequencies of the labels is their entropy.
		{name: "log_loss", kind: ofScores, lower: true, undefined: notFinite, skill: func(value float64, t *schema.Task) float64 {
			return skill(value, entropy(t.Counts))
		}},
		{name: "span_f1", ofSpans: true, undefined: "there is no span, neither true nor predicted"},
		{name: "relation_f1", pooled: true, undefined: noRelations},
		{name: "boundary_f1", pooled: true, undefined: noRelations},
		{name: "quadratic_kappa", undefined: "all labels and all predictions are one label"},
		{name: "rank_mae", lower: true, unit: true, skill: func(value float64, t *schema.Task) float64 {
			return skill(value, offMedian(t.Counts))
		}},
	}...)
})

func definitionOf(name string) definition {
	for _, d := range definitions() {
		if d.name == name {
			return d
		}
	}
	return definition{name: name}
}

// HigherIsBetter reports which way a metric points.
func HigherIsBetter(name string) bool { return !definitionOf(name).lower }

// HasUnit reports whether a metric has the unit of what it measures, or its square,
// so that those of several tasks do not add up.
func HasUnit(name string) bool { return definitionOf(name).unit }

// OfSpans reports whether a metric measures the spans that tags of a scheme spell.
func OfSpans(name string) bool { return definitionOf(name).ofSpans }

// Pooled reports whether a metric pools the decisions about all labels, so that
// frequent ones count for more.
func Pooled(name string) bool { return definitionOf(name).pooled }

// OfScores reports whether a metric measures the probability that a task of two
// labels gives the second, in place of the label it chooses. Such a metric
// counts by AddValues: probabilities, and 1, 0 or [schema.UnseenLabel] and below
// for the truth.
func OfScores(name string) bool { return definitionOf(name).kind == ofScores }

// OfValues reports whether a metric measures numbers, by AddValues.
func OfValues(name string) bool { return definitionOf(name).kind == ofValues }

// Quotient names the metric of the same type of tasks that is a quotient of errors
// already, and so has a [Skill] where the task has no reference for that of name; ""
// where there is none.
func Quotient(name string) string { return definitionOf(name).quotient }

// Reason says why a metric of labels that are there is not defined.
func Reason(name string) string {
	kind, label, ok := OfLabel(name)
	switch {
	case ok && kind == "precision":
		return label + " is never predicted"
	case ok && kind == "recall":
		return label + " is never true"
	case ok:
		return label + " is neither true nor predicted"
	}
	if d := definitionOf(name); d.undefined != "" {
		return d.undefined
	}
	return "no label is true or predicted"
}
