package balance

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// subsets calls f with every non-empty set of 0 to n-1.
func subsets(n int, f func(of []int)) {
	for bits := 1; bits < 1<<n; bits++ {
		var of []int
		for i := range n {
			if bits>>i&1 == 1 {
				of = append(of, i)
			}
		}
		f(of)
	}
}

// leastSquares solves a possibly singular system by its singular values.
func leastSquares(a *mat.Dense, b []float64) []float64 {
	var svd mat.SVD
	svd.Factorize(a, mat.SVDThin)
	x := new(mat.VecDense)
	svd.SolveVecTo(x, mat.NewVecDense(len(b), b), max(svd.Rank(1e-12), 1))
	return x.RawVector().Data
}

// The shortest point of every face of the simplex, tried one after the other.
func bruteMinNorm(g *gram) float64 {
	best := math.Inf(1)
	subsets(g.n, func(of []int) {
		n := len(of)
		scale := g.trace()
		a := mat.NewDense(n+1, n+1, nil)
		b := make([]float64, n+1)
		b[n] = 1
		for k, i := range of {
			for l, j := range of {
				a.Set(k, l, g.at(i, j)/scale)
			}
			a.Set(k, n, 1)
			a.Set(n, k, 1)
		}
		w := make([]float64, g.n)
		total := 0.0
		for k, x := range leastSquares(a, b)[:n] {
			w[of[k]] = x
			total += x
		}
		if slices.Min(w) >= -1e-12 && math.Abs(total-1) < 1e-9 {
			best = min(best, g.square(w))
		}
	})
	return best
}

func TestMinNormIsTheShortestOfAllFaces(t *testing.T) {
	for _, e := range examples(30) {
		g := newGram(len(e.rows), Gram(e.rows))
		w := minNorm(g)
		if slices.Min(w) < 0 || math.Abs(sum(w)-1) > 1e-12 {
			t.Fatalf("%s: %v is not on the simplex", e.name, w)
		}
		// The certificate: no task lies nearer to 0 along the point.
		square, along := g.square(w), g.times(w)
		for i := range w {
			if off := square - along[i]; off > 1e-9*(square+math.Sqrt(square)*g.norm(i))+1e-13*g.trace() {
				t.Errorf("%s: task %d is nearer by %v of %v", e.name, i, off, square)
			}
		}
		if g.n <= 6 && g.trace() > 0 {
			if best := bruteMinNorm(g); square > best+1e-9*best+1e-13*g.trace() {
				t.Errorf("%s: |d|^2 = %v, a face has %v", e.name, square, best)
			}
		}
	}
}

// The conditions of Karush, Kuhn and Tucker, and every set of free weights.
func TestConeProjectionIsOptimal(t *testing.T) {
	random := rand.New(rand.NewPCG(31, 32))
	for _, e := range examples(30) {
		g := newGram(len(e.rows), Gram(e.rows))
		if g.trace() == 0 {
			continue
		}
		h := g.divided(g.trace())
		u := make([]float64, g.n)
		for i := range u {
			u[i] = random.Float64()
		}
		v := project(h, u)
		slope := h.times(v)
		for i := range v {
			tolerance := 1e-7 * (h.norm(i) + 1e-12)
			if v[i] < u[i] || slope[i] < -tolerance || (v[i]-u[i])*slope[i] > tolerance*(1+v[i]) {
				t.Errorf("%s: v-u = %v, slope %v of task %d", e.name, v[i]-u[i], slope[i], i)
			}
		}
		if g.n > 6 {
			continue
		}
		best := h.square(u)
		subsets(g.n, func(of []int) {
			a, b := mat.NewDense(len(of), len(of), nil), make([]float64, len(of))
			target := h.times(u)
			for k, i := range of {
				for l, j := range of {
					a.Set(k, l, h.at(i, j))
				}
				b[k] = -target[i]
			}
			w := slices.Clone(u)
			x := leastSquares(a, b)
			if slices.Min(x) < 0 {
				return
			}
			for k, i := range of {
				w[i] += x[k]
			}
			best = min(best, h.square(w))
		})
		if got := h.square(v); got > best+1e-9*(1+best) {
			t.Errorf("%s: |d|^2 = %v, another set has %v", e.name, got, best)
		}
	}
}

// Strong duality: the worst task's improvement along d is as large as the
// minimum of the dual, which no direction in the ball can exceed.
func TestCAGradHasNoDualityGap(t *testing.T) {
	for _, c := range []float64{0.1, 0.4, 0.5, 1, 3} {
		for _, e := range examples(20) {
			g := newGram(len(e.rows), Gram(e.rows))
			if g.trace() == 0 {
				continue
			}
			g = g.divided(g.trace())
			mean := filled(g.n, 1/float64(g.n))
			radius := c * math.Sqrt(g.square(mean))
			if radius < 1e-9 {
				continue
			}
			w := conflictAverse(g, radius)
			size := math.Sqrt(g.square(w))
			dual := dot(mean, g.times(w)) + radius*size
			if size < 1e-6 {
				continue // the direction is not determined there
			}
			d := make([]float64, g.n)
			for i := range d {
				d[i] = mean[i] + radius/size*w[i]
			}
			primal := slices.Min(g.times(d))
			if gap := dual - primal; gap > 1e-7*(math.Abs(dual)+radius) || gap < -1e-9 {
				t.Errorf("c %v, %s: the worst task improves by %v, the bound is %v", c, e.name, primal, dual)
			}
		}
	}
}

func TestBargainsSolveTheirEquation(t *testing.T) {
	for _, p := range []float64{0.1, 0.2, 0.5, 1, 2, 5} {
		for _, e := range examples(20) {
			if !e.regular {
				continue
			}
			g := newGram(len(e.rows), Gram(e.rows))
			w := bargain(g, p)
			along := g.times(w)
			for i := range w {
				// What is known of a sum whose terms nearly cancel.
				terms := 0.0
				for j := range w {
					terms += math.Abs(g.at(i, j)) * w[j]
				}
				pull := math.Pow(w[i], -p)
				if off := along[i]/pull - 1; math.Abs(off) > 1e-5+1e-9*terms/pull || !(w[i] > 0) {
					t.Errorf("p %v, %s: task %d is off by %v", p, e.name, i, off)
				}
			}
		}
	}
}

// What each method is defined by, where gradients are independent.
func TestClosedFormsHaveTheirDefiningProperty(t *testing.T) {
	for _, e := range examples(20) {
		n := len(e.rows)
		if !e.regular {
			continue
		}
		g := newGram(n, Gram(e.rows))
		same := func(what string, x []float64) {
			for _, v := range x[1:] {
				if math.Abs(v-x[0]) > 1e-5*math.Abs(x[0]) {
					t.Errorf("%s: %s differ: %v", e.name, what, x)
					return
				}
			}
		}
		along := func(method string) []float64 {
			w, err := makeBalancer(t, method, n, nil).Weigh(stepOf(e.rows, 0))
			if err != nil {
				t.Fatal(err)
			}
			x := g.times(w.Shared)
			for i := range x {
				x[i] /= g.norm(i)
			}
			return x
		}
		same("projections of imtl-g", along("imtl-g"))
		same("projections of config", along("config"))

		// Aligned gradients B*J are orthogonal and as long as the smallest
		// singular value.
		values, _ := g.eigen()
		if values[0] < 1e-9*values[n-1] {
			continue
		}
		b := make([][]float64, n)
		for i := range b {
			unit := map[string]any{}
			for j := range n {
				unit[makeBalancer(t, "equal", n, nil).tasks[j]] = 0.0
			}
			unit[makeBalancer(t, "equal", n, nil).tasks[i]] = 1.0
			w, err := makeBalancer(t, "aligned-mtl", n, map[string]any{"preference": unit}).Weigh(stepOf(e.rows, 0))
			if err != nil {
				t.Fatal(err)
			}
			b[i] = w.Shared
		}
		for i := range n {
			for j := range n {
				want := 0.0
				if i == j {
					want = values[0]
				}
				if got := dot(b[i], g.times(b[j])); math.Abs(got-want) > 1e-5*values[0] {
					t.Errorf("%s: aligned gradients %d and %d have product %v, want %v", e.name, i, j, got, want)
				}
			}
		}
	}
}
