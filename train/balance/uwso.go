package balance

import (
	"math"

	"espalier/setting"
)

// uwso weighs by softmax of the inverse losses, which are the weights at which
// uncertainty weighting would settle: Kirchdorfer et al., Analytical
// Uncertainty-Based Loss Weighting in Multi-Task Learning, GCPR 2024
// (arXiv 2408.07985), soft optimal uncertainty weighting.
var uwso = Method{
	Name:  "uw-so",
	Title: "Soft optimal uncertainty weighting (UW-SO)",
	Paper: "Kirchdorfer et al., arXiv 2408.07985",
	Use:   "as uncertainty, without its slow start; tune the temperature",
	Needs: Needs{Losses: true, Positive: true},
	Heads: Weighted,
	Options: []setting.Option{
		{Key: "temperature", Default: 1.0, Open: true, Max: 1e6, Doc: "T: the higher, the more equal the weights (the paper tunes it)"},
	},
	build: func(o setting.Values, _ int) rule { return uwsoRule{o.Number("temperature")} },
}

type uwsoRule struct{ temperature float64 }

func (r uwsoRule) weigh(p *problem) []float64 {
	inverse := make([]float64, p.size())
	for i, l := range p.losses {
		inverse[i] = min(1/max(l, small)/r.temperature, math.MaxFloat32)
	}
	return softmax(inverse)
}
