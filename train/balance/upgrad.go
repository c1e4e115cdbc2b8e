package balance

import "espalier/setting"

// upgrad is the mean of the gradients, each projected onto the cone of the
// directions that conflict with no task: Quinton and Rey, Jacobian Descent for
// Multi-Objective Optimization (arXiv 2406.16232), section 3.1.
var upgrad = Method{
	Name:        "upgrad",
	Title:       "Unconflicting projection of gradients (UPGrad)",
	Paper:       "Quinton and Rey, arXiv 2406.16232",
	Use:         "conflicting tasks: conflict-free, and fair to their lengths",
	Needs:       Needs{Gram: true},
	Heads:       Unweighted,
	RightAngles: plainMean,
	Claims:      Claims{NonConflicting: true, Symmetric: true, Linear: true, Stationary: true},
	Options:     coneOptions,
	build: func(o setting.Values, _ int) rule {
		return upgradRule{newConeProjector(o), o.Numbers("preference")}
	},
}

type upgradRule struct {
	coneProjector
	preference []float64
}

func (r upgradRule) weigh(p *problem) []float64 {
	prefer := shares(pick(r.preference, p.tasks))
	h := r.prepare(p.gram)
	if h == nil {
		return prefer
	}
	w := make([]float64, p.size())
	for i := range prefer {
		u := make([]float64, p.size())
		u[i] = prefer[i]
		for j, x := range project(h, u) {
			w[j] += x
		}
	}
	return w
}
