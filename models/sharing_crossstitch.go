package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

var crossStitch = Structure{
	Name: "cross_stitch",
	Doc:  "a trunk for each task, mixed after every layer", Source: "Misra et al. 2016",
	Layered: true, Copies: true,
	Options: []setting.Option{
		{Key: "own", Open: true, Max: 1, Default: 0.9, Doc: "weight of a task's own trunk at the start; the others share the rest"},
	},
	share: (*network).crossStitch,
}

// crossStitch gives each task a trunk over the same words and mixes the trunks
// after every layer (Misra et al. 2016). Every task's loss reaches every trunk,
// so that all of them are shared; only a task's mix after the last layer is its
// own.
func (c *network) crossStitch(s *builder.Scope, x *builder.Value, layers []layer) []*builder.Value {
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
