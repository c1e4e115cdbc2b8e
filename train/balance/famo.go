package balance

import (
	"math"

	"espalier/setting"
)

// famo lets all losses fall at the same rate: the model follows
// c*sum z_i log(L_i-b_i) with z = softmax(w), and w moves, by Adam, towards
// tasks whose log-loss fell less over the step. Liu et al., FAMO: Fast Adaptive
// Multitask Optimization, NeurIPS 2023, algorithm 1; the normalisation c makes
// the weights of the losses a convex combination. Algorithm 1 compares losses
// of the same batch before and after the step. The authors' code also clips
// the shared gradient at norm 1, which is the trainer's to do.
var famo = Method{
	Name:  "famo",
	Title: "Fast adaptive multitask optimization (FAMO)",
	Paper: "Liu et al., NeurIPS 2023",
	Use:   "many tasks, equal rates of improvement, without gradients by task",
	Needs: Needs{Losses: true, Positive: true, After: true},
	Heads: Weighted,
	Options: []setting.Option{
		{Key: "lr", Default: 0.025, Max: 10, Doc: "learning rate of w, by Adam"},
		{Key: "decay", Default: 0.001, Max: 10, Doc: "weight decay of w, added to its gradient"},
		{Key: "bound", Default: 0.0, Min: -math.MaxFloat32, Max: math.MaxFloat32, PerTask: true, Doc: "b: what each loss cannot fall below"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &famoRule{o.Numbers("bound"), make([]float64, tasks), newScalarAdam(o.Number("lr"), o.Number("decay"), tasks)}
	},
}

type famoRule struct {
	bound []float64
	w     []float64
	adam  *scalarAdam
}

// needs: losses above their bounds may have any sign.
func (r *famoRule) needs(n Needs) Needs {
	for _, b := range r.bound {
		n.Positive = n.Positive && b == 0
	}
	return n
}

// above is how far a loss is above its bound.
func (r *famoRule) above(loss float64, t int) float64 { return max(loss-r.bound[t], 0) + small }

func (r *famoRule) weigh(p *problem) []float64 {
	w := softmax(pick(r.w, p.tasks))
	for i, t := range p.tasks {
		w[i] /= r.above(p.losses[i], t)
	}
	total := sum(w)
	for i := range w {
		w[i] /= total
	}
	return w
}

func (r *famoRule) learn(p *problem) {
	z := softmax(pick(r.w, p.tasks))
	fell, mean := make([]float64, p.size()), 0.0
	for i, t := range p.tasks {
		fell[i] = math.Log(r.above(p.losses[i], t)) - math.Log(r.above(p.after[i], t))
		mean += z[i] * fell[i]
	}
	for i, t := range p.tasks {
		r.adam.update(r.w, t, z[i]*(fell[i]-mean))
	}
}

func (r *famoRule) memory() []slot { return append(r.adam.memory(), slot{name: "logits", small: &r.w}) }
