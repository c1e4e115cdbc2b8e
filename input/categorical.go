package input

import (
	"fmt"
	"strings"

	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
)

// categorical is a column of values, each of which has an id.
type categorical struct{}

func (categorical) Name() schema.InputType { return schema.Categorical }
func (categorical) Traits() Traits         { return Traits{Given: Value} }
func (categorical) Doc() string {
	return "a column of words, each of which in the training data gets a vector"
}

func (categorical) Options() []setting.Option {
	return []setting.Option{
		minCount(),
		{Key: "embedding", Kind: setting.Whole, Min: 1, Follows: "1.6 n^0.56 for n values, and 32 at most", Doc: "width of the vectors"},
		missing(),
	}
}

func (categorical) Configure(v setting.Values, in *schema.Input) {
	in.MinCount, in.Missing = int(v.Int("min_count")), missingOf(v)
}

// Tensor is of the values, or of their ids.
func (categorical) Tensor(in *schema.Input) (tensor.DType, int) {
	if in.InGraph {
		return tensor.String, 1
	}
	return tensor.Int64, 1
}

func (categorical) Describe(in *schema.Input) string {
	const most = 6
	values := strings.Join(in.Values, ", ")
	if len(in.Values) > most {
		values = fmt.Sprintf("%s and %d more", strings.Join(in.Values[:most], ", "), len(in.Values)-most)
	}
	return fmt.Sprintf("categorical, %d values: %s", len(in.Values), values)
}
