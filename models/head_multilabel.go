package models

import (
	"cmp"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
	"espalier/tensor"
)

// Thresholds is the name, within a multi-label task's scope, of the parameter
// that holds the probability from which on each label applies. No gradient
// reaches it: a trainer sets it.
const Thresholds = "thresholds"

// Threshold declares the probability from which on a label applies.
func Threshold() setting.Option {
	return setting.Option{Key: "value", Open: true, Max: 1, Below: true, Default: 0.5, Doc: "the threshold with none, and of labels that validation says nothing of"}
}

// thresholds is the parameter of that name of n labels.
func (h HeadConfig) thresholds(s *builder.Scope, n int64) *builder.Value {
	h.Threshold = cmp.Or(h.Threshold, Threshold().Default.(float64))
	return s.Parameter(Thresholds, builder.ParameterOptions{Init: builder.Filled(h.Threshold)}, n)
}

var multiLabel = Head{
	Type:    schema.MultiLabel,
	Doc:     "any number of labels of a text or of a table's row",
	Options: all(ofLabels()...),
	build:   ofExamples((*network).multiLabel),
}

// multiLabel answers with any number of labels for the whole input, each by a
// sigmoid of its own. Its loss is that of [network.together].
func (c *network) multiLabel(s *builder.Scope, t *schema.Task, h HeadConfig, x *builder.Value) TaskGraph {
	n := int64(len(t.Labels))
	logits := nn.DenseFrom(s.In("logits"), c.body(s, h, x), n, c.prior(t, h))
	out := TaskGraph{Name: t.Name}
	if c.mode != Inference {
		out.Labels = c.Input(task.LabelsInput(t.Name), tensor.Int64, builder.Named("batch"), builder.Fixed(n))
		out.Loss, out.Count = c.together(logits, out.Labels, n, c.lossOptions(t, h))
	}
	thresholds := h.thresholds(s, n)
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

// together returns the loss of n decisions about each of the rows of logits
// [rows, n]: the mean over rows of the sum of their binary cross entropies, and
// the count of rows. The sum is the negative log likelihood of the row's labels,
// which are independent given the input (Nam et al. 2014, "Large-scale
// Multi-label Text Classification", equation 3), as the cross entropy of a
// classification is that of its label. Likelihoods are what the losses of several
// tasks are added up as (Kendall, Gal and Cipolla 2018). The mean over labels
// would give a task of 48 labels a 48th of that weight.
func (c *network) together(logits, labels *builder.Value, n int64, o nn.LossOptions) (loss, count *builder.Value) {
	loss, count = nn.BinaryCrossEntropy(c.Graph, logits, labels, o)
	return c.Mul(loss, c.Scalar(float64(n))), c.Mul(count, c.Scalar(1/float64(n)))
}
