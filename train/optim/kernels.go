package optim

import "math"

// The kernels compute one step for every element in a single pass. Where the
// processor has vector instructions for it, assembly does eight elements at a
// time with the operations of the Go code in its order, so that both give the
// same bits: products are rounded before they are added (the conversions to
// float32 forbid fusing them), and square root and quotient are exact to the
// last digit on both sides.

// lanes is how many elements the assembly takes at a time; what is left at the
// end of a slice is Go's.
const lanes = 8

// adamStep holds the constants of a step of adam or adamw. The assembly reads
// it by offset: nine float32 in this order.
type adamStep struct {
	shrink      float32 // 1 - lr*decay for adamw, else 1
	decay       float32 // added to the gradient per parameter, 0 for adamw
	beta1, new1 float32 // new is 1 - beta
	beta2, new2 float32
	scale       float32 // 1/sqrt(1 - beta2^t)
	epsilon     float32
	rate        float32 // lr/(1 - beta1^t)
}

func (c *adamStep) update(p, g, m, v []float32) {
	n := vectorised(len(p))
	if n > 0 {
		adamVector(&p[0], &g[0], &m[0], &v[0], n, c)
	}
	c.scalar(p[n:], g[n:], m[n:], v[n:])
}

func (c *adamStep) scalar(p, g, m, v []float32) {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	for i, x := range p {
		d := g[i] + float32(c.decay*x)
		m[i] = flush(float32(c.beta1*m[i]) + float32(c.new1*d))
		v[i] = flush(float32(c.beta2*v[i]) + float32(c.new2*float32(d*d)))
		root := float32(float32(math.Sqrt(float64(v[i])))*c.scale) + c.epsilon
		p[i] = float32(c.shrink*x) - float32(c.rate*m[i])/root
	}
}

// flush makes 0 of a number too small to be normal. A moment that only decays
// would come to rest among those, where every operation takes the processor
// tens of times as long.
func flush(x float32) float32 {
	const exponent = 0x7f800000
	if math.Float32bits(x)&exponent == 0 {
		return 0
	}
	return x
}

// sgdStep holds the constants of a step of sgd. With a velocity u, a step is
// rate*(look*g + keep*u): look is 0 and keep 1, or with Nesterov's look-ahead
// 1 and the momentum. The assembly reads five float32 in this order.
type sgdStep struct {
	decay, momentum, look, keep, rate float32
}

func (c *sgdStep) update(p, g, u []float32) {
	n := vectorised(len(p))
	if u == nil {
		if n > 0 {
			sgdVector(&p[0], &g[0], n, c)
		}
		c.scalar(p[n:], g[n:])
		return
	}
	if n > 0 {
		momentumVector(&p[0], &g[0], &u[0], n, c)
	}
	c.scalarMomentum(p[n:], g[n:], u[n:])
}

func (c *sgdStep) scalar(p, g []float32) {
	g = g[:len(p)]
	for i, x := range p {
		p[i] = x - float32(c.rate*(g[i]+float32(c.decay*x)))
	}
}

func (c *sgdStep) scalarMomentum(p, g, u []float32) {
	g, u = g[:len(p)], u[:len(p)]
	for i, x := range p {
		d := g[i] + float32(c.decay*x)
		u[i] = flush(float32(c.momentum*u[i]) + d)
		p[i] = x - float32(c.rate*(float32(c.look*d)+float32(c.keep*u[i])))
	}
}

// squares returns the sum of squares in float64, in which the square of a
// float32 is exact and cannot overflow.
func squares(x []float32) float64 {
	var sums [2 * lanes]float64
	n := len(x) / len(sums) * len(sums)
	if n > 0 && hasVector {
		squaresVector(&x[0], n, &sums)
	} else {
		squaresScalar(x[:n], &sums)
	}
	for i, v := range x[n:] {
		sums[i] += float64(v) * float64(v)
	}
	total := 0.0
	for _, s := range sums {
		total += s
	}
	return total
}

// squaresScalar adds the square of element i to sum i modulo their number.
func squaresScalar(x []float32, sums *[2 * lanes]float64) {
	for from := 0; from+len(sums) <= len(x); from += len(sums) {
		for i, v := range x[from : from+len(sums)] {
			sums[i] += float64(v) * float64(v)
		}
	}
}

// vectorised returns how many of n elements the assembly takes.
func vectorised(n int) int {
	if !hasVector {
		return 0
	}
	return n / lanes * lanes
}

// prefetch asks for x to be brought into the caches.
func prefetch(x []float32) {
	if hasVector && len(x) > 0 {
		prefetchVector(&x[0], len(x))
	}
}
