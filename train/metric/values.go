package metric

import "math"

// errors measures numbers: the mean squared error, its root, the mean absolute
// error, and the coefficient of determination r2, 1 minus the squared error
// over that of always answering the mean.
type errors struct {
	name            string
	n               int
	squared, abs    float64
	sum, sumSquares float64 // of the truth
}

func (e *errors) AddLabels(_, _ []int64) {}

func (e *errors) AddValues(predicted, truth []float32) {
	for i, y := range truth {
		d := float64(predicted[i]) - float64(y)
		e.n++
		e.squared += d * d
		e.abs += math.Abs(d)
		e.sum += float64(y)
		e.sumSquares += float64(y) * float64(y)
	}
}

func (e *errors) Count() int { return e.n }

func (e *errors) Value() float64 {
	if e.n == 0 {
		return 0
	}
	n := float64(e.n)
	switch e.name {
	case "rmse":
		return math.Sqrt(e.squared / n)
	case "mae":
		return e.abs / n
	case "r2":
		spread := e.sumSquares - e.sum*e.sum/n
		if spread <= 0 {
			return 0 // the truth is one number: there is nothing to explain
		}
		return 1 - e.squared/spread
	}
	return e.squared / n
}
