package predict

import (
	"slices"
	"strings"

	"espalier/schema"
	"espalier/tensor"
)

// valueReader reads a column of values.
type valueReader struct {
	ids     valueIDs
	inGraph bool // the graph gives values their ids
}

func newValueReader(in *schema.Input) columnReader {
	r := valueReader{valueIDs{}, in.InGraph}
	for i, value := range in.Values {
		r.ids[value] = int64(i) + schema.UnknownValue + 1
	}
	return &r
}

func (r *valueReader) make(c *column, rows int) (*tensor.Tensor, error) {
	if r.inGraph {
		c.values = make([]string, rows)
		return tensor.Of(c.values, int64(rows))
	}
	c.ids = make([]int64, rows)
	return tensor.Of(c.ids, int64(rows))
}

func (r *valueReader) fill(c *column, in *schema.Input, t table, from, n int) error {
	values := t.columns.Values[in.Name]
	for i := range max(len(c.ids), len(c.values)) {
		value := ""
		switch {
		case i >= n:
		case values != nil:
			value = values[from+i]
		case t.byRows:
			value = t.texts[from+i][in.Name]
		}
		if value = strings.TrimSpace(value); !r.inGraph {
			c.ids[i] = r.ids.id(in, value)
		} else {
			c.values[i] = value
		}
	}
	return nil
}

// valueIDs are the ids of a categorical input's values.
type valueIDs map[string]int64

func (ids valueIDs) id(in *schema.Input, value string) int64 {
	if id, ok := ids[value]; ok {
		return id
	}
	if value == "" || slices.Contains(in.Missing, value) {
		return schema.MissingValue
	}
	return schema.UnknownValue
}

// spell returns the values of ids, and for the unknown one a text that is none.
func spell(in *schema.Input, ids []int64) []string {
	unknown := "?"
	for slices.Contains(in.Values, unknown) || slices.Contains(in.Missing, unknown) {
		unknown += "?"
	}
	out := make([]string, len(ids))
	for i, id := range ids {
		switch {
		case id == schema.MissingValue:
		case id > schema.UnknownValue && id-schema.UnknownValue-1 < int64(len(in.Values)):
			out[i] = in.Values[id-schema.UnknownValue-1]
		default:
			out[i] = unknown
		}
	}
	return out
}
