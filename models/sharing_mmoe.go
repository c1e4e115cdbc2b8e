package models

import (
	"espalier/builder"
	"espalier/builder/nn"
)

// mmoe puts experts on top of the trunk, which each task mixes by a gate of its
// own (Ma et al. 2018).
func (c *context) mmoe(s *builder.Scope, x *builder.Value) []*builder.Value {
	o := c.config.Sharing
	return nn.MMoE(s, c.taskScopes(), x, o.Experts, o.ExpertHidden, o.Temperature)
}
