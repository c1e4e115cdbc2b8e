package balance

import (
	"math"

	"espalier/setting"
)

// sdmgrad stays near the mean gradient while it walks MGDA's problem on two
// independent batches: Xiao, Ban and Ji, Direction-oriented Multi-objective
// Learning: Simple and Provable Stochastic Algorithms, NeurIPS 2023, algorithm
// 1, with the momentum and the scaling of the authors' code. The model follows
// (w + lambda/K)/(1 + lambda) on a third batch, the step's own.
var sdmgrad = Method{
	Name:  "sdmgrad",
	Title: "Direction-oriented stochastic descent (SDMGrad)",
	Paper: "Xiao, Ban and Ji, NeurIPS 2023",
	Use:   "as modo, near the mean; three batches a step",
	Needs: Needs{Batches: 2},
	Heads: Unweighted,
	Options: []setting.Option{
		{Key: "lambda", Default: 0.3, Max: 1e6, Doc: "pull to the mean"},
		{Key: "iterations", Default: 20.0, Min: 1, Max: 1e6, Kind: setting.Whole, Doc: "steps of the weights per training step"},
		{Key: "lr", Default: 5.0, Open: true, Max: 1e6, Doc: "their size (TorchJD: 10)"},
		{Key: "momentum", Default: 0.5, Max: 0.999, Doc: "and their momentum"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &sdmgradRule{
			o.Number("lambda"), int(o.Number("iterations")), o.Number("lr"), o.Number("momentum"), filled(tasks, 1/float64(tasks)),
		}
	},
}

type sdmgradRule struct {
	lambda       float64
	iterations   int
	lr, momentum float64
	w            []float64
}

func (r *sdmgradRule) weigh(p *problem) []float64 {
	n := p.size()
	w := shares(pick(r.w, p.tasks))
	length := 0.0
	for i := range n {
		length += math.Sqrt(max(p.cross[i*n+i], 0)) / float64(n)
	}
	pulled, velocity := make([]float64, n), make([]float64, n)
	for range r.iterations {
		for i := range w {
			pulled[i] = w[i] + r.lambda/float64(n)
		}
		slope := crossTimes(p.cross, pulled)
		for i := range w {
			velocity[i] = r.momentum*velocity[i] + slope[i]/(length*length+1e-8)
			w[i] -= r.lr * velocity[i]
		}
		w = ontoSimplex(w)
	}
	out := make([]float64, n)
	for i, t := range p.tasks {
		r.w[t] = w[i]
		out[i] = (w[i] + r.lambda/float64(n)) / (1 + r.lambda)
	}
	return out
}

func (r *sdmgradRule) memory() []slot { return []slot{{name: "weights", small: &r.w}} }
