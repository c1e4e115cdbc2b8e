package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
)

var regression = Head{
	Type:    schema.Regression,
	Doc:     "a number for a text or a table's row, learned standardised by the mean and deviation of the training data",
	Options: all(),
	unread:  "a regression, which has no probabilities",
	build:   ofExamples((*network).regression),
}

// regression answers with a number for the whole input. Its labels are
// [schema.Task.Standardise] of the values, so that the loss is that of
// standardised numbers and tasks in different units weigh alike. The answer is
// in the unit of the data: in double where the schema says so, because float32
// could not tell such numbers apart.
func (c *network) regression(s *builder.Scope, t *schema.Task, h HeadConfig, pooled *builder.Value) TaskGraph {
	value := c.Squeeze(nn.Dense(s.In("value"), c.body(s, h, pooled), 1), -1)
	out := TaskGraph{Name: t.Name}
	if c.mode != Inference {
		out.Labels = c.Input(task.LabelsInput(t.Name), c.Float(), builder.Named("batch"))
		out.Present = c.Input(task.PresentInput(t.Name), c.Float(), builder.Named("batch"))
		out.Loss, out.Count = nn.MeanSquaredError(c.Graph, value, out.Labels, out.Present)
	}
	if t.Deviation > 0 {
		unit := c.Float()
		if t.Double {
			unit = tensor.Float64
		}
		value = c.Add(c.Mul(c.Cast(value, unit), c.ScalarOf(unit, t.Deviation)), c.ScalarOf(unit, t.Mean))
	}
	if c.mode != Training {
		out.Outputs = []builder.Output{{Name: t.Output(schema.Value), Value: value}}
	}
	return out
}
