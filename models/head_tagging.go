package models

import (
	"espalier/builder"
	"espalier/builder/grad"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
	"espalier/tensor"
)

var tagging = Head{
	Type: schema.Tagging,
	Doc:  "one label of every token of a text",
	Options: all(append(ofLabels(), setting.Option{
		Key: "crf", Kind: setting.Flag, Default: false,
		Doc: "chooses the labels of a text together, by a linear-chain conditional random field (Lafferty et al. 2001)",
	})...),
	build: ofTokens((*network).tagging),
}

// tagging answers with one label for every token, each by its own softmax or,
// with a CRF, all together.
func (c *network) tagging(s *builder.Scope, t *schema.Task, h HeadConfig, shared *builder.Value) TaskGraph {
	logits := nn.DenseFrom(s.In("logits"), c.body(s, h, shared), int64(len(t.Labels)), c.prior(t, h))
	out := TaskGraph{Name: t.Name}
	if c.mode != Inference {
		out.Labels = c.Input(task.LabelsInput(t.Name), tensor.Int64, builder.Named("batch"), builder.Named("sequence"))
	}
	if h.CRF {
		// What other heads read are the emissions' probabilities: the best path
		// has no gradient.
		out.features = c.Softmax(logits, -1)
		c.crf(s, t, logits, &out)
		return out
	}
	if c.mode != Inference {
		out.Loss, out.Count = nn.SoftmaxCrossEntropy(c.Graph, logits, out.Labels, c.lossOptions(t, h))
	}
	out.features = c.Softmax(logits, -1)
	if c.mode != Training {
		out.Outputs = answers(c.Graph, t, out.features)
	}
	return out
}

// crf answers with the best path through the labels. The probabilities are
// those of each token's labels over all paths: the gradient of the logarithm of
// the partition function by the emissions.
//
// Where tokens are pieces of words, the path is one through the words: it reads the
// emissions of words' first pieces, and other pieces have probabilities and label 0.
func (c *network) crf(s *builder.Scope, t *schema.Task, emissions *builder.Value, out *TaskGraph) {
	first, last, next := schema.LegalTags(t.Scheme, t.Labels)
	field := nn.NewCRF(s.In("crf"), int64(len(t.Labels)), nn.Legal{First: first, Last: last, Next: next})
	scores, mask, labels := emissions, c.mask, out.Labels
	if w := c.words; w != nil {
		scores, mask = w.Gather(emissions), w.Mask
		if labels != nil {
			labels = w.Labels(labels)
		}
	}
	if c.mode != Inference {
		out.Loss, out.Count = field.Loss(scores, labels, mask)
	}
	if c.mode == Training {
		return
	}
	marginals := grad.Gradients(c.Graph, []*builder.Value{c.SumAll(field.LogPartition(scores, mask))}, nil, []*builder.Value{emissions})[0]
	best := field.Best(scores, mask)
	if c.words != nil {
		best = c.words.Spread(best)
	}
	if c.Err() != nil {
		return
	}
	out.Outputs = []builder.Output{
		{Name: t.Output(schema.Probabilities), Value: marginals},
		{Name: t.Output(schema.Label), Value: best},
	}
}
