package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

var mtan = Structure{
	Name: "mtan",
	Doc:  "masks of each task over the features of every layer of the trunk", Source: "Liu et al. 2019",
	Layered: true,
	Options: []setting.Option{bottleneck},
	share:   (*network).mtan,
}

// mtan lets each task mask the features of every layer of the trunk (Liu et al.
// 2019).
func (c *network) mtan(s *builder.Scope, x *builder.Value, layers []layer) []*builder.Value {
	steps := through(layers, s, x)
	out := make([]*builder.Value, len(c.tasks))
	for i, own := range c.taskScopes() {
		out[i] = nn.AttentionMasks(own, steps, c.config.Sharing.Bottleneck)
	}
	return out
}
