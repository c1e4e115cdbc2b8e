package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// transformer is a stack of pre-norm blocks over word vectors with learned
// positions.
func (c *context) transformer() []layer {
	t := c.config.Trunk
	layers := make([]layer, t.Layers)
	for i := range layers {
		layers[i] = func(s *builder.Scope, x *builder.Value) *builder.Value {
			return nn.TransformerBlock(s.In(fmt.Sprintf("block_%d", i)), x, c.mask, nn.BlockOptions{
				Heads: t.Heads, FeedForward: t.FeedForward, Dropout: c.trainingRate(t.Dropout),
			})
		}
	}
	return around(func(s *builder.Scope, x *builder.Value) *builder.Value {
		return nn.Positions(s.In("positions"), project(t.Hidden)(s, x), t.MaxLength)
	}, layers, norm)
}
