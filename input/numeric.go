package input

import (
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
	"espalier/tensor"
)

// numeric is a column of numbers.
type numeric struct{}

func (numeric) Name() schema.InputType { return schema.Numeric }
func (numeric) Traits() Traits         { return Traits{Given: Number} }
func (numeric) Doc() string {
	return "a column of numbers, standardised by the mean and deviation of the training data"
}
func (numeric) Options() []setting.Option { return []setting.Option{missing()} }

func (numeric) Configure(v setting.Values, in *schema.Input) { in.Missing = missingOf(v) }

// Tensor is of the numbers themselves: the graph standardises them.
func (numeric) Tensor(in *schema.Input) (tensor.DType, int) {
	if in.Double {
		return tensor.Float64, 1
	}
	return tensor.Float32, 1
}

func (numeric) Describe(in *schema.Input) string {
	return "numeric, " + task.Spread(in.Mean, in.Deviation, in.Double)
}
