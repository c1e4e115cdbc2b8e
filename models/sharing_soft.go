package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

var soft = Structure{
	Name: "soft",
	Doc:  "a trunk for each task, kept close to the others", Source: "Duong et al. 2015",
	Layered: true, Copies: true,
	Options: []setting.Option{
		{Key: "l2", Default: 0.0001, Doc: "factor of the squared distance between the trunks; 0: none"},
	},
	share: (*network).soft,
}

// soft gives each task a trunk of its own over the same words, and penalises
// the distance between the trunks' parameters (Duong et al. 2015).
func (c *network) soft(_ *builder.Scope, x *builder.Value, layers []layer) []*builder.Value {
	c.shared = x
	out := make([]*builder.Value, len(c.tasks))
	for i, s := range c.taskScopes() {
		steps := through(layers, s.In("trunk"), x)
		out[i] = steps[len(steps)-1]
	}
	l2 := c.config.Sharing.L2
	if c.mode != Training || l2 == 0 || len(c.tasks) < 2 || c.Err() != nil {
		return out
	}
	names, _ := c.under("head/" + c.tasks[0] + "/trunk")
	of := make([]map[string]*builder.Value, len(c.tasks))
	for i, task := range c.tasks {
		_, of[i] = c.under("head/" + task + "/trunk")
	}
	for _, name := range names {
		if of[0][name].Parameter().Frozen {
			continue // they stay as they start, which is alike
		}
		same := make([]*builder.Value, len(of))
		for i := range of {
			same[i] = of[i][name]
		}
		c.penalize(nn.SquaredDistances(c.Graph, same), l2)
	}
	return out
}
