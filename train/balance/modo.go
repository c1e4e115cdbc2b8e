package balance

import "espalier/setting"

// modo walks MGDA's problem one projected gradient step per training step, on
// two independent batches so that the step is unbiased: Chen et al., Three-Way
// Trade-Off in Multi-Objective Learning: Optimization, Generalization and
// Conflict-Avoidance, NeurIPS 2023 and JMLR 2024, equation 2.9. Step.Cross
// holds the inner products of the gradients of the one batch with those of the
// other, and the model follows the weights on a third, the step's own.
var modo = Method{
	Name:  "modo",
	Title: "Double sampling (MoDo)",
	Paper: "Chen et al., NeurIPS 2023",
	Use:   "small batches, whose Gram matrix is biased; three batches a step",
	Needs: Needs{Batches: 2},
	Heads: Unweighted,
	Options: []setting.Option{
		{Key: "gamma", Default: 0.001, Open: true, Max: 1e6, Doc: "step size of the weights (TorchJD: 0.1)"},
		{Key: "rho", Default: 0.1, Max: 1e6, Doc: "pull to equal weights"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &modoRule{o.Number("gamma"), o.Number("rho"), filled(tasks, 1/float64(tasks))}
	},
}

type modoRule struct {
	gamma, rho float64
	w          []float64
}

func (r *modoRule) weigh(p *problem) []float64 {
	w := shares(pick(r.w, p.tasks))
	slope := crossTimes(p.cross, w)
	for i := range w {
		w[i] -= r.gamma * (slope[i] + r.rho*w[i])
	}
	w = ontoSimplex(w)
	for i, t := range p.tasks {
		r.w[t] = w[i]
	}
	return w
}

func (r *modoRule) memory() []slot { return []slot{{name: "weights", small: &r.w}} }
