package grad

import (
	"math"

	"espalier/builder"
	"espalier/tensor"
)

// unary makes the rule of an operator with one operand from its derivative.
func unary(derivative func(g *builder.Graph, x, y, dy *builder.Value) *builder.Value) rule {
	return func(c call) []*builder.Value {
		return []*builder.Value{derivative(c.g, c.x(0), c.y(), c.dy[0])}
	}
}

// binary makes the rule of an operator on two broadcast operands. The
// derivatives are functions so that only those needed are built.
func binary(da, db func(g *builder.Graph, a, b, y, dy *builder.Value) *builder.Value) rule {
	return func(c call) []*builder.Value {
		out := make([]*builder.Value, 2)
		for i, d := range []func(g *builder.Graph, a, b, y, dy *builder.Value) *builder.Value{da, db} {
			if c.need[i] {
				out[i] = sumTo(c.g, d(c.g, c.x(0), c.x(1), c.y(), c.dy[0]), c.x(i).Shape())
			}
		}
		return out
	}
}

// like returns a scalar constant of v's type.
func like(g *builder.Graph, v *builder.Value, x float64) *builder.Value {
	return g.ScalarOf(v.DType(), x)
}

func elementwise() map[string]rule {
	type gr = *builder.Graph
	type val = *builder.Value
	return map[string]rule{
		"Identity": unary(func(_ gr, _, _, dy val) val { return dy }),
		"ReverseGradient": func(c call) []*builder.Value {
			return []*builder.Value{c.g.Mul(c.dy[0], c.n.Composite.Saved[0])}
		},
		"StopGradient": func(call) []*builder.Value { return []*builder.Value{nil} },
		"Neg":          unary(func(g gr, _, _, dy val) val { return g.Neg(dy) }),
		"Abs":          unary(func(g gr, x, _, dy val) val { return g.Mul(dy, g.Sign(x)) }),
		"Sign":         unary(func(g gr, x, _, _ val) val { return nil }),
		"Exp":          unary(func(g gr, _, y, dy val) val { return g.Mul(dy, y) }),
		"Log":          unary(func(g gr, x, _, dy val) val { return g.Div(dy, x) }),
		"Sqrt":         unary(func(g gr, _, y, dy val) val { return g.Div(g.Mul(dy, like(g, dy, 0.5)), y) }),
		"Reciprocal": unary(func(g gr, _, y, dy val) val {
			return g.Neg(g.Mul(dy, g.Mul(y, y)))
		}),
		"Sin": unary(func(g gr, x, _, dy val) val { return g.Mul(dy, g.Cos(x)) }),
		"Cos": unary(func(g gr, x, _, dy val) val { return g.Neg(g.Mul(dy, g.Sin(x))) }),
		"Tanh": unary(func(g gr, _, y, dy val) val {
			return g.Mul(dy, g.Sub(like(g, dy, 1), g.Mul(y, y)))
		}),
		"Sigmoid": unary(func(g gr, _, y, dy val) val {
			return g.Mul(dy, g.Mul(y, g.Sub(like(g, dy, 1), y)))
		}),
		"Softplus": unary(func(g gr, x, _, dy val) val { return g.Mul(dy, g.Sigmoid(x)) }),
		// The result is never negative, so its sign is 1 where x passed. At 0
		// the derivative is 0.
		"Relu": unary(func(g gr, _, y, dy val) val { return g.Mul(dy, g.Sign(y)) }),
		"LeakyRelu": func(c call) []*builder.Value {
			alpha := like(c.g, c.dy[0], float64(c.n.Attr("alpha").Float))
			return []*builder.Value{c.g.Where(
				c.g.Greater(c.x(0), like(c.g, c.x(0), 0)), c.dy[0], c.g.Mul(c.dy[0], alpha))}
		},
		"Erf": unary(func(g gr, x, _, dy val) val {
			return g.Mul(dy, g.Mul(g.Exp(g.Neg(g.Mul(x, x))), like(g, dy, 2/math.Sqrt(math.Pi))))
		}),
		"Clip": clip, "Gelu": gelu, "TrainedGelu": trainedGelu,
		"Cast": func(c call) []*builder.Value {
			return []*builder.Value{c.g.Cast(c.dy[0], c.x(0).DType())}
		},
		"Add": binary(
			func(_ gr, _, _, _, dy val) val { return dy },
			func(_ gr, _, _, _, dy val) val { return dy }),
		"Sub": binary(
			func(_ gr, _, _, _, dy val) val { return dy },
			func(g gr, _, _, _, dy val) val { return g.Neg(dy) }),
		"Mul": binary(
			func(g gr, _, b, _, dy val) val { return g.Mul(dy, b) },
			func(g gr, a, _, _, dy val) val { return g.Mul(dy, a) }),
		"Div": binary(
			func(g gr, _, b, _, dy val) val { return g.Div(dy, b) },
			func(g gr, _, b, y, dy val) val { return g.Neg(g.Div(g.Mul(dy, y), b)) }),
		"Pow": binary(
			func(g gr, a, b, _, dy val) val {
				return g.Mul(dy, g.Mul(b, g.Pow(a, g.Sub(b, like(g, b, 1)))))
			},
			func(g gr, a, _, y, dy val) val { return g.Mul(dy, g.Mul(y, g.Log(a))) }),
		"Max": extreme(func(g gr, a, b val) val { return g.Greater(a, b) }),
		"Min": extreme(func(g gr, a, b val) val { return g.Less(a, b) }),
		"Where": func(c call) []*builder.Value {
			zero := like(c.g, c.dy[0], 0)
			out := make([]*builder.Value, 3)
			if c.need[1] {
				out[1] = sumTo(c.g, c.g.Where(c.x(0), c.dy[0], zero), c.x(1).Shape())
			}
			if c.need[2] {
				out[2] = sumTo(c.g, c.g.Where(c.x(0), zero, c.dy[0]), c.x(2).Shape())
			}
			return out
		},
	}
}

// extreme is the rule of Max and Min: the operand that wins takes the
// gradient, and equal ones take half each.
func extreme(wins func(g *builder.Graph, a, b *builder.Value) *builder.Value) rule {
	share := func(g *builder.Graph, a, b, dy *builder.Value) *builder.Value {
		half := g.Where(g.Equal(a, b), like(g, dy, 0.5), like(g, dy, 0))
		return g.Mul(dy, g.Where(wins(g, a, b), like(g, dy, 1), half))
	}
	return binary(
		func(g *builder.Graph, a, b, _, dy *builder.Value) *builder.Value { return share(g, a, b, dy) },
		func(g *builder.Graph, a, b, _, dy *builder.Value) *builder.Value { return share(g, b, a, dy) })
}

// gelu: with p the normal density, dX = dY*(Phi(x) + x*p(x)). The density is
// exp(log(1/sqrt(2 pi)) - (x/sqrt(2))^2): its constant rides in the exponent,
// which saves passes over the activations, the largest of a transformer.
func gelu(c call) []*builder.Value {
	twice := c.n.Composite.Saved[1]
	return geluGradient(c, c.g.Mul(twice, like(c.g, twice, 0.5)))
}

func trainedGelu(c call) []*builder.Value { return geluGradient(c, c.n.Composite.Saved[1]) }

func geluGradient(c call, phi *builder.Value) []*builder.Value {
	g, x, scaled := c.g, c.x(0), c.n.Composite.Saved[0]
	density := g.Exp(g.Sub(like(g, x, -0.5*math.Log(2*math.Pi)), g.Mul(scaled, scaled)))
	return []*builder.Value{g.Mul(c.dy[0], g.Add(phi, g.Mul(x, density)))}
}

// clip passes the gradient within the limits, the limits themselves included.
func clip(c call) []*builder.Value {
	inside := c.g.And(c.g.GreaterOrEqual(c.x(0), c.x(1)), c.g.LessOrEqual(c.x(0), c.x(2)))
	return []*builder.Value{c.g.Mul(c.dy[0], c.g.Cast(inside, c.dy[0].DType())), nil, nil}
}

// sizeOf returns a dimension as a scalar of a float type.
func sizeOf(g *builder.Graph, d builder.Dim, dtype tensor.DType) *builder.Value {
	if n, ok := d.Size(); ok {
		return g.ScalarOf(dtype, float64(n))
	}
	return g.Squeeze(g.Cast(g.Size(d), dtype), 0)
}
