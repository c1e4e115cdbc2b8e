package balance

import (
	"math"

	"espalier/setting"
)

// dbmtl averages the gradients of the logarithms of the losses over steps and
// makes all averages as long as the longest: Lin et al., Dual-Balancing for
// Multi-Task Learning, arXiv 2308.12029, algorithm 1. Heads follow the
// logarithms too.
var dbmtl = Method{
	Name:  "db-mtl",
	Title: "Dual-balancing (DB-MTL)",
	Paper: "Lin et al., arXiv 2308.12029",
	Use:   "losses and gradients of different scales, many steps; a row of memory per task",
	Needs: Needs{Losses: true, Positive: true, Rows: true, Direction: true},
	Options: []setting.Option{
		{Key: "beta", Default: 0.9, Max: 0.9999, Doc: "decay of the averages"},
		{Key: "sigma", Default: 0.0, Max: 10, Doc: "the decay at a task's step n is beta/n^sigma"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &dbmtlRule{beta: o.Number("beta"), sigma: o.Number("sigma"), tasks: tasks, steps: make([]float64, tasks)}
	},
}

type dbmtlRule struct {
	beta, sigma float64
	tasks       int
	steps       []float64 // of each task
	mean        []float32 // [tasks, P]
}

func (r *dbmtlRule) weigh(p *problem) []float64 {
	averages := make([][]float32, p.size())
	lengths, longest := make([]float64, p.size()), 0.0
	for i, t := range p.tasks {
		r.steps[t]++
		decay := r.beta / math.Pow(r.steps[t], r.sigma)
		averages[i] = largeRow(&r.mean, r.tasks, t, len(p.out))
		average(averages[i], p.rows[i], decay, (1-decay)*1/(p.losses[i]+small))
		lengths[i] = math.Sqrt(squares(averages[i]))
		longest = max(longest, lengths[i])
	}
	w := make([]float64, p.size())
	for i := range w {
		w[i] = longest / (lengths[i] + small)
	}
	Combine(p.out, averages, w)
	return w
}

// headWeights are the derivatives of the logarithms.
func (r *dbmtlRule) headWeights(p *problem) []float64 {
	w := make([]float64, p.size())
	for i, l := range p.losses {
		w[i] = 1 / (l + small)
	}
	return w
}

func (r *dbmtlRule) memory() []slot {
	return []slot{{name: "steps", small: &r.steps}, {name: "mean", large: &r.mean}}
}
