package models

import (
	"espalier/builder"
	"espalier/builder/nn"
)

// hard gives all tasks one trunk (Caruana 1997).
var hard = Structure{
	Name: "hard",
	Doc:  "one trunk for all tasks", Source: "Caruana 1997",
	share: (*network).hard,
}

// hard takes x through the layers as far as a task reads. Tasks read the state behind
// the last layer, or behind an earlier one (Søgaard and Goldberg 2016; Sanh et al. 2019).
// Layers in which tasks have adapters of their own are computed once for each of them.
func (c *network) hard(s *builder.Scope, x *builder.Value, layers []layer) []*builder.Value {
	depths, deepest := make([]int, len(c.tasks)), 0
	for i, name := range c.tasks {
		if depths[i] = c.config.Heads[name].Layer; depths[i] == 0 || depths[i] > len(layers) {
			depths[i] = len(layers)
		}
		deepest = max(deepest, depths[i])
	}
	own, mix := 0, false
	if t := &c.config.Trunk; t.Pretrained != nil {
		own, mix = int(t.Options.Int("own_layers")), t.Options.Flag("mix")
	}
	common := min(len(layers)-own, deepest)
	lower := through(layers[:common], s, x)
	out := make([]*builder.Value, len(c.tasks))
	for i, scope := range c.taskScopes() {
		steps := lower[:min(depths[i], common)]
		if depths[i] > common {
			top := x
			if common > 0 {
				top = lower[common-1]
			}
			c.adapting = c.tasks[i]
			steps = append(steps[:common:common], through(layers[common:depths[i]], s, top)...)
			c.adapting = ""
		}
		switch {
		case len(steps) == 0:
			out[i] = x
		case mix:
			out[i] = nn.ScalarMix(scope.In("mix"), steps)
		default:
			out[i] = steps[len(steps)-1]
		}
	}
	c.shared = c.represented(x, lower, out, mix)
	if common == len(layers) {
		if c.states = x; common > 0 {
			c.states = lower[common-1]
		}
	}
	return out
}

// represented returns the one value through which what tasks share reaches them, nil
// where several do.
func (c *network) represented(x *builder.Value, lower, out []*builder.Value, mix bool) *builder.Value {
	if mix {
		return nil
	}
	top := x
	if len(lower) > 0 {
		top = lower[len(lower)-1]
	}
	for _, state := range out {
		for _, below := range lower {
			if state == below && below != top {
				return nil
			}
		}
	}
	return top
}
