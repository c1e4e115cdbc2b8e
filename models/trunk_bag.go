package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// bag reads words one by one: hidden states are the word vectors, after as
// many dense layers as asked for. Sentence tasks pool them.
func (c *context) bag() []layer {
	layers := make([]layer, c.config.Trunk.Layers)
	for i := range layers {
		layers[i] = func(s *builder.Scope, x *builder.Value) *builder.Value {
			x = c.Relu(nn.Dense(s.In(fmt.Sprintf("dense_%d", i)), x, c.config.Trunk.Hidden))
			return c.dropout(x, c.config.Trunk.Dropout)
		}
	}
	return layers
}
