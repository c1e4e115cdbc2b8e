package export

import (
	"espalier/builder"
	"espalier/models"
	"espalier/schema"
	"espalier/tensor"
)

// columnFront makes the part of a graph that reads a table's columns as they
// stand in it: numbers as float32, or as float64 where the schema says so, NaN
// where one is missing, and values as strings, which are given their ids in the graph. It marks the inputs so.
func columnFront(inputs []schema.Input) func(g *builder.Graph) (models.Front, error) {
	return func(g *builder.Graph) (f models.Front, err error) {
		for i := range inputs {
			in := &inputs[i]
			in.InGraph = true
			if in.Type == schema.Numeric {
				f.Columns = append(f.Columns, g.Input(in.Tensor, models.NumericType(g, in), builder.Named("batch")))
				continue
			}
			keys, ids := []string{""}, []int64{schema.MissingValue}
			for _, text := range in.Missing {
				keys, ids = append(keys, text), append(ids, schema.MissingValue)
			}
			for j, value := range in.Values {
				keys, ids = append(keys, value), append(ids, schema.UnknownValue+1+int64(j))
			}
			x := g.Input(in.Tensor, tensor.String, builder.Named("batch"))
			f.Columns = append(f.Columns, g.Lookup(x, keys, ids, schema.UnknownValue))
		}
		return f, g.Err()
	}
}
