package balance

import (
	"math"

	"espalier/setting"
)

// gls minimises the geometric mean of the losses, whose gradient weighs a task
// by mean/(K*L): Chennupati et al., MultiNet++: Multi-Stream Feature
// Aggregation and Geometric Loss Strategy for Multi-Task Learning, CVPR
// Workshops 2019, equation 2.
var gls = Method{
	Name:  "gls",
	Title: "Geometric loss strategy (GLS)",
	Paper: "Chennupati et al., CVPR Workshops 2019",
	Use:   "positive losses of different units: their scales cancel",
	Needs: Needs{Losses: true, Positive: true},
	Heads: Weighted,
	build: func(setting.Values, int) rule { return glsRule{} },
}

type glsRule struct{}

func (glsRule) weigh(p *problem) []float64 {
	n := float64(p.size())
	mean := 0.0
	for _, l := range p.losses {
		mean += math.Log(max(l, small)) / n
	}
	w := make([]float64, p.size())
	for i, l := range p.losses {
		w[i] = math.Exp(mean-math.Log(max(l, small))) / n
	}
	return w
}
