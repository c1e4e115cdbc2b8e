package balance

import (
	"math"

	"espalier/setting"
)

// imtll learns a scale s per task along with the model: the loss is
// sum exp(s)*L - s, at whose minimum over s every scaled loss is 1. Liu et al.,
// Towards Impartial Multi-Task Learning, ICLR 2021, section 3.2 (IMTL-L).
var imtll = Method{
	Name:  "imtl-l",
	Title: "Impartial multi-task learning of losses (IMTL-L)",
	Paper: "Liu et al., ICLR 2021",
	Use:   "losses of different scales, at no cost",
	Heads: Weighted,
	Options: []setting.Option{
		{Key: "initial", Default: 0.0, Min: -20, Max: 20, Doc: "each log-scale at the start"},
		{Key: "lr", Default: 0.001, Max: 1, Doc: "learning rate of the log-scales, by Adam"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &imtllRule{filled(tasks, o.Number("initial")), newScalarAdam(o.Number("lr"), 0, tasks)}
	},
}

type imtllRule struct {
	s    []float64
	adam *scalarAdam
}

func (r *imtllRule) weigh(p *problem) []float64 {
	w := make([]float64, p.size())
	for i, t := range p.tasks {
		w[i] = math.Exp(r.s[t])
	}
	return w
}

func (r *imtllRule) learn(p *problem) {
	for i, t := range p.tasks {
		r.adam.update(r.s, t, math.Exp(r.s[t])*p.losses[i]-1)
		r.s[t] = min(max(r.s[t], -50), 50)
	}
}

func (r *imtllRule) memory() []slot {
	return append(r.adam.memory(), slot{name: "log_scale", small: &r.s})
}
