package grad

import "espalier/builder"

func indexing() map[string]rule {
	return map[string]rule{
		"Gather": gather,
		"GatherElements": func(c call) []*builder.Value {
			a := c.n.Int("axis", 0)
			// One index per row cannot name a place twice, and replacing is
			// much faster than adding.
			add := !c.x(1).Dim(int(a)).Is(1)
			return []*builder.Value{c.g.ScatterElements(c.g.ZerosLike(c.x(0)), c.x(1), c.dy[0], a, add), nil}
		},
		"ScatterElements": scatterElements,
	}
}

// gather adds each slice's gradient to the slice it was read from. A trainer
// that looks up rows of a table itself does not need this rule, which touches
// the whole table.
func gather(c call) []*builder.Value {
	g, data, indices, dy := c.g, c.x(0), c.x(1), c.dy[0]
	a := int(c.n.Int("axis", 0))
	n, err := indices.Shape().Product()
	if err != nil {
		return []*builder.Value{g.Fail("Gather", c.n.Inputs, err), nil}
	}
	// Updates are data's shape with n slices along the axis, and so are the
	// indices that say where each element goes.
	shape := append(builder.Shape{}, data.Shape()...)
	shape[a] = n
	column := make(builder.Shape, len(shape))
	for i := range column {
		column[i] = builder.Fixed(1)
	}
	column[a] = n
	places := g.Expand(g.Reshape(indices, column...), shape...)
	return []*builder.Value{g.ScatterElements(g.ZerosLike(data), places, g.Reshape(dy, shape...), int64(a), true), nil}
}

func scatterElements(c call) []*builder.Value {
	g, indices, dy := c.g, c.x(1), c.dy[0]
	a := c.n.Int("axis", 0)
	out := make([]*builder.Value, 3)
	if c.need[0] {
		out[0] = dy
		if c.n.Attr("reduction") == nil {
			out[0] = g.ScatterElements(dy, indices, g.ZerosLike(c.x(2)), a, false)
		}
	}
	if c.need[2] {
		out[2] = g.GatherElements(dy, indices, a)
	}
	return out
}
