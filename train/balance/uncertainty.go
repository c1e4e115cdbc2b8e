package balance

import (
	"math"

	"espalier/setting"
)

// uncertainty learns a log-variance s per task along with the model: the loss
// is sum exp(-s)/2*L + s/2. Kendall, Gal and Cipolla, Multi-Task Learning Using
// Uncertainty to Weigh Losses for Scene Geometry and Semantics, CVPR 2018,
// equation 7 with s = log sigma^2.
var uncertainty = Method{
	Name:  "uncertainty",
	Title: "Uncertainty weighting (UW)",
	Paper: "Kendall, Gal and Cipolla, CVPR 2018",
	Use:   "losses of different kinds and units, at no cost",
	Heads: Weighted,
	Options: []setting.Option{
		{Key: "initial", Default: -0.5, Min: -20, Max: 20, Doc: "each log-variance at the start (LibMTL's value; the paper finds it of no matter)"},
		{Key: "lr", Default: 0.001, Max: 1, Doc: "learning rate of the log-variances, by Adam"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &uncertaintyRule{filled(tasks, o.Number("initial")), newScalarAdam(o.Number("lr"), 0, tasks)}
	},
}

type uncertaintyRule struct {
	s    []float64
	adam *scalarAdam
}

func (r *uncertaintyRule) weigh(p *problem) []float64 {
	w := make([]float64, p.size())
	for i, t := range p.tasks {
		w[i] = math.Exp(-r.s[t]) / 2
	}
	return w
}

func (r *uncertaintyRule) learn(p *problem) {
	for i, t := range p.tasks {
		r.adam.update(r.s, t, (1-math.Exp(-r.s[t])*p.losses[i])/2)
		r.s[t] = min(max(r.s[t], -50), 50)
	}
}

func (r *uncertaintyRule) memory() []slot {
	return append(r.adam.memory(), slot{name: "log_variance", small: &r.s})
}
