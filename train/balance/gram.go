package balance

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// gram holds the inner products of n gradients.
type gram struct {
	n int
	v []float64 // [n, n], symmetric
}

// newGram takes v over and makes it symmetric to the last bit, with a diagonal
// that is not negative.
func newGram(n int, v []float64) *gram {
	g := &gram{n, v}
	for i := range n {
		v[i*n+i] = max(v[i*n+i], 0)
		for j := range i {
			x := (v[i*n+j] + v[j*n+i]) / 2
			v[i*n+j], v[j*n+i] = x, x
		}
	}
	return g
}

func (g *gram) at(i, j int) float64 { return g.v[i*g.n+j] }

// norm is the length of gradient i.
func (g *gram) norm(i int) float64 { return math.Sqrt(g.at(i, i)) }

func (g *gram) trace() float64 {
	sum := 0.0
	for i := range g.n {
		sum += g.at(i, i)
	}
	return sum
}

// scaled returns f[i]*f[j]*g_ij: the inner products of gradients that are f
// times as long.
func (g *gram) scaled(f []float64) *gram {
	v := make([]float64, len(g.v))
	for i := range g.n {
		for j := range g.n {
			v[i*g.n+j] = f[i] * g.at(i, j) * f[j]
		}
	}
	return &gram{g.n, v}
}

// divided returns the inner products of gradients with squares x times
// smaller.
func (g *gram) divided(x float64) *gram {
	v := make([]float64, len(g.v))
	for i := range v {
		v[i] = g.v[i] / x
	}
	return &gram{g.n, v}
}

// cosines returns the inner products of the gradients at length 1 and the
// inverse lengths. A zero gradient stays zero, and its inverse length is 0.
func (g *gram) cosines() (*gram, []float64) {
	inverse := make([]float64, g.n)
	for i := range inverse {
		if n := g.norm(i); n > 0 {
			inverse[i] = 1 / n
		}
	}
	c := g.scaled(inverse)
	for i := range g.n {
		if inverse[i] > 0 {
			c.v[i*g.n+i] = 1
		}
	}
	return c, inverse
}

// times returns g*w: the inner product of each gradient with sum w_i g_i.
func (g *gram) times(w []float64) []float64 {
	out := make([]float64, g.n)
	for i := range out {
		out[i] = dot(g.v[i*g.n:(i+1)*g.n], w)
	}
	return out
}

// square returns |sum w_i g_i|^2.
func (g *gram) square(w []float64) float64 { return max(dot(w, g.times(w)), 0) }

// eigen returns the eigenvalues in ascending order, none negative, and the
// vectors as columns.
func (g *gram) eigen() ([]float64, *mat.Dense) {
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(g.n, append([]float64(nil), g.v...)), true) {
		// The iteration ends for every finite matrix in practice. Were it not
		// to, the gradients are taken as orthogonal.
		values, vectors := make([]float64, g.n), mat.NewDense(g.n, g.n, nil)
		for i := range values {
			values[i] = g.at(i, i)
			vectors.Set(i, i, 1)
		}
		return values, vectors
	}
	values, vectors := e.Values(nil), new(mat.Dense)
	e.VectorsTo(vectors)
	for i, x := range values {
		values[i] = max(x, 0)
	}
	return values, vectors
}

// rankTolerance is what eigenvalues must be above, relative to the largest and
// per task, not to count as 0.
const rankTolerance = 0x1p-52

// pseudoSolve returns G^+ b.
func (g *gram) pseudoSolve(b []float64) []float64 {
	values, vectors := g.eigen()
	least := values[g.n-1] * float64(g.n) * rankTolerance
	x := make([]float64, g.n)
	for k, lambda := range values {
		if lambda <= least {
			continue
		}
		c := 0.0
		for i := range g.n {
			c += vectors.At(i, k) * b[i]
		}
		for i := range g.n {
			x[i] += c / lambda * vectors.At(i, k)
		}
	}
	return x
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

func sum(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total
}

// filled returns n times x.
func filled(n int, x float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = x
	}
	return v
}

// softmax returns exp(x)/sum exp(x).
func softmax(x []float64) []float64 {
	most := math.Inf(-1)
	for _, v := range x {
		most = max(most, v)
	}
	w := make([]float64, len(x))
	for i, v := range x {
		w[i] = math.Exp(v - most)
	}
	total := sum(w)
	for i := range w {
		w[i] /= total
	}
	return w
}

// pick returns the entries of the tasks.
func pick(all []float64, tasks []int) []float64 {
	of := make([]float64, len(tasks))
	for i, t := range tasks {
		of[i] = all[t]
	}
	return of
}
