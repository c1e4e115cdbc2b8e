package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// bag reads words one by one: hidden states are the word vectors, after as
// many dense layers as asked for. Sentence tasks pool them.
func (c *context) bag(s *builder.Scope, x *builder.Value) *builder.Value {
	for i := range c.config.Trunk.Layers {
		x = c.Relu(nn.Dense(s.In(fmt.Sprintf("dense_%d", i)), x, c.config.Trunk.Hidden))
		x = c.dropout(x, c.config.Trunk.Dropout)
	}
	return x
}
