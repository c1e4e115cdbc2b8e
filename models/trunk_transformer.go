package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// transformer is a stack of pre-norm blocks over word vectors with learned
// positions.
func (c *context) transformer(s *builder.Scope, x *builder.Value) *builder.Value {
	t := c.config.Trunk
	if !x.Dim(-1).Is(t.Hidden) {
		x = nn.Dense(s.In("project"), x, t.Hidden)
	}
	x = nn.Positions(s.In("positions"), x, t.MaxLength)
	for i := range t.Layers {
		x = nn.TransformerBlock(s.In(fmt.Sprintf("block_%d", i)), x, c.mask, nn.BlockOptions{
			Heads: t.Heads, FeedForward: t.FeedForward, Dropout: c.trainingRate(t.Dropout),
		})
	}
	return nn.LayerNorm(s.In("norm"), x)
}
