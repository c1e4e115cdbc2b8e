package models

import (
	"espalier/builder"
	"espalier/input"
	"espalier/schema"
)

// reader makes what layers read of a model's inputs. There is one for tokens and one
// for whole examples, each in a file of its own (input_*.go).
type reader interface {
	// inputs are the inputs of the graph that carry what it reads.
	inputs(g *builder.Graph, inputs []schema.Input) Front
	// read makes the vectors that the trunk's layers read: [batch, sequence, n], or
	// [batch, n] of whole examples.
	read(c *network, trunk *builder.Scope, b *Built, inputs []schema.Input) *builder.Value
}

// New returns a model for the schema's inputs: of text or of a table.
func New(s *schema.Schema, c Config) (*Model, error) {
	if input.Table(s) {
		return NewTabular(s, c)
	}
	return NewText(s, c)
}

// columns is the table of what reads each kind of columns.
func columns() map[input.Form]column {
	return map[input.Form]column{input.Number: numericColumn{}, input.Value: categoricalColumn{}}
}
