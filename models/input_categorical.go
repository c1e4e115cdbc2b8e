package models

import (
	"math"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
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

// ValueTable is the path of the parameter "table" that holds the vectors of a
// categorical input's values: [values, width], by id.
func ValueTable(input string) string { return "trunk/columns/" + input }

// categoricalColumn is a column of values, each of which has a vector.
type categoricalColumn struct{}

func (categoricalColumn) add(c *network, in *schema.Input, x *builder.Value, to *row) {
	width := c.config.Inputs[in.Name].Embedding
	if width == 0 {
		width = EmbeddingWidth(len(in.Values))
	}
	rows := int64(len(in.Values)) + schema.UnknownValue + 1
	to.parts = append(to.parts, nn.Embedding(c.Scope(ValueTable(in.Name)), x, rows, width))
}
