package balance

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// minNorm returns the weights, at least 0 and of sum 1, of the shortest
// sum w_i g_i: Wolfe's algorithm (Finding the nearest point in a polytope,
// 1976), which is exact. It walks over sets of tasks ("corrals") whose
// shortest affine combination has only weights above 0, each shorter than the
// one before.
func minNorm(g *gram) []float64 {
	w := make([]float64, g.n)
	first := 0
	for i := range g.n {
		if g.at(i, i) < g.at(first, first) {
			first = i
		}
	}
	w[first] = 1
	corral := []int{first}
	// Each round makes the point shorter, so that no corral comes twice. The
	// bound is for rounding errors.
	for range 20*g.n + 20 {
		along := g.times(w)
		square := max(dot(w, along), 0)
		next := -1
		best := 0.0
		for j := range g.n {
			if w[j] > 0 || slices.Contains(corral, j) {
				continue
			}
			// How much nearer to 0 task j lies along the point than the point
			// itself, by the accuracy with which that is known.
			accuracy := 1e-13 * (square + math.Sqrt(square)*g.norm(j))
			if nearer := square - along[j]; nearer > accuracy && nearer > best {
				next, best = j, nearer
			}
		}
		if next < 0 {
			break
		}
		corral = append(corral, next)
		candidate, ok := shrinkCorral(g, &corral, slices.Clone(w))
		if !ok || g.square(candidate) >= square {
			break
		}
		w = candidate
	}
	return w
}

// shrinkCorral moves w to the shortest affine combination of the corral, on
// the way dropping tasks whose weight would fall below 0.
func shrinkCorral(g *gram, corral *[]int, w []float64) ([]float64, bool) {
	for range len(*corral) + 1 {
		y, ok := affineMinimizer(g, *corral)
		if !ok {
			return nil, false
		}
		step, leaves := 1.0, -1
		for k, i := range *corral {
			if y[k] < 0 || y[k] == 0 && w[i] > 0 {
				if s := w[i] / (w[i] - y[k]); s < step || leaves < 0 {
					step, leaves = min(s, 1), k
				}
			}
		}
		for k, i := range *corral {
			w[i] = max((1-step)*w[i]+step*y[k], 0)
		}
		if leaves < 0 {
			return w, true
		}
		w[(*corral)[leaves]] = 0
		*corral = slices.Delete(*corral, leaves, leaves+1)
	}
	return nil, false
}

// affineMinimizer returns the weights of sum 1, of any sign, of the shortest
// combination of the tasks: y ~ (G + s*11')^-1 1, in which s > 0 is free. With
// s of the size of the smallest gradient and unit diagonals, gradients of very
// different lengths do no harm.
func affineMinimizer(g *gram, tasks []int) ([]float64, bool) {
	n := len(tasks)
	shift := math.Inf(1)
	for _, i := range tasks {
		shift = min(shift, g.at(i, i))
	}
	if n == 1 || shift == 0 {
		y := make([]float64, n)
		for k, i := range tasks {
			if g.at(i, i) == shift {
				y[k] = 1
				break
			}
		}
		return y, true
	}
	scale := make([]float64, n)
	for k, i := range tasks {
		scale[k] = 1 / math.Sqrt(g.at(i, i)+shift)
	}
	h := mat.NewSymDense(n, nil)
	for k, i := range tasks {
		for l := k; l < n; l++ {
			h.SetSym(k, l, scale[k]*(g.at(i, tasks[l])+shift)*scale[l])
		}
	}
	var factors mat.Cholesky
	if !factors.Factorize(h) {
		return nil, false
	}
	y := mat.NewVecDense(n, nil)
	if err := factors.SolveVecTo(y, mat.NewVecDense(n, scale)); err != nil {
		// A condition number near 1/epsilon is reported and the solution kept;
		// the caller takes only points that are shorter.
		if _, near := err.(mat.Condition); !near {
			return nil, false
		}
	}
	weights := make([]float64, n)
	for k := range weights {
		weights[k] = scale[k] * y.AtVec(k)
	}
	total := sum(weights)
	if !(total > 0) || math.IsInf(total, 0) {
		return nil, false
	}
	for k := range weights {
		weights[k] /= total
	}
	return weights, true
}
