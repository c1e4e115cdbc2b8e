package models

import (
	"espalier/builder"
	"espalier/builder/nn"
)

// dselect is mmoe with gates that end with few experts each (Hazimeh et al.
// 2021).
func (c *context) dselect(s *builder.Scope, x *builder.Value) []*builder.Value {
	o := c.config.Sharing
	experts := nn.Experts(s.In("experts"), x, o.Experts, o.ExpertHidden)
	out := make([]*builder.Value, len(c.tasks))
	for i, own := range c.taskScopes() {
		gate, selectors := nn.DSelect(own.In("gate"), x, nn.DSelectOptions{
			Experts: o.Experts, K: o.K, Gamma: o.Gamma, Conditional: o.Conditional,
		})
		out[i] = nn.Mix(c.Graph, gate, experts)
		if c.mode == Training && o.Entropy > 0 {
			c.penalize(nn.SelectorEntropy(c.Graph, selectors, c.mask), o.Entropy)
		}
	}
	return out
}
