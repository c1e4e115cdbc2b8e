package balance

import "espalier/setting"

// fairgrad follows the direction that is alpha-fair in the tasks' improvements,
// at which G*w = w^(-1/alpha): Ban and Ji, Fair Resource Allocation in
// Multi-Task Learning, ICML 2024, equation 5. Alpha 1 is Nash bargaining,
// larger ones go towards max-min fairness.
var fairgrad = Method{
	Name:        "fairgrad",
	Title:       "Fair resource allocation (FairGrad)",
	Paper:       "Ban and Ji, ICML 2024",
	Use:         "a choice between the sum (alpha near 0) and the worst task (alpha large)",
	Needs:       Needs{Gram: true},
	Heads:       Weighted,
	RightAngles: byLengths,
	Claims:      Claims{NonConflicting: true, Symmetric: true, Stationary: true},
	Options: []setting.Option{
		{Key: "alpha", Default: 1.0, Min: 0.2, Max: 10, Doc: "fairness"},
	},
	build: func(o setting.Values, _ int) rule { return fairgradRule{o.Number("alpha")} },
}

type fairgradRule struct{ alpha float64 }

func (r fairgradRule) weigh(p *problem) []float64 { return bargain(p.gram, 1/r.alpha) }
