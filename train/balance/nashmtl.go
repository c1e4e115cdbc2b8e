package balance

import (
	"math"

	"espalier/setting"
)

// nashmtl follows the Nash bargaining solution, at which G*w = 1/w: Navon et
// al., Multi-Task Learning as a Bargaining Game, ICML 2022, claim 3.1 and
// algorithm 1. The authors approach it by up to 20 convex programs; here it is
// solved exactly. Its direction has length sqrt(K) whatever the gradients'
// lengths; as in the authors' code it is shortened to max_norm.
//
// Gradients are never stretched to that: where the Frobenius norm of G is below
// 1 the bargain is over G divided by it, at which the direction has length
// sqrt(K*norm) and gets shorter with the gradients. The authors' code divides by
// the norm as well; its constraints multiply it back, but near a minimum its
// solver fails and it keeps weights that do not grow.
var nashmtl = Method{
	Name:        "nash-mtl",
	Title:       "Nash bargaining (Nash-MTL)",
	Paper:       "Navon et al., ICML 2022",
	Use:         "tasks of different scales: the solution does not see them",
	Needs:       Needs{Gram: true},
	Heads:       Weighted,
	RightAngles: byLengths,
	Claims:      Claims{NonConflicting: true, Symmetric: true, Stationary: true},
	Options: []setting.Option{
		{Key: "max_norm", Default: 1.0, Max: math.MaxFloat32, Doc: "largest length of the combined gradient; 0: no limit but that of the bargain, sqrt(K)"},
		{Key: "every", Default: 1.0, Min: 1, Max: 1e6, Kind: setting.Whole, Doc: "steps for which weights are kept"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &nashRule{o.Number("max_norm"), int(o.Number("every")), make([]float64, 1), make([]float64, tasks)}
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
		scale := nashScale(p.gram)
		for i, w := range bargain(p.gram, 1) {
			r.last[p.tasks[i]] = scale * w
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

// nashScale is what the bargain's weights are multiplied by, so that they are
// those over G divided by its norm where that is below 1.
func nashScale(g *gram) float64 {
	if norm := g.frobenius(); norm > 0 {
		return min(1, math.Sqrt(norm))
	}
	return 1
}

func (r *nashRule) memory() []slot {
	return []slot{{name: "calls", small: &r.calls}, {name: "weights", small: &r.last}}
}
