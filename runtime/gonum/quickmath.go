package gonum

import "math"

// quickExp is the exponential to a relative error below 1e-8, enough for
// results in float32, at a third of math.Exp's time: x = k ln 2 + r with
// |r| <= ln 2 / 2, a polynomial of degree 7 in r, and the exponent k put into
// the bits. The argument is one that came from a float32.
func quickExp(x float64) float64 {
	switch {
	case x > 89:
		return math.Inf(1) // beyond float32
	case x < -104:
		return 0
	case x != x:
		return x
	}
	const shift = 0x1.8p52 // adding it rounds to an integer in the low bits
	k := x*math.Log2E + shift
	bits := math.Float64bits(k)
	r := x - (k-shift)*math.Ln2
	p := 1 + r*(1+r*(1./2+r*(1./6+r*(1./24+r*(1./120+r*(1./720+r*(1./5040)))))))
	return p * math.Float64frombits((bits+1023)<<52)
}

func sigmoid32(v float32) float32 { return float32(1 / (1 + quickExp(-float64(v)))) }

// tanh32 is the hyperbolic tangent to float32's precision: a series near 0,
// where the quotient of exponentials would cancel.
func tanh32(v float32) float32 {
	x := float64(v)
	switch {
	case x > 10:
		return 1
	case x < -10:
		return -1
	case x > -0.25 && x < 0.25:
		y := x * x
		return float32(x * (1 + y*(-1./3+y*(2./15+y*(-17./315+y*(62./2835))))))
	}
	e := quickExp(2 * x)
	return float32((e - 1) / (e + 1))
}
