package metric

import (
	"math"

	"espalier/schema"
)

// valueDefinitions are those of the metrics of numbers.
func valueDefinitions() []definition {
	byDeviation := func(value float64, t *schema.Task) float64 { return skill(value, t.Deviation) }
	byVariance := func(value float64, t *schema.Task) float64 { return skill(value, t.Deviation*t.Deviation) }
	ofQuotient := func(value float64, _ *schema.Task) float64 { return skill(1-value, 1) }
	noReference := func(float64, *schema.Task) float64 { return math.NaN() }
	return []definition{
		{name: "rmse", kind: ofValues, lower: true, unit: true, undefined: notFinite, skill: byDeviation, quotient: "r2"},
		{name: "mae", kind: ofValues, lower: true, unit: true, undefined: notFinite, skill: byDeviation, quotient: "r2"},
		{name: "mse", kind: ofValues, lower: true, unit: true, undefined: notFinite, skill: byVariance, quotient: "r2"},
		{name: "r2", kind: ofValues, undefined: "the true values are all the same", skill: ofQuotient},
		{name: "d2", kind: ofValues, undefined: "the true counts are all the same, or a prediction is not above 0", skill: ofQuotient},
		{name: "poisson_deviance", kind: ofValues, lower: true, unit: true, undefined: "a prediction is not above 0", quotient: "d2", skill: noReference},
	}
}

// regression measures numbers: the mean squared error, its root, the mean
// absolute error, or the coefficient of determination r2, 1 minus the squared
// error over that of always answering the mean of the truth. Where the truth
// is one number there is nothing to explain, and r2 is not defined.
type regression struct {
	name         string
	n            int
	squared, abs float64
	// mean and spread are the truth's: the mean, and the sum of squared
	// deviations from it by Welford's recurrence (1962), which a mean far from
	// 0 does not drown as the difference of two sums would.
	mean, spread float64
}

// NewValues returns rmse, mse, mae, r2, d2 or poisson_deviance.
func NewValues(name string) Accumulator {
	if name == "d2" || name == "poisson_deviance" {
		return &deviance{share: name == "d2"}
	}
	return &regression{name: name}
}

func (r *regression) AddLabels(_, _ []int64) {}

func (r *regression) AddValues(predicted, truth []float64) {
	for i, y := range truth {
		d := predicted[i] - y
		r.squared += d * d
		r.abs += math.Abs(d)
		r.n++
		off := y - r.mean
		r.mean += off / float64(r.n)
		r.spread += off * (y - r.mean)
	}
}

// Merge joins the deviations by the formula of Chan, Golub and LeVeque (1983).
func (r *regression) Merge(other Accumulator) error {
	o, ok := other.(*regression)
	if !ok || o.name != r.name {
		return mismatch(r, other)
	}
	if o.n == 0 {
		return nil
	}
	n, m := float64(r.n), float64(o.n)
	off := o.mean - r.mean
	r.mean += off * m / (n + m)
	r.spread += o.spread + off*off*n*m/(n+m)
	r.n += o.n
	r.squared += o.squared
	r.abs += o.abs
	return nil
}

func (r *regression) Count() int { return r.n }

func (r *regression) Value() float64 {
	if r.n == 0 {
		return math.NaN()
	}
	n := float64(r.n)
	switch {
	case r.name == "rmse":
		return math.Sqrt(r.squared / n)
	case r.name == "mae":
		return r.abs / n
	case r.name == "mse":
		return r.squared / n
	case r.spread > 0:
		return 1 - r.squared/r.spread
	}
	return math.NaN()
}

// deviance measures counts: the mean Poisson deviance, of y for a prediction of mu
//
//	2 (y log(y/mu) - y + mu)
//
// or d2, the share of it that is explained: 1 minus the deviance over that of always
// answering the mean of the truth (Hastie, Tibshirani and Wainwright 2015, "Statistical
// Learning with Sparsity", section 3.2), which is r2 for counts. A prediction of 0 for a
// count above 0 has an infinite deviance, and a negative one has none.
type deviance struct {
	share      bool
	n          int
	sum        float64 // of deviances
	total, own float64 // sums of y and of y log(y)
	low, high  float64 // of y
}

func (d *deviance) AddLabels(_, _ []int64) {}

func (d *deviance) AddValues(predicted, truth []float64) {
	for i, y := range truth {
		mu := predicted[i]
		switch {
		case mu < 0:
			d.sum = math.NaN()
		case y > 0:
			d.sum += 2 * (y*math.Log(y/mu) - y + mu)
			d.own += y * math.Log(y)
		default:
			d.sum += 2 * mu
		}
		if d.n == 0 {
			d.low, d.high = y, y
		}
		d.n++
		d.total += y
		d.low, d.high = min(d.low, y), max(d.high, y)
	}
}

func (d *deviance) Merge(other Accumulator) error {
	o, ok := other.(*deviance)
	switch {
	case !ok || o.share != d.share:
		return mismatch(d, other)
	case o.n == 0:
		return nil
	case d.n == 0:
		*d = *o
		return nil
	}
	d.n += o.n
	d.sum += o.sum
	d.total += o.total
	d.own += o.own
	d.low, d.high = min(d.low, o.low), max(d.high, o.high)
	return nil
}

func (d *deviance) Count() int { return d.n }

func (d *deviance) Value() float64 {
	switch {
	case d.n == 0 || d.share && d.low == d.high:
		return math.NaN()
	case d.share:
		return 1 - d.sum/(2*(d.own-d.total*math.Log(d.total/float64(d.n))))
	}
	return d.sum / float64(d.n)
}

// MeanLoss is the mean of a loss over labels: batches differ in how many
// labels they hold, so a mean of the batches' means would not be it.
type MeanLoss struct {
	sum float64
	n   int
}

// Add counts a batch whose mean loss over n labels is given.
func (m *MeanLoss) Add(loss float64, n int) {
	if n > 0 { // a batch without labels may carry any number
		m.sum += loss * float64(n)
		m.n += n
	}
}

// Merge adds what another mean has counted.
func (m *MeanLoss) Merge(o MeanLoss) {
	m.sum += o.sum
	m.n += o.n
}

// Value is the mean, 0 when Count is 0.
func (m *MeanLoss) Value() float64 {
	if m.n == 0 {
		return 0
	}
	return m.sum / float64(m.n)
}

// Count is the number of labels.
func (m *MeanLoss) Count() int { return m.n }
