package balance

import (
	"math"

	"espalier/setting"
)

// gradnorm learns weights at which weighted gradients are of equal length, but
// longer for tasks that train more slowly: Chen et al., GradNorm: Gradient
// Normalization for Adaptive Loss Balancing in Deep Multitask Networks, ICML
// 2018, equations 1 and 2 and algorithm 1. Weights are K*softmax(v), as in
// LibMTL, so that they stay positive and their sum K. A task's rate is measured
// against its own first loss, by its own ratio and not the mean's.
var gradnorm = Method{
	Name:  "gradnorm",
	Title: "Gradient normalization (GradNorm)",
	Paper: "Chen et al., ICML 2018",
	Use:   "gradients of very different lengths; the last shared layer's do",
	Needs: Needs{Losses: true, Positive: true, Gram: true, Representation: true},
	Heads: Weighted,
	Options: []setting.Option{
		{Key: "alpha", Default: 1.5, Max: 100, Doc: "strength of the pull to equal training rates"},
		{Key: "lr", Default: 0.025, Max: 10, Doc: "learning rate of v, by Adam (the paper's for NYUv2)"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &gradnormRule{o.Number("alpha"), make([]float64, tasks), make([]float64, tasks), newScalarAdam(o.Number("lr"), 0, tasks)}
	},
}

type gradnormRule struct {
	alpha float64
	first []float64 // losses at first sight, 0 before
	v     []float64
	adam  *scalarAdam
}

// weigh returns the weights and then moves them by this step's gradients.
func (r *gradnormRule) weigh(p *problem) []float64 {
	n := float64(p.size())
	w := softmax(pick(r.v, p.tasks))
	lengths, rates := make([]float64, p.size()), make([]float64, p.size())
	for i, t := range p.tasks {
		w[i] *= n
		lengths[i] = w[i] * p.gram.norm(i)
		loss := max(p.losses[i], small)
		if r.first[t] == 0 {
			r.first[t] = loss
		}
		rates[i] = loss / r.first[t]
	}
	length, rate := sum(lengths)/n, sum(rates)/n
	slopes, mean := make([]float64, p.size()), 0.0 // of sum |length_i - target_i| by w
	for i := range slopes {
		target := length * math.Pow(rates[i]/rate, r.alpha)
		switch {
		case lengths[i] > target:
			slopes[i] = p.gram.norm(i)
		case lengths[i] < target:
			slopes[i] = -p.gram.norm(i)
		}
		mean += slopes[i] * w[i] / n
	}
	for i, t := range p.tasks {
		r.adam.update(r.v, t, w[i]*(slopes[i]-mean))
	}
	return w
}

func (r *gradnormRule) memory() []slot {
	return append(r.adam.memory(), slot{name: "first_loss", small: &r.first}, slot{name: "logits", small: &r.v})
}
