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

// layerNormalization: with h the normalised input of n features, r the inverse
// deviation and d = dY*scale, dX = r*(d - mean(d) - h*mean(d*h)). The two means
// are products with the vector scale/n, so that d*h is never written out, and r
// is multiplied into what is smaller, or the same for every gradient.
func layerNormalization(c call) []*builder.Value {
	g, x, scale := c.g, c.x(0), c.x(1)
	mean, r := statistics(c)
	n, _ := x.Dim(-1).Size()
	rows := func(v *builder.Value) *builder.Value { return flatten(g, v) }
	dy, r2 := rows(c.dy[0]), rows(r)
	h := g.Mul(g.Sub(rows(x), rows(mean)), r2)
	weighted := g.Mul(dy, h)
	out := make([]*builder.Value, 3)
	if c.need[0] {
		share := g.Reshape(g.Mul(scale, like(g, scale, 1/float64(n))), x.Dim(-1), builder.Fixed(1))
		means := g.Add(g.Mul(g.MatMul(dy, share), r2), g.Mul(h, g.Mul(g.MatMul(weighted, share), r2)))
		out[0] = g.Reshape(g.Sub(g.Mul(dy, g.Mul(scale, r2)), means), x.Shape()...)
	}
	if c.need[1] {
		out[1] = sumTo(g, weighted, scale.Shape())
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
