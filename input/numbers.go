package input

import (
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
)

// numbers are laid out by the caller.
type numbers struct{}

func (numbers) Name() schema.InputType { return schema.Numbers }
func (numbers) Traits() Traits         { return Traits{Given: Tensors, Foreign: true} }

func (numbers) Doc() string                             { return "a tensor that the caller lays out" }
func (numbers) Options() []setting.Option               { return nil }
func (numbers) Configure(setting.Values, *schema.Input) {}

// Tensor cannot know: the graph says it.
func (numbers) Tensor(*schema.Input) (tensor.DType, int) { return tensor.Float32, 2 }

func (numbers) Describe(*schema.Input) string { return "numbers, laid out by the caller" }
