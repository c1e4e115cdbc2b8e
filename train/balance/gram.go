package balance

import (
	"cmp"
	"math"
	"slices"
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

// frobenius is the matrix's norm, the root of its sum of squares.
func (g *gram) frobenius() float64 {
	most := 0.0
	for i := range g.n {
		most = max(most, g.at(i, i))
	}
	if most == 0 {
		return 0
	}
	sum := 0.0
	for _, x := range g.v { // squares of tiny numbers would be 0
		sum += x / most * x / most
	}
	return most * math.Sqrt(sum)
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
// vectors as columns, [n, n]: Jacobi's rotations. Unlike the reduction to
// tridiagonal form they find small eigenvalues to all digits, too, where
// gradients differ much in length (Demmel and Veselic, Jacobi's Method is More
// Accurate than QR, 1992).
func (g *gram) eigen() ([]float64, []float64) {
	n := g.n
	a, v := slices.Clone(g.v), make([]float64, n*n)
	for i := range n {
		v[i*n+i] = 1
	}
	for range 60 {
		turned := false
		for i := range n {
			for j := range i {
				if rotate(a, v, n, i, j) {
					turned = true
				}
			}
		}
		if !turned {
			break
		}
	}
	order, values := make([]int, n), make([]float64, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(a[i*n+i], a[j*n+j]) })
	vectors := make([]float64, n*n)
	for k, from := range order {
		values[k] = max(a[from*n+from], 0)
		for i := range n {
			vectors[i*n+k] = v[i*n+from]
		}
	}
	return values, vectors
}

// rotate makes a_ij 0 and turns the vectors along, and reports whether there
// was anything to do.
func rotate(a, v []float64, n, i, j int) bool {
	x, p, q := a[i*n+j], a[i*n+i], a[j*n+j]
	if math.Abs(x) <= 0x1p-54*math.Sqrt(max(p*q, 0)) {
		return false
	}
	half := (q - p) / (2 * x)
	t := 1 / (math.Abs(half) + math.Hypot(half, 1))
	if half < 0 {
		t = -t
	}
	c := 1 / math.Hypot(t, 1)
	s := t * c
	for k := range n {
		y, z := a[k*n+i], a[k*n+j]
		a[k*n+i], a[k*n+j] = c*y-s*z, s*y+c*z
		y, z = v[k*n+i], v[k*n+j]
		v[k*n+i], v[k*n+j] = c*y-s*z, s*y+c*z
	}
	for k := range n {
		y, z := a[i*n+k], a[j*n+k]
		a[i*n+k], a[j*n+k] = c*y-s*z, s*y+c*z
	}
	a[i*n+i], a[j*n+j] = p-t*x, q+t*x
	a[i*n+j], a[j*n+i] = 0, 0
	return true
}

// Condition returns the largest over the smallest eigenvalue of a matrix of
// inner products, [n, n]: how far the gradients are from being of one length
// and at right angles. It is infinite where they depend on each other.
func Condition(products []float64, n int) float64 {
	values, _ := newGram(n, slices.Clone(products)).eigen()
	if n == 0 || values[0] <= values[n-1]*float64(n)*rankTolerance {
		return math.Inf(1)
	}
	return values[n-1] / values[0]
}

// rankTolerance is what eigenvalues must be above, relative to the largest and
// per task, for [Condition] to be finite.
const rankTolerance = 0x1p-52

// epsilon32 is float32's epsilon: the elements of the rows are rounded to it.
const epsilon32 = 0x1p-23

// cut is the share of its largest possible square below which the square of a
// combination of n gradients is rounding errors: float32's epsilon times n, as
// the published code of Aligned-MTL has it.
func cut(n int) float64 { return float64(n) * epsilon32 }

// cancels reports whether sum w_i g_i, whose square is given, is made of
// rounding errors: its parts cancel each other to less than the cut of what
// they would be if they pointed one way, n*sum w_i^2 |g_i|^2. Unlike the ratio
// to the largest eigenvalue that does not mistake a short gradient for an
// error.
func (g *gram) cancels(w []float64, square float64) bool {
	return square <= cut(g.n)*g.parts(w)
}

// parts is n*sum w_i^2 |g_i|^2, which |sum w_i g_i|^2 cannot exceed.
func (g *gram) parts(w []float64) float64 {
	total := 0.0
	for i, x := range w {
		total += x * x * g.at(i, i)
	}
	return float64(g.n) * total
}

// spectrum holds the eigenvalues, ascending, that are not rounding errors, and
// their vectors.
type spectrum struct {
	values  []float64
	vectors [][]float64
}

// spectrum leaves out eigenvalues whose combination of gradients cancels, and
// those of gradients that float32 loses beside the longest, shorter by more than
// its epsilon.
func (g *gram) spectrum() *spectrum {
	values, vectors := g.eigen()
	s := new(spectrum)
	least := 0.0
	for i := range g.n {
		least = max(least, g.at(i, i)*epsilon32*epsilon32)
	}
	for k, lambda := range values {
		v := make([]float64, g.n)
		for i := range v {
			v[i] = vectors[i*g.n+k]
		}
		if lambda > least && !g.cancels(v, lambda) {
			s.values, s.vectors = append(s.values, lambda), append(s.vectors, v)
		}
	}
	return s
}

// solve returns G^+ b.
func (s *spectrum) solve(b []float64) []float64 {
	x := make([]float64, len(b))
	for k, v := range s.vectors {
		addTo(x, v, dot(v, b)/s.values[k])
	}
	return x
}

// addTo adds f*v to x.
func addTo(x, v []float64, f float64) {
	for i := range x {
		x[i] += f * v[i]
	}
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
