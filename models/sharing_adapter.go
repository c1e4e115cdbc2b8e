package models

import (
	"espalier/builder"
	"espalier/builder/nn"
)

// adapters put a small part of each task's own between the trunk's hidden
// states and its head: a bottleneck (Houlsby et al. 2019) or a product of two
// thin matrices (Hu et al. 2022). They stand on the hidden states and not
// inside the layers, so that the trunk is computed once for all tasks.
func (c *context) adapters(x *builder.Value) []*builder.Value {
	o := c.config.Sharing
	out := make([]*builder.Value, len(c.tasks))
	for i, own := range c.taskScopes() {
		if o.Method == "adapter" {
			out[i] = nn.Adapter(own.In("adapter"), x, o.Bottleneck)
		} else {
			out[i] = nn.LowRank(own.In("low_rank"), x, o.Rank, o.Scale)
		}
	}
	return out
}
