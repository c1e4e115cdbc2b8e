package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
)

// aitm puts a tower of each task on top of the trunk, in the order of the tasks,
// and tells each what the one before has found (Xi et al. 2021). All towers but
// the last feed other tasks, too, and stand in the trunk.
func (c *context) aitm(s *builder.Scope, x *builder.Value) []*builder.Value {
	towers := c.taskScopes()
	for i, name := range c.tasks[:len(c.tasks)-1] {
		towers[i] = s.In("towers").In(name)
	}
	return nn.Transfers(towers, x, c.config.Sharing.Tower)
}

// calibrate penalises a task that is likelier than the one before it, of which
// it is a later step.
func (c *context) calibrate(tasks []TaskGraph) {
	o := c.config.Sharing
	if c.mode != Training || o.Method != "aitm" || o.Calibrator == 0 || len(tasks) < 2 || c.Err() != nil {
		return
	}
	likely := make([]*builder.Value, len(tasks))
	for i, t := range tasks {
		likely[i] = c.Slice(t.features, -1, 1, 0)
	}
	c.penalize(nn.Calibration(c.Graph, likely), o.Calibrator)
}

// checkCalibrator reports the first task that cannot be calibrated.
func (c *SharingConfig) checkCalibrator(s *schema.Schema) error {
	if c.Method != "aitm" || c.Calibrator == 0 {
		return nil
	}
	for _, t := range s.Tasks {
		if t.Type != schema.Classification || len(t.Labels) != 2 {
			return fmt.Errorf("calibrator is for classifications with two labels, each a step after the one before, and task %q is none; set it to 0", t.Name)
		}
	}
	return nil
}
