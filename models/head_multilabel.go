package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/tensor"
)

// Thresholds is the name, within a multi-label task's scope, of the parameter
// that holds the probability from which on each label applies. No gradient
// reaches it: a trainer sets it.
const Thresholds = "thresholds"

// multiLabel answers with any number of labels for the whole input, each by a
// sigmoid of its own.
func (c *context) multiLabel(s *builder.Scope, t *schema.Task, h HeadConfig, x *builder.Value) TaskGraph {
	n := int64(len(t.Labels))
	logits := nn.Dense(s.In("logits"), c.body(s, h, x), n)
	out := TaskGraph{Name: t.Name}
	if c.mode != Inference {
		out.Labels = c.Input(t.Name+"_labels", tensor.Int64, builder.Named("batch"), builder.Fixed(n))
		out.Loss, out.Count = nn.BinaryCrossEntropy(c.Graph, logits, out.Labels, c.lossOptions(t, h))
	}
	thresholds := s.Parameter(Thresholds, builder.ParameterOptions{Init: builder.Filled(0.5)}, n)
	p := c.Sigmoid(logits)
	out.features = p
	if c.mode != Training {
		out.Outputs = []builder.Output{
			{Name: t.Output(schema.Probabilities), Value: p},
			{Name: t.Output(schema.Label), Value: c.Where(c.GreaterOrEqual(p, thresholds), c.ScalarOf(tensor.Int64, 1), c.ScalarOf(tensor.Int64, 0))},
		}
	}
	return out
}
