package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

var mmoe = Structure{
	Name: "mmoe",
	Doc:  "experts above the trunk, which each task mixes by a gate of its own", Source: "Ma et al. 2018",
	Options: []setting.Option{experts, expertHidden, temperature},
	share:   above((*network).mmoe),
}

// mmoe puts experts on top of the trunk, which each task mixes by a gate of its
// own (Ma et al. 2018).
func (c *network) mmoe(s *builder.Scope, x *builder.Value) []*builder.Value {
	o := c.config.Sharing
	return nn.MMoE(s, c.taskScopes(), x, o.Experts, o.ExpertHidden, o.Temperature)
}
