package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

// cgc and ple put experts of all tasks and of each on top of the trunk (Tang et al.
// 2020); cgc does so once, ple in levels.
var (
	cgc = Structure{
		Name: "cgc",
		Doc:  "experts of all tasks and of each above the trunk, mixed by gates", Source: "Tang et al. 2020",
		Options: []setting.Option{experts, taskExperts, expertHidden, temperature},
		share:   above(func(c *network, s *builder.Scope, x *builder.Value) []*builder.Value { return c.ple(s, x, 1) }),
	}
	ple = Structure{
		Name: "ple",
		Doc:  "levels of experts of all tasks and of each above the trunk, mixed by gates", Source: "Tang et al. 2020",
		Options: []setting.Option{
			experts, taskExperts, expertHidden,
			{Key: "levels", Kind: setting.Whole, Min: 1, Default: 2, Doc: "number of levels"},
			temperature,
		},
		share: above(func(c *network, s *builder.Scope, x *builder.Value) []*builder.Value {
			return c.ple(s, x, c.config.Sharing.Levels)
		}),
	}
)

func (c *network) ple(s *builder.Scope, x *builder.Value, levels int) []*builder.Value {
	o := c.config.Sharing
	return nn.PLE(s, c.taskScopes(), c.tasks, x, nn.PLEOptions{
		Levels: levels, Experts: o.Experts, TaskExperts: o.TaskExperts, Hidden: o.ExpertHidden, Temperature: o.Temperature,
	})
}
