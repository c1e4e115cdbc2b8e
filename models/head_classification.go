package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/tensor"
)

// classification answers with one label for the whole input. Two labels are
// one logit and a sigmoid; more are a softmax. Either way the probabilities
// are [batch, labels].
func (c *context) classification(s *builder.Scope, t *schema.Task, h HeadConfig, pooled *builder.Value) TaskGraph {
	x := c.body(s, h, pooled)
	binary := len(t.Labels) == 2
	width := int64(len(t.Labels))
	if binary {
		width = 1
	}
	logits := nn.Dense(s.In("logits"), x, width)
	out := TaskGraph{Name: t.Name}
	if c.mode != Inference {
		out.Labels = c.Input(t.Name+"_labels", tensor.Int64, builder.Named("batch"))
		if binary {
			out.Loss, out.Count = nn.BinaryCrossEntropy(c.Graph, c.Squeeze(logits, -1), out.Labels)
		} else {
			out.Loss, out.Count = nn.SoftmaxCrossEntropy(c.Graph, logits, out.Labels)
		}
	}
	if c.mode != Training {
		var p *builder.Value
		if binary {
			// The first label's probability is sigmoid(-x) and not 1 - sigmoid(x),
			// which would lose digits where it is small.
			p = c.Sigmoid(c.Concat(1, c.Neg(logits), logits))
		} else {
			p = c.Softmax(logits, -1)
		}
		out.Outputs = answers(c.Graph, t, p)
	}
	return out
}

// answers are probabilities over the last dimension and the label that has the
// largest.
func answers(g *builder.Graph, t *schema.Task, p *builder.Value) []builder.Output {
	return []builder.Output{
		{Name: t.Output(schema.Probabilities), Value: p},
		{Name: t.Output(schema.Label), Value: g.ArgMax(p, -1)},
	}
}
