package nn

import (
	"fmt"

	"espalier/builder"
)

// SquaredDistances is the sum over all pairs of values of the square of their
// distance, a scalar: the penalty by which Duong et al. (2015) keep the
// parameters of two models close. All values have one shape.
func SquaredDistances(g *builder.Graph, xs []*builder.Value) *builder.Value {
	if g.Err() != nil || len(xs) < 2 {
		return g.Scalar(0)
	}
	total := xs[0]
	for _, x := range xs[1:] {
		if !x.Shape().Equal(xs[0].Shape()) {
			return g.Fail("SquaredDistances", xs, fmt.Errorf("the values differ in shape"))
		}
		total = g.Add(total, x)
	}
	// The sum over pairs is the sum over values of the squared distance from
	// their mean, times their number.
	n := float64(len(xs))
	mean := g.Mul(total, g.Scalar(1/n))
	var sum *builder.Value
	for _, x := range xs {
		d := g.Sub(x, mean)
		square := g.SumAll(g.Mul(d, d))
		if sum == nil {
			sum = square
		} else {
			sum = g.Add(sum, square)
		}
	}
	return g.Mul(sum, g.Scalar(n))
}
