package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// crossStitch gives each task a trunk over the same words and mixes the trunks
// after every layer (Misra et al. 2016). Every task's loss reaches every trunk,
// so that all of them are shared; only a task's mix after the last layer is its
// own.
func (c *context) crossStitch(s *builder.Scope, x *builder.Value, layers []layer) []*builder.Value {
	states := make([]*builder.Value, len(c.tasks))
	for i := range states {
		states[i] = x
	}
	for l, step := range layers {
		for i, name := range c.tasks {
			states[i] = step(s.In("tasks").In(name), states[i])
		}
		mixes := make([]*builder.Scope, len(c.tasks))
		for i, own := range c.taskScopes() {
			mixes[i] = own.In("stitch")
			if l < len(layers)-1 {
				mixes[i] = s.In(fmt.Sprintf("stitch_%d", l)).In(c.tasks[i])
			}
		}
		if c.Err() != nil {
			break
		}
		states = nn.CrossStitch(mixes, states, c.config.Sharing.Own)
	}
	return states
}
