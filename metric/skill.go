package metric

import (
	"math"

	"espalier/schema"
)

// Skill turns a metric into a number that is comparable with those of other tasks:
// without a unit, at most 1, higher is better. All choices over several tasks use
// it. A metric where higher is better is a share already and stays as it is, except
// for r2, which has no lower bound. An error is divided by a reference from the
// training data, the error of a prediction that does not look at the input, which the
// table of definitions has for each.
//
// With x the quotient, the skill is 1 - x for x up to 1, and 1/x - 1 beyond. It is
// NaN where the value is not defined or the task has no reference: files from
// before the deviation of texts' regressions was kept lack it.
func Skill(name string, value float64, t *schema.Task) float64 {
	if d := definitionOf(name); d.skill != nil {
		return d.skill(value, t)
	}
	return value
}

// skill is the skill score 1 - error/reference (Murphy 1988, "Skill Scores Based on
// the Mean Square Error and Their Relationships to the Correlation Coefficient"):
// 0 at the reference, 1 without an error. Above the reference that falls without
// end, and one failing task would outweigh all others in a mean. There it is
// reference/error - 1 instead, which has the same slope where they meet and ends
// at -1: an error that is k times the reference counts as much against a task as
// one of a k-th of it counts for it.
func skill(err, reference float64) float64 {
	switch {
	case !(reference > 0):
		return math.NaN()
	case err > reference:
		return reference/err - 1
	}
	return 1 - err/reference
}

// entropy is that of the frequencies of labels, in nats; that of two equally
// frequent ones where they were not counted.
func entropy(counts []int) float64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	if total == 0 {
		return math.Ln2
	}
	h := 0.0
	for _, n := range counts {
		if p := float64(n) / float64(total); p > 0 {
			h -= p * math.Log(p)
		}
	}
	return h
}
