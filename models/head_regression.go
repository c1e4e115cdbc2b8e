package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
)

// regression answers with a number for the whole input.
func (c *context) regression(s *builder.Scope, t *schema.Task, h HeadConfig, pooled *builder.Value) TaskGraph {
	value := c.Squeeze(nn.Dense(s.In("value"), c.body(s, h, pooled), 1), -1)
	out := TaskGraph{Name: t.Name}
	if c.mode != Inference {
		out.Labels = c.Input(t.Name+"_labels", c.Float(), builder.Named("batch"))
		out.Present = c.Input(t.Name+"_present", c.Float(), builder.Named("batch"))
		out.Loss, out.Count = nn.MeanSquaredError(c.Graph, value, out.Labels, out.Present)
	}
	if c.mode != Training {
		out.Outputs = []builder.Output{{Name: t.Output(schema.Value), Value: value}}
	}
	return out
}
