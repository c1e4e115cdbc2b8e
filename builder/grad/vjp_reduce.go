package grad

import "espalier/builder"

func reductions() map[string]rule {
	return map[string]rule{
		"ReduceSum": func(c call) []*builder.Value {
			return []*builder.Value{spread(c, c.dy[0]), nil}
		},
		"ReduceMean": func(c call) []*builder.Value {
			count := sizeOf(c.g, builder.Fixed(1), c.dy[0].DType())
			for _, a := range c.n.Attr("axes").Ints {
				count = c.g.Mul(count, sizeOf(c.g, c.x(0).Dim(int(a)), c.dy[0].DType()))
			}
			return []*builder.Value{spread(c, c.g.Div(c.dy[0], count))}
		},
		// Elements that share the maximum share the gradient.
		"ReduceMax": func(c call) []*builder.Value {
			top := c.g.Cast(c.g.Equal(c.x(0), spread(c, c.y())), c.dy[0].DType())
			ties := c.g.ReduceSum(top, c.n.Int("keepdims", 1) == 1, reducedAxes(c)...)
			return []*builder.Value{c.g.Mul(top, spread(c, c.g.Div(c.dy[0], ties)))}
		},
		"CumSum": func(c call) []*builder.Value {
			a := c.x(1).Constant().Int64s()[0]
			return []*builder.Value{c.g.CumSum(c.dy[0], a, c.n.Int("exclusive", 0) == 1, c.n.Int("reverse", 0) == 0), nil}
		},
	}
}

func reducedAxes(c call) []int64 {
	if a := c.n.Attr("axes"); a != nil {
		return a.Ints
	}
	return c.x(1).Constant().Int64s()
}

// spread repeats v, of the shape of the reduction's result, over the axes that
// were reduced.
func spread(c call, v *builder.Value) *builder.Value {
	shape := append(builder.Shape{}, c.x(0).Shape()...)
	for _, a := range reducedAxes(c) {
		shape[a] = builder.Fixed(1)
	}
	return c.g.Expand(c.g.Reshape(v, shape...), c.x(0).Shape()...)
}
