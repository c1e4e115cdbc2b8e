package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
)

var aitm = Structure{
	Name: "aitm",
	Doc:  "a tower of each task above the trunk, which also reads what the tower of the task before has found", Source: "Xi et al. 2021",
	Options: []setting.Option{
		{Key: "tower", Kind: setting.Whole, Min: 1, From: trunkWidth, Follows: "trunk.hidden", Doc: "width of a task's tower"},
		{Key: "calibrator", Default: 0.0, Doc: "factor of what is added to the losses where a task is likelier than the one before it, of which it is a later step: for classifications with two labels, the second of which, in alphabetical order, says that the step was taken; 0: nothing"},
	},
	tasks: checkCalibrator,
	share: above((*network).aitm),
}

// aitm puts a tower of each task on top of the trunk, in the order of the tasks,
// and tells each what the one before has found (Xi et al. 2021). All towers but
// the last feed other tasks, too, and stand in the trunk.
func (c *network) aitm(s *builder.Scope, x *builder.Value) []*builder.Value {
	towers := c.taskScopes()
	for i, name := range c.tasks[:len(c.tasks)-1] {
		towers[i] = s.In("towers").In(name)
	}
	c.after = c.calibrate
	return nn.Transfers(towers, x, c.config.Sharing.Tower)
}

// calibrate penalises a task that is likelier than the one before it, of which
// it is a later step.
func (c *network) calibrate(tasks []TaskGraph) {
	o := c.config.Sharing
	if c.mode != Training || o.Calibrator == 0 || len(tasks) < 2 || c.Err() != nil {
		return
	}
	likely := make([]*builder.Value, len(tasks))
	for i, t := range tasks {
		likely[i] = c.Slice(t.features, -1, 1, 0)
	}
	c.penalize(nn.Calibration(c.Graph, likely), o.Calibrator)
}

// checkCalibrator reports the first task that cannot be calibrated.
func checkCalibrator(o SharingConfig, s *schema.Schema) error {
	if o.Calibrator == 0 {
		return nil
	}
	for _, t := range s.Tasks {
		if !task.TraitsOf(&t).Binary(&t) {
			return fmt.Errorf("calibrator is for classifications with two labels, each a step after the one before, and task %q is none; set it to 0", t.Name)
		}
	}
	return nil
}
