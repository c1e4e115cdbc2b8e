package models

import (
	"cmp"
	"fmt"

	"espalier/builder"
	"espalier/input"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
)

// NewTabular returns a model that reads the columns of a table, for the
// schema's tasks. It sets the schema's tensor names, which are those of the
// inputs, and checks the configuration by building every graph once.
func NewTabular(s *schema.Schema, c Config) (*Model, error) {
	if !input.Table(s) {
		return nil, fmt.Errorf("models: a tabular model reads numeric and categorical inputs, the schema has others")
	}
	own := copyOf(s)
	for i := range own.Inputs {
		own.Inputs[i].Tensor = own.Inputs[i].Name
	}
	for _, t := range own.Tasks {
		if task.TraitsOf(&t).Level != task.OfExample {
			return nil, fmt.Errorf("models: task %q is %s, but a table's examples have no tokens", t.Name, t.Type)
		}
	}
	c.Trunk.Type = cmp.Or(c.Trunk.Type, mlp.Name)
	if of, err := trunkType(c.Trunk.Type); err != nil || !of.Table {
		return nil, fmt.Errorf("models: trunk: a table is read by type %s, not %s", mlp.Name, c.Trunk.Type)
	}
	for name, in := range c.Inputs {
		switch of := own.Input(name); {
		case of == nil || input.TraitsOf(of).Given != input.Value:
			return nil, fmt.Errorf("models: input %q has an embedding, but is no categorical input of the schema", name)
		case in.Embedding < 0:
			return nil, fmt.Errorf("models: input %q: embedding is %d, it cannot be negative", name, in.Embedding)
		}
	}
	m, err := finish(own, c, tableReader{})
	if err != nil {
		return nil, err
	}
	return m, m.try()
}

// ColumnType is the type of the graph input that carries a column: that of files, but
// for the graph's type of floats.
func ColumnType(g *builder.Graph, in *schema.Input) tensor.DType {
	of, _ := input.Of(in.Type).Tensor(in)
	if of == tensor.Float32 {
		return g.Float()
	}
	return of
}

// tableReader reads columns: a number, NaN where it is missing, or the id of a value,
// for each example.
type tableReader struct{}

func (tableReader) inputs(g *builder.Graph, inputs []schema.Input) (f Front) {
	for i := range inputs {
		in := &inputs[i]
		f.Columns = append(f.Columns, g.Input(in.Tensor, ColumnType(g, in), builder.Named("batch")))
	}
	return f
}

// column is what makes features of one kind of columns.
type column interface {
	add(c *network, in *schema.Input, x *builder.Value, to *row)
}

// row is what an example's columns become, as it is put together.
type row struct {
	numbers        []*builder.Value // [batch, 1] each, NaN where there is none
	means, factors []float64        // by which numbers are standardised together
	parts          []*builder.Value // [batch, n], behind them
}

// read makes one vector of an example's columns: [batch, n], numbers first.
func (tableReader) read(c *network, _ *builder.Scope, b *Built, inputs []schema.Input) *builder.Value {
	kinds := columns()
	var f row
	for i := range inputs {
		in := &inputs[i]
		kinds[input.TraitsOf(in).Given].add(c, in, b.Columns[i], &f)
	}
	parts := f.parts
	if len(f.numbers) > 0 {
		parts = append([]*builder.Value{c.standardise(&f)}, parts...)
	}
	x := parts[0]
	if len(parts) > 1 {
		x = c.Concat(-1, parts...)
	}
	return c.dropout(x, c.config.Trunk.EmbeddingDropout)
}
