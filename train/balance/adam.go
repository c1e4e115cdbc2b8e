package balance

import "math"

// scalarAdam is Adam (Kingma and Ba 2015) over one number per task, in
// float64. Each task counts its own steps, so that one that is absent rests.
type scalarAdam struct {
	rate, decay   float64 // decay is added to the gradient (L2)
	first, second []float64
	steps         []float64
}

func newScalarAdam(rate, decay float64, tasks int) *scalarAdam {
	return &scalarAdam{rate, decay, make([]float64, tasks), make([]float64, tasks), make([]float64, tasks)}
}

// update moves x[t] by its gradient.
func (a *scalarAdam) update(x []float64, t int, gradient float64) {
	const beta1, beta2, epsilon = 0.9, 0.999, 1e-8
	gradient += a.decay * x[t]
	a.steps[t]++
	a.first[t] = beta1*a.first[t] + (1-beta1)*gradient
	a.second[t] = beta2*a.second[t] + (1-beta2)*gradient*gradient
	first := a.first[t] / (1 - math.Pow(beta1, a.steps[t]))
	second := a.second[t] / (1 - math.Pow(beta2, a.steps[t]))
	x[t] -= a.rate * first / (math.Sqrt(second) + epsilon)
}

func (a *scalarAdam) memory() []slot {
	return []slot{{name: "adam.first", small: &a.first}, {name: "adam.second", small: &a.second}, {name: "adam.steps", small: &a.steps}}
}
