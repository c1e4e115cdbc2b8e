package models

import (
	"espalier/builder"
	"espalier/builder/nn"
)

// ple puts levels of shared and task experts on top of the trunk (Tang et al.
// 2020); cgc is one level.
func (c *context) ple(s *builder.Scope, x *builder.Value) []*builder.Value {
	o := c.config.Sharing
	levels := o.Levels
	if o.Method == "cgc" {
		levels = 1
	}
	return nn.PLE(s, c.taskScopes(), c.tasks, x, nn.PLEOptions{
		Levels: levels, Experts: o.Experts, TaskExperts: o.TaskExperts, Hidden: o.ExpertHidden, Temperature: o.Temperature,
	})
}
