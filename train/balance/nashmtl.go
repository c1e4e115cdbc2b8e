package balance

import "math"

// nashmtl follows the Nash bargaining solution, at which G*w = 1/w: Navon et
// al., Multi-Task Learning as a Bargaining Game, ICML 2022, claim 3.1 and
// algorithm 1. The authors approach it by up to 20 convex programs; here it is
// solved exactly. Its direction has length sqrt(K) whatever the gradients'
// lengths; as in the authors' code it is shortened to max_norm.
var nashmtl = Method{
	Name:   "nash-mtl",
	Title:  "Nash bargaining (Nash-MTL)",
	Paper:  "Navon et al., ICML 2022",
	Use:    "tasks of different scales: the solution does not see them",
	Needs:  Needs{Gram: true},
	Heads:  Weighted,
	Claims: Claims{NonConflicting: true, Symmetric: true, Stationary: true},
	Options: []Option{
		{Name: "max_norm", Default: 1.0, Max: math.MaxFloat32, Doc: "largest length of the combined gradient; 0: no limit"},
		{Name: "every", Default: 1.0, Min: 1, Max: 1e6, Whole: true, Doc: "steps for which weights are kept"},
	},
	build: func(o options, tasks int) rule {
		return &nashRule{o.number("max_norm"), int(o.number("every")), make([]float64, 1), make([]float64, tasks)}
	},
}

type nashRule struct {
	most  float64
	every int
	calls []float64 // [1]
	last  []float64 // weights before shortening, 0: none yet
}

func (r *nashRule) weigh(p *problem) []float64 {
	due := int(r.calls[0])%r.every == 0
	for _, t := range p.tasks {
		due = due || r.last[t] == 0
	}
	r.calls[0]++
	if due {
		for i, w := range bargain(p.gram, 1) {
			r.last[p.tasks[i]] = w
		}
	}
	w := pick(r.last, p.tasks)
	if length := math.Sqrt(p.gram.square(w)); r.most > 0 && length > r.most {
		for i := range w {
			w[i] *= r.most / length
		}
	}
	return w
}

func (r *nashRule) memory() []slot {
	return []slot{{name: "calls", small: &r.calls}, {name: "weights", small: &r.last}}
}
