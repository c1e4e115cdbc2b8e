package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

var dselect = Structure{
	Name: "dselect_k",
	Doc:  "experts above the trunk, of which each task chooses few", Source: "Hazimeh et al. 2021",
	Options: []setting.Option{
		experts, expertHidden,
		{Key: "k", Kind: setting.Whole, Min: 1, Default: 2, Doc: "most experts that a task ends with"},
		{Key: "gamma", Open: true, Default: 1.0, Doc: "how wide the step is in which it has not decided yet"},
		{Key: "conditional", Kind: setting.Flag, Default: false, Doc: "chooses for each token, by its hidden state, and not once for each task"},
		{Key: "entropy", Default: 0.01, Doc: "factor by which it is driven to decide"},
	},
	check: func(o *SharingConfig) error {
		switch {
		case o.Experts < 2:
			return wrong("experts", "is %d, dselect_k needs at least 2 to choose from", o.Experts)
		case o.K > o.Experts:
			return wrong("k", "is %d, but there are %d experts to choose from", o.K, o.Experts)
		}
		return nil
	},
	share: above((*network).dselect),
}

// dselect is mmoe with gates that end with few experts each (Hazimeh et al.
// 2021).
func (c *network) dselect(s *builder.Scope, x *builder.Value) []*builder.Value {
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
