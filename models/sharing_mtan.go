package models

import (
	"espalier/builder"
	"espalier/builder/nn"
)

// mtan lets each task mask the features of every layer of the trunk (Liu et al.
// 2019).
func (c *context) mtan(s *builder.Scope, x *builder.Value, layers []layer) []*builder.Value {
	steps := through(layers, s, x)
	out := make([]*builder.Value, len(c.tasks))
	for i, own := range c.taskScopes() {
		out[i] = nn.AttentionMasks(own, steps, c.config.Sharing.Bottleneck)
	}
	return out
}
