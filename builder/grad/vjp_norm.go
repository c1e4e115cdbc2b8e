package grad

import (
	"espalier/builder"
	"espalier/tensor"
)

func norms() map[string]rule {
	return map[string]rule{
		"Softmax": func(c call) []*builder.Value {
			weighted := c.g.Mul(c.dy[0], c.y())
			total := c.g.ReduceSum(weighted, true, c.n.Int("axis", -1))
			return []*builder.Value{c.g.Sub(weighted, c.g.Mul(c.y(), total))}
		},
		"LogSoftmax": func(c call) []*builder.Value {
			total := c.g.ReduceSum(c.dy[0], true, c.n.Int("axis", -1))
			return []*builder.Value{c.g.Sub(c.dy[0], c.g.Mul(c.g.Exp(c.y()), total))}
		},
		"LayerNormalization": layerNormalization,
	}
}

// layerNormalization: with h the normalised input, r the inverse deviation and
// d = dY*scale, dX = r*(d - mean(d) - h*mean(d*h)).
func layerNormalization(c call) []*builder.Value {
	g, x, scale, dy := c.g, c.x(0), c.x(1), c.dy[0]
	mean, r := statistics(c)
	h := g.Mul(g.Sub(x, mean), r)
	out := make([]*builder.Value, 3)
	if c.need[0] {
		d := g.Mul(dy, scale)
		out[0] = g.Mul(r, g.Sub(
			g.Sub(d, g.ReduceMean(d, true, -1)),
			g.Mul(h, g.ReduceMean(g.Mul(d, h), true, -1))))
	}
	if c.need[1] {
		out[1] = sumTo(g, g.Mul(dy, h), scale.Shape())
	}
	if c.need[2] {
		out[2] = sumTo(g, dy, scale.Shape())
	}
	return out
}

// statistics returns the mean and inverse deviation of each row. The operator
// hands them out in float32 only, so for float64 they are computed again.
func statistics(c call) (mean, inverse *builder.Value) {
	g, x := c.g, c.x(0)
	if x.DType() == tensor.Float32 {
		return c.n.Outputs[1], c.n.Outputs[2]
	}
	mean = g.ReduceMean(x, true, -1)
	centred := g.Sub(x, mean)
	variance := g.ReduceMean(g.Mul(centred, centred), true, -1)
	epsilon := like(g, x, float64(c.n.Attr("epsilon").Float))
	return mean, g.Reciprocal(g.Sqrt(g.Add(variance, epsilon)))
}
