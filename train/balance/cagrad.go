package balance

import (
	"math"
	"slices"

	"espalier/setting"
)

// cagrad follows, within a ball of radius c|g0| around the mean gradient g0,
// the direction whose worst task improves most: Liu et al., Conflict-Averse
// Gradient Descent for Multi-task Learning, NeurIPS 2021, equation 4 and
// algorithm 1: d = g0 + c|g0|/|gw| gw, with w on the simplex minimising
// gw*g0 + c|g0||gw|.
//
// Where gw is 0, as where a task's gradient is 0 or two are opposite, the second
// term has no direction. For c < 1 the ball does not hold 0, so that training
// must not stop there: d is the mean gradient. For c >= 1 fixed points are
// Pareto stationary (theorem 3.2), and d is what is left of the mean by the
// directions that conflict with no task.
var cagrad = Method{
	Name:        "cagrad",
	Title:       "Conflict-averse gradient descent (CAGrad)",
	Paper:       "Liu et al., NeurIPS 2021",
	Use:         "conflicting tasks, near the mean of which one wants to stay",
	Needs:       Needs{Gram: true},
	Heads:       Unweighted,
	RightAngles: byLengths,
	Claims:      Claims{Symmetric: true},
	Options: []setting.Option{
		{Key: "c", Default: 0.5, Min: 0, Max: 100, Doc: "radius of the ball, in lengths of the mean gradient; 0: the mean, from 1 on never in conflict with a task"},
		{Key: "rescale", Default: 1.0, Min: 0, Max: 2, Kind: setting.Whole, Doc: "what d is divided by, as in the authors' code: 0: 1, 1: 1+c^2, 2: 1+c"},
	},
	build: func(o setting.Values, _ int) rule { return cagradRule{o.Number("c"), o.Number("rescale")} },
}

type cagradRule struct{ c, rescale float64 }

func (r cagradRule) weigh(p *problem) []float64 {
	n := p.size()
	mean := filled(n, 1/float64(n))
	trace := p.gram.trace()
	if trace == 0 || n == 1 && r.c == 0 {
		return r.scale(mean)
	}
	g := p.gram.divided(trace)
	radius := r.c * math.Sqrt(g.square(mean))
	if radius <= 1e-12 {
		return r.scale(mean)
	}
	w := conflictAverse(g, radius)
	length := math.Sqrt(g.square(w))
	// A gw of up to the shortest length is rounding errors; from twice that on it
	// has its full part in d, so that d does not jump.
	shortest := max(math.Sqrt(cut(n)*g.parts(w)), least)
	share := min(max(length/shortest-1, 0), 1)
	d := make([]float64, n)
	if share < 1 {
		addTo(d, r.still(g, mean), 1-share)
	}
	addTo(d, mean, share)
	if share > 0 {
		addTo(d, w, share*radius/length)
	}
	return r.scale(d)
}

// least is the length, relative to all gradients together, below which one
// counts as 0.
const least = 1e-9

// still is the direction where some combination of the gradients is 0: no
// direction improves the worst task then. It is the mean, at which the ball is
// centered and which the published code ends at. From c = 1 on the ball holds
// directions that conflict with no task, and it is the nearest of those: but for
// a small number on the diagonal, without which it would give way to what
// rounding errors make of opposite gradients.
func (r cagradRule) still(g *gram, mean []float64) []float64 {
	if r.c < 1 {
		return mean
	}
	h := &gram{g.n, slices.Clone(g.v)}
	for i := range h.n {
		h.v[i*h.n+i] *= 1 + 1e-9
	}
	return project(h, mean)
}

func (r cagradRule) scale(d []float64) []float64 {
	by := 1.0
	switch r.rescale {
	case 1:
		by = 1 + r.c*r.c
	case 2:
		by = 1 + r.c
	}
	for i := range d {
		d[i] /= by
	}
	return d
}

// conflictAverse minimises gw*g0 + radius*|gw| over the simplex. For every
// length t > 0, |gw| <= (|gw|^2/t + t)/2 with equality at t = |gw|, so that the
// minimum is also that over t of a problem whose solution at a given t is the
// shortest combination of the g_i + t/radius*g0. The derivative by t has the
// sign of t - |gw|, and is found 0 by bisection.
func conflictAverse(g *gram, radius float64) []float64 {
	longest := 0.0
	for i := range g.n {
		longest = max(longest, g.norm(i))
	}
	at := func(t float64) ([]float64, float64) {
		w := minNorm(shifted(g, t/radius))
		return w, math.Sqrt(g.square(w))
	}
	low, high := 0.0, longest
	w, length := at(high)
	if length >= high {
		return w
	}
	for range 200 {
		t := (low + high) / 2
		if low > 0 {
			t = math.Sqrt(low * high)
		} else if high > 1e-3*longest {
			t = high / 8
		}
		w, length = at(t)
		if length > t {
			low = t
		} else {
			high = t
		}
		if high-low <= 1e-14*high || high < 1e-13*longest {
			break
		}
	}
	return w
}

// shifted returns the inner products of g_i + s*g0 with g0 the mean.
func shifted(g *gram, s float64) *gram {
	n := g.n
	means := g.times(filled(n, 1/float64(n)))
	square := sum(means) / float64(n)
	v := make([]float64, len(g.v))
	for i := range n {
		for j := range n {
			v[i*n+j] = g.at(i, j) + s*(means[i]+means[j]) + s*s*square
		}
	}
	return newGram(n, v)
}
