package main

import "math"

// dual is a number with its derivatives by the two parameters.
type dual struct{ v, dx, dy float64 }

func constant(v float64) dual { return dual{v: v} }

func (a dual) plus(b dual) dual   { return dual{a.v + b.v, a.dx + b.dx, a.dy + b.dy} }
func (a dual) minus(b dual) dual  { return dual{a.v - b.v, a.dx - b.dx, a.dy - b.dy} }
func (a dual) by(f float64) dual  { return dual{a.v * f, a.dx * f, a.dy * f} }
func (a dual) add(c float64) dual { return dual{a.v + c, a.dx, a.dy} }

func (a dual) times(b dual) dual {
	return dual{a.v * b.v, a.dx*b.v + a.v*b.dx, a.dy*b.v + a.v*b.dy}
}

// chain is f(a) with f'(a) = slope.
func (a dual) chain(v, slope float64) dual { return dual{v, slope * a.dx, slope * a.dy} }

func (a dual) tanh() dual {
	t := math.Tanh(a.v)
	return a.chain(t, 1-t*t)
}

func (a dual) log() dual { return a.chain(math.Log(a.v), 1/a.v) }

func (a dual) square() dual { return a.chain(a.v*a.v, 2*a.v) }

func (a dual) abs() dual {
	if a.v < 0 {
		return a.by(-1)
	}
	return a
}

// atLeast is max(a, least); at the bound it does not move.
func (a dual) atLeast(least float64) dual {
	if a.v < least {
		return constant(least)
	}
	return a
}
