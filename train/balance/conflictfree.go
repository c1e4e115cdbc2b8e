package balance

import (
	"math"

	"espalier/setting"
)

// conflictfree follows the direction whose cosine with all gradients is the
// same, as long as the sum of their projections onto it: Liu, Chu and Thuerey,
// ConFIG: Towards Conflict-free Training of Physics Informed Neural Networks,
// ICLR 2025 (arXiv 2408.11104), equation 2.
//
// Where gradients depend on each other there need not be such a direction, and
// the pseudoinverse fits the cosines as well as it can. Of opposite gradients
// it can fit nothing, and what it returns is 0 but for rounding errors, whose
// direction the equation would go along at full length. Therefore the length
// falls to 0 with the part of the cosines that is fitted, from where float32
// does not tell it from 0.
var conflictfree = Method{
	Name:        "config",
	Title:       "Conflict-free inverse gradients (ConFIG)",
	Paper:       "Liu, Chu and Thuerey, ICLR 2025",
	Use:         "losses of very different scales, as in physics",
	Needs:       Needs{Gram: true},
	Heads:       Unweighted,
	RightAngles: byLengths,
	Claims:      Claims{Symmetric: true, Linear: true},
	Options: []setting.Option{
		{Key: "preference", Default: 1.0, Max: math.MaxFloat32, PerTask: true, Doc: "the cosines' ratios"},
	},
	build: func(o setting.Values, _ int) rule { return conflictfreeRule{o.Numbers("preference")} },
}

type conflictfreeRule struct{ preference []float64 }

func (r conflictfreeRule) weigh(p *problem) []float64 {
	n := p.size()
	prefer := pick(r.preference, p.tasks)
	units, inverse := p.gram.cosines()
	// The direction of pinv(U)*1 is U'*v with v = (U*U')^+ 1.
	v, along, s := make([]float64, n), make([]float64, n), units.spectrum()
	size, fitted := 0.0, 0.0
	for k, vector := range s.vectors {
		c := dot(vector, prefer)
		addTo(v, vector, c/s.values[k])
		addTo(along, vector, c)
		size += c * c / s.values[k]
		fitted += c * c
	}
	if size == 0 {
		return make([]float64, n)
	}
	size = math.Sqrt(size)
	length := 0.0
	for i := range n {
		length += p.gram.norm(i) * along[i] / size
	}
	length *= min(1, math.Sqrt(fitted/(cut(n)*dot(prefer, prefer))))
	w := make([]float64, n)
	for i := range w {
		w[i] = length / size * v[i] * inverse[i]
	}
	return w
}
