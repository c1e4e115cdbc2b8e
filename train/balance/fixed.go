package balance

import (
	"math"

	"espalier/setting"
)

// fixed is the sum of the losses with weights that are given: linear or static
// scalarization. Xin et al., Do Current Multi-Task Optimization Methods in
// Deep Learning Even Help?, NeurIPS 2022.
var fixed = Method{
	Name:   "fixed",
	Title:  "Fixed weights (static scalarization)",
	Paper:  "Xin et al., NeurIPS 2022",
	Use:    "with weights from a search, the strongest cheap baseline",
	Heads:  Weighted,
	Claims: Claims{Symmetric: true, Linear: true},
	Options: []setting.Option{{
		Key: "weights", Default: 1.0, Max: math.MaxFloat32, PerTask: true, Doc: "each task's weight",
	}},
	build: func(o setting.Values, _ int) rule { return fixedRule{o.Numbers("weights")} },
}

type fixedRule struct{ weights []float64 }

func (r fixedRule) weigh(p *problem) []float64 { return pick(r.weights, p.tasks) }
