package models

import (
	"slices"

	"espalier/builder"
)

// hard gives all tasks one trunk (Caruana 1997).
var hard = Structure{
	Name: "hard",
	Doc:  "one trunk for all tasks", Source: "Caruana 1997",
	share: (*network).hard,
}

func (c *network) hard(s *builder.Scope, x *builder.Value, layers []layer) []*builder.Value {
	if c.config.Trunk.severalStates() {
		return c.upper(s, x, layers)
	}
	if steps := through(layers, s, x); len(steps) > 0 {
		x = steps[len(steps)-1]
	}
	c.shared, c.states = x, x
	return slices.Repeat([]*builder.Value{x}, len(c.tasks))
}
