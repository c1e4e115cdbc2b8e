package models

import (
	"slices"

	"espalier/builder"
)

// hard gives all tasks one trunk (Caruana 1997).
var hard = Structure{
	Name: "hard",
	Doc:  "one trunk for all tasks", Source: "Caruana 1997",
	share: above(func(c *network, _ *builder.Scope, x *builder.Value) []*builder.Value {
		c.shared = x
		return slices.Repeat([]*builder.Value{x}, len(c.tasks))
	}),
}
