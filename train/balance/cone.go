package balance

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"espalier/setting"
)

// coneProjector projects combinations of gradients onto the cone of the
// directions that conflict with no gradient: Quinton and Rey, Jacobian Descent
// for Multi-Objective Optimization (arXiv 2406.16232), equation 3 and
// proposition 1. Gradients are first divided by their common (Frobenius) norm,
// and regularize is added to the squares of their lengths.
type coneProjector struct {
	least      float64 // squared norm below which gradients count as 0
	regularize float64
}

// coneOptions are those of methods that project.
var coneOptions = []setting.Option{
	{Key: "preference", Default: 1.0, Max: math.MaxFloat32, PerTask: true, Doc: "weights of the gradients before projection, divided by their sum"},
	{Key: "norm_eps", Default: 0.0, Max: 1, Doc: "gradients whose squares sum up to less are not projected (TorchJD: 1e-4, which turns the method off near a minimum)"},
	{Key: "reg_eps", Default: 0.0001, Max: 1, Doc: "added to the squared lengths of the gradients, relative to their sum; 0: exact projections"},
}

func newConeProjector(o setting.Values) coneProjector {
	return coneProjector{o.Number("norm_eps"), o.Number("reg_eps")}
}

// prepare returns the matrix of the quadratic problems, nil for gradients that
// count as 0.
func (c coneProjector) prepare(g *gram) *gram {
	trace := g.trace()
	if trace == 0 || trace < c.least {
		return nil
	}
	h := g.divided(trace)
	for i := range h.n {
		h.v[i*h.n+i] += c.regularize
	}
	return h
}

// project returns weights v >= u of the shortest combination: those of the
// projection of the combination u. It solves min x'Hx/2 + x'Hu over x >= 0 by
// the active-set method of Lawson and Hanson (Solving Least Squares Problems,
// 1974, chapter 23), on the matrix of the normal equations.
func project(h *gram, u []float64) []float64 {
	n := h.n
	scale := make([]float64, n) // the problem is solved for x/scale, with unit diagonal
	for i := range scale {
		if d := h.at(i, i); d > 0 {
			scale[i] = 1 / math.Sqrt(d)
		}
	}
	c := h.scaled(scale)
	target := h.times(u)
	for i := range target {
		target[i] *= -scale[i]
	}
	x := nonNegative(c, target)
	v := make([]float64, n)
	for i := range v {
		v[i] = u[i] + scale[i]*x[i]
	}
	return v
}

// nonNegative minimises x'Cx/2 - b'x over x >= 0 for a C that is positive
// semi-definite with unit or zero diagonal and b in its range.
func nonNegative(c *gram, b []float64) []float64 {
	n := c.n
	x := make([]float64, n)
	var free []int // those that may be above 0
	blocked := make([]bool, n)
	size := 0.0
	for _, v := range b {
		size = max(size, math.Abs(v))
	}
	for range 10*n + 10 {
		slope := c.times(x)
		next, best := -1, 1e-14*size
		for j := range n {
			if x[j] == 0 && !blocked[j] && c.at(j, j) > 0 && b[j]-slope[j] > best {
				next, best = j, b[j]-slope[j]
			}
		}
		if next < 0 {
			break
		}
		y, ok := freeMinimizer(c, b, append(append([]int(nil), free...), next))
		if !ok || y[len(y)-1] <= 0 {
			// Rounding makes it look as if it could grow.
			blocked[next] = true
			continue
		}
		clear(blocked)
		free = append(free, next)
		free = settle(c, b, x, free, y)
	}
	return x
}

// settle moves x towards the minimizer y of the free ones, taking out those
// that reach 0 on the way.
func settle(c *gram, b, x []float64, free []int, y []float64) []int {
	for {
		step := 1.0
		for k, i := range free {
			if y[k] <= 0 {
				step = min(step, x[i]/(x[i]-y[k]))
			}
		}
		kept := free[:0]
		for k, i := range free {
			x[i] += step * (y[k] - x[i])
			if y[k] <= 0 && x[i] <= 1e-15*math.Abs(y[k]) || x[i] <= 0 {
				x[i] = 0
				continue
			}
			kept = append(kept, i)
		}
		if len(kept) == len(y) {
			return kept
		}
		free = kept
		if len(free) == 0 {
			return free
		}
		var ok bool
		if y, ok = freeMinimizer(c, b, free); !ok {
			return free
		}
	}
}

// freeMinimizer solves C x = b for the rows and columns of the tasks.
func freeMinimizer(c *gram, b []float64, tasks []int) ([]float64, bool) {
	n := len(tasks)
	h := mat.NewSymDense(n, nil)
	right := mat.NewVecDense(n, nil)
	for k, i := range tasks {
		for l := k; l < n; l++ {
			h.SetSym(k, l, c.at(i, tasks[l]))
		}
		right.SetVec(k, b[i])
	}
	var factors mat.Cholesky
	if !factors.Factorize(h) || factors.Cond() > 1e14 {
		return nil, false
	}
	x := mat.NewVecDense(n, nil)
	if err := factors.SolveVecTo(x, right); err != nil {
		return nil, false
	}
	return x.RawVector().Data, true
}
