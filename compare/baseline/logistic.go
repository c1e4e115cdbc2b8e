package baseline

import (
	"math"
	"math/rand/v2"
)

// Dual coordinate descent stops where no step's slope is above the tolerance, or
// after so many passes.
const (
	tolerance = 0.1
	maxPasses = 300
)

// logistic fits the weights, the last one that of a constant 1, which minimise
//
//	(1/2) |w|^2 + C sum over examples of log(1 + exp(-y w.x)), y = 1 or -1
//
// by coordinate descent in the dual (Yu, Huang and Lin 2011, algorithm 5): each
// example has a number a between 0 and C, w is the sum of y a x, and a step
// minimises over one example's a by Newton's method. It is the objective of
// LIBLINEAR's solver 7, the constant regularised as any weight.
func logistic(x *matrix, y []bool, c, tolerance float64, seed uint64) []float64 {
	w := make([]float64, x.width+1)
	n := x.rows()
	a := make([]dual, n)
	square := make([]float64, n)
	order := make([]int, n)
	sign := func(i int) float64 {
		if y[i] {
			return 1
		}
		return -1
	}
	for i := range n {
		a[i] = dual{min(0.001*c, 1e-8), 0}
		a[i].rest = c - a[i].a
		square[i] = 1
		_, values := x.row(i)
		for _, v := range values {
			square[i] += v * v
		}
		x.addRow(i, sign(i)*a[i].a, w)
		w[x.width] += sign(i) * a[i].a
		order[i] = i
	}
	random := rand.New(rand.NewPCG(seed, 0))
	inner := 1e-2
	for range maxPasses {
		random.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
		steps, steepest := 0, 0.0
		for _, i := range order {
			slope, more, change := a[i].step(c, square[i], sign(i)*(x.dot(i, w)+w[x.width]), inner)
			steps += more
			steepest = max(steepest, slope)
			if change != 0 {
				x.addRow(i, sign(i)*change, w)
				w[x.width] += sign(i) * change
			}
		}
		if steepest < tolerance {
			break
		}
		if steps <= n/10 {
			inner = max(1e-8, 0.1*inner)
		}
	}
	return w
}

// dual is the number of one example and what is left of C, kept apart so that
// neither loses its digits near 0.
type dual struct{ a, rest float64 }

// step minimises over the example's number, given |x|^2 and y w.x, and returns
// the slope before it, how many steps of Newton's method it took and by how much
// the number changed.
func (d *dual) step(c, square, margin, inner float64) (slope float64, steps int, change float64) {
	// Newton's method works on the smaller of the two.
	z, other, direction := &d.a, &d.rest, 1.0
	if 0.5*square*(d.rest-d.a)+margin < 0 {
		z, other, direction = &d.rest, &d.a, -1
	}
	old, at := *z, *z
	if c-at < 0.5*c {
		at *= 0.1
	}
	gradient := func() float64 { return square*(at-old) + direction*margin + math.Log(at/(c-at)) }
	g := gradient()
	slope = math.Abs(g)
	for ; steps < 100 && math.Abs(g) >= inner; steps++ {
		if next := at - g/(square+c/(c-at)/at); next > 0 {
			at = next
		} else {
			at *= 0.1
		}
		g = gradient()
	}
	if steps == 0 {
		return slope, 0, 0
	}
	*z, *other = at, c-at
	return slope, steps, direction * (at - old)
}
