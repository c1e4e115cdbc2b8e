package balance

import (
	"math"

	"espalier/setting"
)

// excessmtl gives weight to tasks that are far from their optimum, not to those
// whose loss is high because labels are noisy: He et al., Robust Multi-Task
// Learning with Excess Risks, ICML 2024, equation 6 and algorithm 1. The excess
// risk is estimated by g'H^-1 g with the diagonal of AdaGrad for H, relative to
// its mean over the first steps, during which weights are equal. Gradients at
// the representation are summed over the batch first, as in LibMTL.
var excessmtl = Method{
	Name:  "excess-mtl",
	Title: "Excess risks (ExcessMTL)",
	Paper: "He et al., ICML 2024",
	Use:   "tasks whose labels are noisy; a row of memory per task",
	Needs: Needs{Rows: true, Representation: true},
	Heads: Weighted,
	Options: []setting.Option{
		{Key: "eta", Default: 0.01, Open: true, Max: 1e6, Doc: "step size of the weights (TorchJD: 1)"},
		{Key: "warmup", Default: 1.0, Min: 1, Max: 1e6, Kind: setting.Whole, Doc: "steps of a task over which its first excess is averaged"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &excessRule{
			eta: o.Number("eta"), warmup: o.Number("warmup"), tasks: tasks,
			steps: make([]float64, tasks), first: make([]float64, tasks), w: make([]float64, tasks),
		}
	},
}

type excessRule struct {
	eta, warmup float64
	tasks       int
	steps       []float64
	first       []float64 // sum of the excesses of the warm-up
	w           []float64 // logarithms of weights
	squares     []float32 // [tasks, P] sums of squared gradients
}

func (r *excessRule) weigh(p *problem) []float64 {
	for i, t := range p.tasks {
		row := p.rows[i]
		if p.activations != nil {
			row = narrowed(byFeature(row, p.activations, false))
		}
		excess := excessOf(largeRow(&r.squares, r.tasks, t, len(row)), row)
		r.steps[t]++
		if r.steps[t] <= r.warmup {
			r.first[t] += excess
			continue
		}
		if r.first[t] > 0 {
			r.w[t] += r.eta * excess / (r.first[t]/r.warmup + 1e-7)
		}
	}
	r.center(p.tasks)
	w := softmax(pick(r.w, p.tasks))
	for i := range w {
		w[i] *= float64(p.size())
	}
	return w
}

func narrowed(x []float64) []float32 {
	row := make([]float32, len(x))
	narrow(row, x)
	return row
}

// center keeps the logarithms small; only their differences matter.
func (r *excessRule) center(tasks []int) {
	if len(tasks) < r.tasks {
		return
	}
	most := math.Inf(-1)
	for _, x := range r.w {
		most = max(most, x)
	}
	for i := range r.w {
		r.w[i] -= most
	}
}

// excessOf adds the squares of a gradient to their sums and returns
// sum g^2/sqrt(sums).
func excessOf(sums, row []float32) float64 {
	const epsilon = 1e-7
	excess := sumOfParts(len(row), func(from, to int) float64 {
		var lane laneSums
		accumulate(sums[from:to], row[from:to], epsilon, &lane)
		return lane.total()
	})
	if !math.IsNaN(excess) {
		return excess
	}
	// Squares beyond float32: those elements count for nothing.
	excess = 0
	for k, x := range row {
		excess += float64(x) * float64(x) / math.Sqrt(float64(sums[k])+epsilon)
	}
	return excess
}

func (r *excessRule) memory() []slot {
	return []slot{{name: "steps", small: &r.steps}, {name: "first_excess", small: &r.first}, {name: "log_weights", small: &r.w}, {name: "squares", large: &r.squares}}
}
