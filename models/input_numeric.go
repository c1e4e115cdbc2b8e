package models

import (
	"espalier/builder"
	"espalier/schema"
	"espalier/tensor"
)

// numericColumn is a column of numbers: standardised, a missing one is the mean.
type numericColumn struct{}

// add standardises a double input in double before the model computes in float32; others
// are standardised together.
func (numericColumn) add(c *network, in *schema.Input, x *builder.Value, to *row) {
	mean, factor := in.Mean, 1/in.Deviation
	if in.Double {
		x = c.Mul(c.Sub(x, c.ScalarOf(tensor.Float64, mean)), c.ScalarOf(tensor.Float64, factor))
		x, mean, factor = c.Cast(x, c.Float()), 0, 1 // standardised now
	}
	to.numbers = append(to.numbers, c.Unsqueeze(x, -1))
	to.means, to.factors = append(to.means, mean), append(to.factors, factor)
	if in.Indicator {
		to.parts = append(to.parts, c.Unsqueeze(c.Cast(c.IsNaN(x), c.Float()), -1))
	}
}

// standardise makes [batch, n] of all numbers.
func (c *network) standardise(f *row) *builder.Value {
	x := f.numbers[0]
	if len(f.numbers) > 1 {
		x = c.Concat(-1, f.numbers...)
	}
	mean := c.vector(f.means)
	x = c.Where(c.IsNaN(x), mean, x)
	return c.Mul(c.Sub(x, mean), c.vector(f.factors))
}

// vector is a constant in the graph's type of floats.
func (c *network) vector(xs []float64) *builder.Value {
	if c.Float() == tensor.Float64 {
		return c.Constant(tensor.Must(tensor.Of(xs, int64(len(xs)))))
	}
	singles := make([]float32, len(xs))
	for i, x := range xs {
		singles[i] = float32(x)
	}
	return c.Constant(tensor.Must(tensor.Of(singles, int64(len(xs)))))
}
