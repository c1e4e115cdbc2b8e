package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

// Adapters put a small part of each task's own between the trunk's hidden
// states and its head: a bottleneck (Houlsby et al. 2019) or a product of two
// thin matrices (Hu et al. 2022). They stand on the hidden states and not
// inside the layers, so that the trunk is computed once for all tasks.
var (
	adapter = Structure{
		Name: "adapter",
		Doc:  "a bottleneck of each task's own above the trunk", Source: "Houlsby et al. 2019",
		Options: []setting.Option{bottleneck},
		share: above(func(c *network, _ *builder.Scope, x *builder.Value) []*builder.Value {
			return c.adapters(x, func(own *builder.Scope) *builder.Value {
				return nn.Adapter(own.In("adapter"), x, c.config.Sharing.Bottleneck)
			})
		}),
	}
	lowRank = Structure{
		Name: "low_rank",
		Doc:  "a product of two thin matrices of each task's own above the trunk", Source: "Hu et al. 2022",
		Options: []setting.Option{
			{Key: "rank", Kind: setting.Whole, Min: 1, Default: 4, Doc: "inner width of the product"},
			{Key: "scale", Open: true, Default: 1.0, Doc: "factor of what it adds"},
		},
		share: above(func(c *network, _ *builder.Scope, x *builder.Value) []*builder.Value {
			return c.adapters(x, func(own *builder.Scope) *builder.Value {
				return nn.LowRank(own.In("low_rank"), x, c.config.Sharing.Rank, c.config.Sharing.Scale)
			})
		}),
	}
)

// adapters returns what a part of each task makes of x, which all share.
func (c *network) adapters(x *builder.Value, part func(own *builder.Scope) *builder.Value) []*builder.Value {
	c.shared = x
	out := make([]*builder.Value, len(c.tasks))
	for i, own := range c.taskScopes() {
		out[i] = part(own)
	}
	return out
}
