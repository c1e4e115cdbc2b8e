package balance

import (
	"math"

	"espalier/setting"
)

// moco combines averages of the gradients over steps, which are less biased
// than a batch's, by weights that walk MGDA's problem: Fernando et al.,
// Mitigating Gradient Bias in Multi-objective Learning: A Provably Convergent
// Approach, ICLR 2023, algorithm 1. As in the authors' code a gradient enters
// at the length of its loss, the weights stay on the simplex by softmax, and
// both step sizes fall with the steps.
var moco = Method{
	Name:  "moco",
	Title: "Multi-objective gradient correction (MoCo)",
	Paper: "Fernando et al., ICLR 2023",
	Use:   "small batches; a row of memory per task",
	Needs: Needs{Losses: true, Rows: true, Direction: true},
	Heads: Unweighted,
	Options: []setting.Option{
		{Key: "beta", Default: 0.5, Open: true, Max: 1, Doc: "share of the new gradient in the averages"},
		{Key: "beta_sigma", Default: 0.5, Max: 10, Doc: "that share at a task's step n is beta/n^beta_sigma"},
		{Key: "gamma", Default: 0.1, Max: 1e6, Doc: "step size of the weights"},
		{Key: "gamma_sigma", Default: 0.5, Max: 10, Doc: "that size at step n is gamma/n^gamma_sigma"},
		{Key: "rho", Default: 0.0, Max: 1e6, Doc: "pull to equal weights"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &mocoRule{
			beta: o.Number("beta"), betaSigma: o.Number("beta_sigma"),
			gamma: o.Number("gamma"), gammaSigma: o.Number("gamma_sigma"), rho: o.Number("rho"),
			tasks: tasks, steps: make([]float64, tasks), calls: make([]float64, 1), w: filled(tasks, 1/float64(tasks)),
		}
	},
}

type mocoRule struct {
	beta, betaSigma, gamma, gammaSigma, rho float64
	tasks                                   int
	steps                                   []float64 // of each task
	calls                                   []float64 // [1]
	w                                       []float64
	mean                                    []float32 // [tasks, P]
}

func (r *mocoRule) weigh(p *problem) []float64 {
	averages := make([][]float32, p.size())
	for i, t := range p.tasks {
		r.steps[t]++
		share := r.beta / math.Pow(r.steps[t], r.betaSigma)
		averages[i] = largeRow(&r.mean, r.tasks, t, len(p.out))
		average(averages[i], p.rows[i], 1-share, share*p.losses[i]/(math.Sqrt(p.squares[i])+small))
	}
	r.calls[0]++
	step := r.gamma / math.Pow(r.calls[0], r.gammaSigma)
	w := shares(pick(r.w, p.tasks))
	slope := newGram(p.size(), Gram(averages)).times(w)
	for i := range slope {
		slope[i] = w[i] - step*(slope[i]+r.rho*w[i])
	}
	w = softmax(slope)
	for i, t := range p.tasks {
		r.w[t] = w[i]
	}
	Combine(p.out, averages, w)
	return w
}

func (r *mocoRule) memory() []slot {
	return []slot{{name: "steps", small: &r.steps}, {name: "calls", small: &r.calls}, {name: "weights", small: &r.w}, {name: "mean", large: &r.mean}}
}
