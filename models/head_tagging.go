package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/tensor"
)

// tagging answers with one label for every token, each by its own softmax.
func (c *context) tagging(s *builder.Scope, t *schema.Task, h HeadConfig, shared *builder.Value) TaskGraph {
	logits := nn.Dense(s.In("logits"), c.body(s, h, shared), int64(len(t.Labels)))
	out := TaskGraph{Name: t.Name}
	if c.mode != Inference {
		out.Labels = c.Input(t.Name+"_labels", tensor.Int64, builder.Named("batch"), builder.Named("sequence"))
		out.Loss, out.Count = nn.SoftmaxCrossEntropy(c.Graph, logits, out.Labels)
	}
	if c.mode != Training {
		out.Outputs = answers(c.Graph, t, c.Softmax(logits, -1))
	}
	return out
}
