package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
)

var classification = Head{
	Type:    schema.Classification,
	Doc:     "one label of a text or of a table's row",
	Options: all(ofLabels()...),
	build:   ofExamples((*network).classification),
}

// classification answers with one label for the whole input. Two labels are
// one logit and a sigmoid; more are a softmax. Either way the probabilities
// are [batch, labels].
func (c *network) classification(s *builder.Scope, t *schema.Task, h HeadConfig, pooled *builder.Value) TaskGraph {
	x := c.body(s, h, pooled)
	binary := len(t.Labels) == 2
	width := int64(len(t.Labels))
	if binary {
		width = 1
	}
	logits := nn.DenseFrom(s.In("logits"), x, width, c.prior(t, h))
	out := TaskGraph{Name: t.Name}
	if c.mode != Inference {
		out.Labels = c.Input(task.LabelsInput(t.Name), tensor.Int64, builder.Named("batch"))
		o := c.lossOptions(t, h)
		if binary {
			out.Loss, out.Count = nn.BinaryCrossEntropy(c.Graph, c.Squeeze(logits, -1), out.Labels, o)
		} else {
			out.Loss, out.Count = nn.SoftmaxCrossEntropy(c.Graph, logits, out.Labels, o)
		}
	}
	if binary {
		// The first label's probability is sigmoid(-x) and not 1 - sigmoid(x),
		// which would lose digits where it is small.
		out.features = c.Sigmoid(c.Concat(1, c.Neg(logits), logits))
	} else {
		out.features = c.Softmax(logits, -1)
	}
	if c.mode != Training {
		out.Outputs = answers(c.Graph, t, out.features)
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

// lossOptions turns a head's settings into those of its loss.
func (c *network) lossOptions(t *schema.Task, h HeadConfig) nn.LossOptions {
	o := nn.LossOptions{Smoothing: h.LabelSmoothing, Focal: h.Focal}
	if h.Balanced {
		o.Weights = balanced(t)
	}
	for i, l := range t.Labels {
		w, ok := h.ClassWeights[l]
		if !ok {
			continue
		}
		if o.Weights == nil {
			o.Weights = make([]float64, len(t.Labels))
			for j := range o.Weights {
				o.Weights[j] = 1
			}
		}
		o.Weights[i] = w
	}
	return o
}

// balanced weighs labels inversely to how often they stand in the training
// data, so that all count alike: total / (labels * count).
func balanced(t *schema.Task) []float64 {
	total := 0
	for _, n := range t.Counts {
		total += n
	}
	weights := make([]float64, len(t.Labels))
	for i := range weights {
		weights[i] = 1
		if i < len(t.Counts) && t.Counts[i] > 0 {
			weights[i] = float64(total) / float64(len(t.Labels)*t.Counts[i])
		}
	}
	return weights
}
