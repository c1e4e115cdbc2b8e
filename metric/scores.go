package metric

import (
	"math"
	"slices"

	"espalier/schema"
)

// auc is the area under the receiver operating characteristic: the share of
// pairs of a positive and a negative case in which the positive one has the
// higher score, equal scores counting half (Hanley and McNeil 1982). It keeps
// every score. A case with a label that training never had is a negative one:
// its label is not the second. Without a case of each kind it is not defined.
type auc struct {
	positive, negative []float64
}

// NewAUC returns the area under the receiver operating characteristic.
func NewAUC() Accumulator { return &auc{} }

func (a *auc) AddLabels(_, _ []int64) {}

func (a *auc) AddValues(predicted, truth []float64) {
	for i, y := range truth {
		if y > 0.5 {
			a.positive = append(a.positive, predicted[i])
		} else {
			a.negative = append(a.negative, predicted[i])
		}
	}
}

func (a *auc) Merge(other Accumulator) error {
	o, ok := other.(*auc)
	if !ok {
		return mismatch(a, other)
	}
	a.positive, a.negative = append(a.positive, o.positive...), append(a.negative, o.negative...)
	return nil
}

func (a *auc) Count() int {
	if len(a.positive) == 0 || len(a.negative) == 0 {
		return 0
	}
	return len(a.positive) + len(a.negative)
}

// Value counts, for each positive score, the negative ones below it twice and
// the equal ones once.
func (a *auc) Value() float64 {
	if a.Count() == 0 {
		return math.NaN()
	}
	slices.Sort(a.positive)
	slices.Sort(a.negative)
	below, upTo, twice := 0, 0, 0
	for _, p := range a.positive {
		for below < len(a.negative) && a.negative[below] < p {
			below++
		}
		for upTo < len(a.negative) && a.negative[upTo] <= p {
			upTo++
		}
		twice += below + upTo
	}
	return float64(twice) / 2 / float64(len(a.positive)) / float64(len(a.negative))
}

// logLoss is the mean of -log of the probability given to the truth (Good 1952).
// Probabilities are kept a float32's precision, 2^-23, away from 0 and 1, as
// scikit-learn does with float32. A label that training never had has the
// probability 0.
type logLoss struct {
	sum float64
	n   int
}

// NewLogLoss returns the mean log loss.
func NewLogLoss() Accumulator { return &logLoss{} }

func (l *logLoss) AddLabels(_, _ []int64) {}

func (l *logLoss) AddValues(predicted, truth []float64) {
	const least = 1.0 / (1 << 23)
	for i, y := range truth {
		p := min(max(predicted[i], least), 1-least)
		switch {
		case y <= schema.UnseenLabel:
			p = least
		case y <= 0.5:
			p = 1 - p
		}
		l.sum -= math.Log(p)
		l.n++
	}
}

func (l *logLoss) Merge(other Accumulator) error {
	o, ok := other.(*logLoss)
	if !ok {
		return mismatch(l, other)
	}
	l.sum += o.sum
	l.n += o.n
	return nil
}

func (l *logLoss) Count() int { return l.n }

func (l *logLoss) Value() float64 {
	if l.n == 0 {
		return math.NaN()
	}
	return l.sum / float64(l.n)
}
