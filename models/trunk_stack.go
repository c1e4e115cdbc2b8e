package models

import (
	"fmt"

	"espalier/builder"
)

// stack is the type of a trunk whose parts stand on top of each other.
const stack = "stack"

// stack is the layers of all parts, each in a scope of its part. A part that
// adds what it reads to what it gives is one layer.
func (c *context) stack(t TrunkConfig) []layer {
	var all []layer
	for i, part := range t.Stack {
		layers := c.layers(part)
		if part.Skip {
			layers = []layer{c.skip(layers)}
		}
		for _, l := range layers {
			all = append(all, func(s *builder.Scope, x *builder.Value) *builder.Value {
				return l(s.In(fmt.Sprintf("part_%d", i)), x)
			})
		}
	}
	return all
}

// skip adds what the first of layers reads to what the last gives.
func (c *context) skip(layers []layer) layer {
	return func(s *builder.Scope, x *builder.Value) *builder.Value {
		steps := through(layers, s, x)
		return c.Add(x, steps[len(steps)-1])
	}
}
