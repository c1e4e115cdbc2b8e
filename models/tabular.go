package models

import (
	"cmp"
	"fmt"
	"math"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
)

// InputConfig sizes what reads one input of a tabular model.
type InputConfig struct {
	// Embedding is the width of the vectors of a categorical input's values;
	// see [EmbeddingWidth].
	Embedding int64
}

// EmbeddingWidth is the default width of the vectors of so many values:
// 1.6 n^0.56, which fast.ai found by trying, and 32 at most.
func EmbeddingWidth(values int) int64 {
	return int64(min(32, math.Ceil(1.6*math.Pow(float64(max(values, 1)), 0.56))))
}

// New returns a model for the schema's inputs: of text or of a table.
func New(s *schema.Schema, c Config) (*Model, error) {
	if s.Tabular() {
		return NewTabular(s, c)
	}
	return NewText(s, c)
}

// NewTabular returns a model that reads the columns of a table, for the
// schema's tasks. It sets the schema's tensor names, which are those of the
// inputs, and checks the configuration by building every graph once.
func NewTabular(s *schema.Schema, c Config) (*Model, error) {
	if !s.Tabular() {
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
		case of == nil || of.Type != schema.Categorical:
			return nil, fmt.Errorf("models: input %q has an embedding, but is no categorical input of the schema", name)
		case in.Embedding < 0:
			return nil, fmt.Errorf("models: input %q: embedding is %d, it cannot be negative", name, in.Embedding)
		}
	}
	m, err := finish(own, c)
	if err != nil {
		return nil, err
	}
	return m, m.try()
}

// NumericType is the type of the graph input that carries a numeric column.
func NumericType(g *builder.Graph, in *schema.Input) tensor.DType {
	if in.Double {
		return tensor.Float64
	}
	return g.Float()
}

// columnInputs is the front of inputs that carry columns: a number, NaN where
// it is missing, or the id of a value, for each example.
func (m *Model) columnInputs(g *builder.Graph) (f Front, err error) {
	for i := range m.schema.Inputs {
		in := &m.schema.Inputs[i]
		kind := tensor.Int64
		if in.Type == schema.Numeric {
			kind = NumericType(g, in)
		}
		f.Columns = append(f.Columns, g.Input(in.Tensor, kind, builder.Named("batch")))
	}
	return f, nil
}

// columns makes one vector of an example's columns: [batch, n]. Numbers are
// standardised, a missing one is the mean; values are embedded. A double input
// is standardised in double before the model computes in float32.
func (c *network) columns(b *Built, inputs []schema.Input) *builder.Value {
	var numbers, parts []*builder.Value
	var means, factors []float64
	for i := range inputs {
		in, x := &inputs[i], b.Columns[i]
		if in.Type == schema.Categorical {
			width := c.config.Inputs[in.Name].Embedding
			if width == 0 {
				width = EmbeddingWidth(len(in.Values))
			}
			rows := int64(len(in.Values)) + schema.UnknownValue + 1
			parts = append(parts, nn.Embedding(c.Scope(ValueTable(in.Name)), x, rows, width))
			continue
		}
		mean, factor := in.Mean, 1/in.Deviation
		if in.Double {
			x = c.Mul(c.Sub(x, c.ScalarOf(tensor.Float64, mean)), c.ScalarOf(tensor.Float64, factor))
			x, mean, factor = c.Cast(x, c.Float()), 0, 1 // standardised now
		}
		numbers = append(numbers, c.Unsqueeze(x, -1))
		means, factors = append(means, mean), append(factors, factor)
		if in.Indicator {
			parts = append(parts, c.Unsqueeze(c.Cast(c.IsNaN(x), c.Float()), -1))
		}
	}
	if len(numbers) > 0 {
		x := numbers[0]
		if len(numbers) > 1 {
			x = c.Concat(-1, numbers...)
		}
		mean := c.vector(means)
		x = c.Where(c.IsNaN(x), mean, x)
		parts = append([]*builder.Value{c.Mul(c.Sub(x, mean), c.vector(factors))}, parts...)
	}
	x := parts[0]
	if len(parts) > 1 {
		x = c.Concat(-1, parts...)
	}
	return c.dropout(x, c.config.Trunk.EmbeddingDropout)
}

// ValueTable is the path of the parameter "table" that holds the vectors of a
// categorical input's values: [values, width], by id.
func ValueTable(input string) string { return "trunk/columns/" + input }

// vector is a constant in the graph's type of floats.
func (c *network) vector(xs []float64) *builder.Value {
	if c.Float() == tensor.Float64 {
		return c.Constant(tensor.Must(tensor.Of(xs, int64(len(xs)))))
	}
	singles := make([]float32, len(xs))
	for i, x := range xs {
		singles[i] = float32(x)
	}
	return c.Constant(tensor.Must(tensor.Of(singles, int64(len(xs)))))
}
