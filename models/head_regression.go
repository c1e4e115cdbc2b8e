package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
)

// regression answers with a number for the whole input. Where the schema has
// the mean and deviation of the truth, the loss is that of standardised numbers,
// so that tasks in different units weigh alike, and the answer is in the unit of
// the data.
func (c *context) regression(s *builder.Scope, t *schema.Task, h HeadConfig, pooled *builder.Value) TaskGraph {
	value := c.Squeeze(nn.Dense(s.In("value"), c.body(s, h, pooled), 1), -1)
	out := TaskGraph{Name: t.Name}
	if c.mode != Inference {
		out.Labels = c.Input(t.Name+"_labels", c.Float(), builder.Named("batch"))
		out.Present = c.Input(t.Name+"_present", c.Float(), builder.Named("batch"))
		truth := out.Labels
		if t.Deviation > 0 {
			truth = c.Mul(c.Sub(truth, c.Scalar(t.Mean)), c.Scalar(1/t.Deviation))
		}
		out.Loss, out.Count = nn.MeanSquaredError(c.Graph, value, truth, out.Present)
	}
	if t.Deviation > 0 {
		value = c.Add(c.Mul(value, c.Scalar(t.Deviation)), c.Scalar(t.Mean))
	}
	if c.mode != Training {
		out.Outputs = []builder.Output{{Name: t.Output(schema.Value), Value: value}}
	}
	return out
}
