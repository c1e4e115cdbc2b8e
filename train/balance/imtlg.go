package balance

import (
	"math"

	"espalier/setting"
)

// imtlg follows the combination, of sum 1, whose projections onto all gradients
// are equal: Liu et al., Towards Impartial Multi-Task Learning, ICLR 2021,
// section 3.1 (IMTL-G). With dependent gradients it is w ~ G^+ sqrt(diag G), as
// in Quinton and Rey, Jacobian Descent for Multi-Objective Optimization
// (arXiv 2406.16232), and 0 where those weights add up to 0 but for rounding
// errors. Of two tasks the weights are each other's length, whatever the angle.
var imtlg = Method{
	Name:        "imtl-g",
	Title:       "Impartial multi-task learning of gradients (IMTL-G)",
	Paper:       "Liu et al., ICLR 2021",
	Use:         "tasks of equal standing whatever their scale",
	Needs:       Needs{Gram: true, Representation: true},
	Heads:       Unweighted,
	RightAngles: byLengths,
	Claims:      Claims{Symmetric: true},
	build:       func(setting.Values, int) rule { return imtlgRule{} },
}

type imtlgRule struct{}

func (imtlgRule) weigh(p *problem) []float64 {
	n := p.size()
	trace := p.gram.trace()
	if trace == 0 {
		return make([]float64, n)
	}
	g := p.gram.divided(trace)
	lengths, size := make([]float64, n), 0.0
	for i := range lengths {
		lengths[i] = g.norm(i)
	}
	w := impartial(g, lengths)
	total := sum(w)
	for _, x := range w {
		size += math.Abs(x)
	}
	if math.Abs(total) <= math.Sqrt(cut(n))*size {
		return make([]float64, n)
	}
	for i := range w {
		w[i] /= total
	}
	return w
}

// impartial returns G^+ sqrt(diag G), or that times any number.
func impartial(g *gram, lengths []float64) []float64 {
	if g.n == 2 && lengths[0] > 0 && lengths[1] > 0 {
		return []float64{lengths[1], lengths[0]}
	}
	units, inverse := g.cosines()
	s := units.spectrum()
	if len(s.values) < g.n {
		return g.spectrum().solve(lengths)
	}
	// The same, whatever the lengths: G = D C D with unit C.
	w := s.solve(filled(g.n, 1))
	for i := range w {
		w[i] *= inverse[i]
	}
	return w
}
