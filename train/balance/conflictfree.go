package balance

import "math"

// conflictfree follows the direction whose cosine with all gradients is the
// same, as long as the sum of their projections onto it: Liu, Chu and Thuerey,
// ConFIG: Towards Conflict-free Training of Physics Informed Neural Networks,
// ICLR 2025 (arXiv 2408.11104), equation 2.
var conflictfree = Method{
	Name:   "config",
	Title:  "Conflict-free inverse gradients (ConFIG)",
	Paper:  "Liu, Chu and Thuerey, ICLR 2025",
	Use:    "losses of very different scales, as in physics",
	Needs:  Needs{Gram: true},
	Heads:  Unweighted,
	Claims: Claims{Symmetric: true, Linear: true},
	Options: []Option{
		{Name: "preference", Default: 1.0, Max: math.MaxFloat32, PerTask: true, Doc: "the cosines' ratios"},
	},
	build: func(o options, _ int) rule { return conflictfreeRule{o.perTask("preference")} },
}

type conflictfreeRule struct{ preference []float64 }

func (r conflictfreeRule) weigh(p *problem) []float64 {
	n := p.size()
	units, inverse := p.gram.cosines()
	// The direction of pinv(U)*1 is U'*v with v = (U*U')^+ 1.
	v := units.pseudoSolve(pick(r.preference, p.tasks))
	size := math.Sqrt(units.square(v))
	if size == 0 {
		return make([]float64, n)
	}
	along, length := units.times(v), 0.0
	for i := range n {
		length += p.gram.norm(i) * along[i] / size
	}
	w := make([]float64, n)
	for i := range w {
		w[i] = length / size * v[i] * inverse[i]
	}
	return w
}
