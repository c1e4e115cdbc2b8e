package nn

import (
	"math"

	"espalier/builder"
)

// GeluTanh is the approximation of GELU by a hyperbolic tangent: x/2 (1 +
// tanh(sqrt(2/pi) (x + 0.044715 x^3))) (Hendrycks and Gimpel 2016).
func GeluTanh(g *builder.Graph, x *builder.Value) *builder.Value {
	cube := g.Mul(g.Mul(x, x), x)
	inner := g.Mul(g.Add(x, g.Mul(cube, g.Scalar(0.044715))), g.Scalar(math.Sqrt(2/math.Pi)))
	return g.Mul(g.Mul(x, g.Scalar(0.5)), g.Add(g.Tanh(inner), g.Scalar(1)))
}
