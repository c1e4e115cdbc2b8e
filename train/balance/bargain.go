package balance

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// bargain returns w > 0 with G*w = w^-p, the minimum of w'Gw/2 - sum of the
// integrals of w^-p, which is convex: by Newton's method with a line search.
// It is solved for gradients of length 1, C*x = a*x^-p with w = x/|g|, so that
// their lengths do no harm. A zero gradient gets the mean of the others'
// weights.
//
// Where gradients combine to 0 there is no solution: weights grow without
// bound, and where they nearly do, by rounding errors or not, sum w_i g_i is as
// long as ever, which is what is left of the cancelled gradients multiplied.
// Where the solution cancels (see [gram.cancels]) a number on the diagonal
// keeps weights finite, the larger the more it cancels, and the sum as short as
// what is left.
func bargain(g *gram, p float64) []float64 {
	c, inverse := g.cosines()
	var tasks []int
	for i, x := range inverse {
		if x > 0 {
			tasks = append(tasks, i)
		}
	}
	n := len(tasks)
	if n == 0 {
		return filled(g.n, 1)
	}
	b := newBargain(n, p)
	for k, i := range tasks {
		for l, j := range tasks {
			b.c.v[k*n+l] = c.at(i, j)
		}
		b.a[k] = math.Pow(inverse[i], 1-p)
	}
	x := b.regular(1e-12)
	if own := b.c.square(x) / b.c.parts(x) / cut(n); own < 1 {
		// By r on the diagonal weights are at most r^(-1/(1+p)); whatever p is,
		// that is the root of 1/cut.
		x = b.regular((1 - own) * float64(n) * math.Pow(cut(n), min(1, (1+p)/2)))
	}
	w, total := make([]float64, g.n), 0.0
	for k, i := range tasks {
		w[i] = x[k] * inverse[i]
		total += w[i]
	}
	for i, x := range inverse {
		if x == 0 {
			w[i] = total / float64(n)
		}
	}
	return w
}

// bargaining is C*x = a*x^-p.
type bargaining struct {
	c *gram
	a []float64
	p float64
}

func newBargain(n int, p float64) *bargaining {
	return &bargaining{&gram{n, make([]float64, n*n)}, make([]float64, n), p}
}

func (b *bargaining) solve() []float64 {
	n := b.c.n
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Pow(b.a[i], 1/(1+b.p)) // exact where C is the identity
	}
	for range 4 { // towards where Newton's method is quick
		for i := range x {
			x[i] = b.solveOne(i, x)
		}
	}
	before := math.Inf(1) // the longest relative step
	for range 100 {
		slope, h := b.slopes(x)
		step, ok := newtonStep(h, x, slope)
		if !ok {
			break
		}
		longest := 0.0
		for i := range x {
			longest = max(longest, math.Abs(step[i])/x[i])
		}
		// Near the end steps get shorter fast, until rounding errors are all
		// they are made of.
		if longest < 1e-13 || longest < 0.1 && longest > before/2 {
			break
		}
		before = longest
		if longest > 0.5 {
			if x, ok = b.search(x, step, dot(step, slope)); !ok {
				break
			}
			continue
		}
		for i := range x {
			x[i] += step[i]
		}
	}
	return x
}

// regular solves the problem with a number added to the diagonal of C.
func (b *bargaining) regular(ridge float64) []float64 {
	r := *b
	r.c = &gram{b.c.n, slices.Clone(b.c.v)}
	for i := range r.c.n {
		r.c.v[i*r.c.n+i] += ridge
	}
	return r.solve()
}

// slopes are the first and second derivatives.
func (b *bargaining) slopes(x []float64) ([]float64, *mat.SymDense) {
	slope := b.c.times(x)
	h := mat.NewSymDense(b.c.n, append([]float64(nil), b.c.v...))
	for i := range x {
		pull := b.a[i] * math.Pow(x[i], -b.p)
		slope[i] -= pull
		h.SetSym(i, i, h.At(i, i)+b.p*pull/x[i])
	}
	return slope, h
}

// solveOne returns the x_i that solves equation i, the others given:
// c_ii*x + r = a*x^-p, whose left side rises and whose right side falls.
func (b *bargaining) solveOne(i int, x []float64) float64 {
	n := b.c.n
	c := b.c.at(i, i)
	r := dot(b.c.v[i*n:(i+1)*n], x) - c*x[i]
	low := math.Pow(b.a[i]/c, 1/(1+b.p))
	high := low
	if r > 0 { // the solution without r is too large
		low = math.Pow(b.a[i]/(c*high+r), 1/b.p)
	} else {
		low = max(low, -r/c)
		high = (b.a[i]*math.Pow(low, -b.p) - r) / c
	}
	for range 40 {
		middle := math.Sqrt(low * high)
		if c*middle+r < b.a[i]*math.Pow(middle, -b.p) {
			low = middle
		} else {
			high = middle
		}
	}
	if middle := math.Sqrt(low * high); middle > 0 && !math.IsInf(middle, 0) {
		return middle
	}
	return x[i]
}

// newtonStep solves H*d = -slope in units of x, in which H is well scaled.
func newtonStep(h *mat.SymDense, x, slope []float64) ([]float64, bool) {
	n := len(x)
	right := mat.NewVecDense(n, nil)
	scale := make([]float64, n)
	for i := range x {
		scale[i] = 1 / math.Sqrt(h.At(i, i))
		right.SetVec(i, -slope[i]*scale[i])
	}
	for i := range n {
		for j := i; j < n; j++ {
			h.SetSym(i, j, h.At(i, j)*scale[i]*scale[j])
		}
	}
	var factors mat.Cholesky
	if !factors.Factorize(h) {
		return nil, false
	}
	d := mat.NewVecDense(n, nil)
	if err := factors.SolveVecTo(d, right); err != nil {
		if _, near := err.(mat.Condition); !near {
			return nil, false
		}
	}
	step := d.RawVector().Data
	for i := range step {
		step[i] *= scale[i]
	}
	return step, true
}

// search goes along the step, staying above 0, until the value falls enough.
func (b *bargaining) search(x, step []float64, slope float64) ([]float64, bool) {
	value, length := b.value(x), 1.0
	for i := range x {
		if step[i] < 0 {
			length = min(length, -0.9*x[i]/step[i])
		}
	}
	next := make([]float64, len(x))
	for range 60 {
		for i := range x {
			next[i] = x[i] + length*step[i]
		}
		if b.value(next) <= value+1e-4*length*slope+1e-14*math.Abs(value) {
			return next, true
		}
		length /= 2
	}
	return x, false
}

// value is x'Cx/2 - sum a*integral of x^-p.
func (b *bargaining) value(x []float64) float64 {
	v := dot(x, b.c.times(x)) / 2
	for i := range x {
		if b.p == 1 {
			v -= b.a[i] * math.Log(x[i])
		} else {
			v -= b.a[i] * math.Pow(x[i], 1-b.p) / (1 - b.p)
		}
	}
	return v
}
