package export

import (
	"espalier/builder"
	"espalier/input"
	"espalier/models"
	"espalier/schema"
)

// columnFront reads a table's columns as they stand in it: numbers as float32, or as
// float64 where the schema says so, NaN where one is missing, and values as strings,
// which are given their ids in the graph. It marks the inputs so.
type columnFront []schema.Input

func (inputs columnFront) build(g *builder.Graph) (f models.Front, err error) {
	kinds := columnsAsGiven()
	for i := range inputs {
		in := &inputs[i]
		in.InGraph = true
		f.Columns = append(f.Columns, kinds[input.TraitsOf(in).Given](g, in))
	}
	return f, g.Err()
}

func (columnFront) describe() []builder.Output { return nil }

// givenNumber reads a number.
func givenNumber(g *builder.Graph, in *schema.Input) *builder.Value {
	return g.Input(in.Tensor, models.ColumnType(g, in), builder.Named("batch"))
}

// givenValue gives a value its id.
func givenValue(g *builder.Graph, in *schema.Input) *builder.Value {
	keys, ids := []string{""}, []int64{schema.MissingValue}
	for _, text := range in.Missing {
		keys, ids = append(keys, text), append(ids, schema.MissingValue)
	}
	for j, value := range in.Values {
		keys, ids = append(keys, value), append(ids, schema.UnknownValue+1+int64(j))
	}
	x := g.Input(in.Tensor, models.ColumnType(g, in), builder.Named("batch"))
	return g.Lookup(x, keys, ids, schema.UnknownValue)
}
