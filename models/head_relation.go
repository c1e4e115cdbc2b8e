package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
	"espalier/tensor"
)

var relation = Head{
	Type:   schema.Relation,
	Doc:    "labels of pairs of the spans that a tagging task finds",
	Source: "Dozat and Manning 2017; Nguyen and Verspoor 2019",
	Options: append(append([]setting.Option{reads}, ofLabels()...),
		headLayer,
		setting.Option{Key: "hidden", Kind: setting.Whole, Min: 1, Default: 128, Doc: "width of the vectors of the two entities that are compared"},
		headDropout),
	unread: "a relation, whose probabilities are of pairs of tokens",
	build:  ofTokens((*network).relation),
}

// relation answers with a probability of each label for every pair of tokens,
// the last of two entities, by a sigmoid of its own: an entity may stand in
// several relations, and two in more than one. With h the vector of the head's
// token and t that of the tail's, each a dense layer of what the head reads,
// the score of label l is h W_l t + u_l h + v_l t + b_l: a biaffine classifier
// (Dozat and Manning 2017), as Nguyen and Verspoor (2019) use for the relations
// of entities that the same network finds.
//
// The loss is the mean over pairs of entities in the truth, of all labels'
// cross entropies together. It reads the scores of those pairs alone, so that
// training costs what there are of them; answers are of all pairs of tokens.
func (c *network) relation(s *builder.Scope, t *schema.Task, h HeadConfig, x *builder.Value) TaskGraph {
	width, n := h.Hidden, int64(len(t.Labels))
	x = c.dropout(x, h.Dropout)
	vectors := func(name string) *builder.Value {
		return c.dropout(c.Relu(nn.Dense(s.In(name), x, width)), h.Dropout)
	}
	head, tail := vectors("head"), vectors("tail")
	// The first half of the scores is of tokens alone: h W and u h for every
	// label.
	weight := s.Parameter("weight", builder.ParameterOptions{Init: builder.Glorot(), Decay: true}, width, n*width)
	turned := c.Gemm(nn.Flatten(c.Graph, head), weight, nil, false, false) // [tokens, labels*width]
	ofHead := c.Gemm(nn.Flatten(c.Graph, head), s.Parameter("head_weight", builder.ParameterOptions{Init: builder.Glorot(), Decay: true}, width, n), nil, false, false)
	ofTail := nn.DenseFrom(s.In("tail_scores"), nn.Flatten(c.Graph, tail), n, c.prior(t, h))
	h.thresholds(s, n)
	out := TaskGraph{Name: t.Name}
	if c.Err() != nil {
		return out
	}
	if c.mode != Inference {
		pairs := builder.Named(task.PairsInput(t.Name)) // how many there are differs from task to task
		out.Pairs = c.Input(task.PairsInput(t.Name), tensor.Int64, pairs, builder.Fixed(2))
		out.Labels = c.Input(task.LabelsInput(t.Name), tensor.Int64, pairs, builder.Fixed(n))
		at := func(i int64, x *builder.Value) *builder.Value {
			return c.Gather(x, c.Squeeze(c.Slice(out.Pairs, 1, i, 1-i), -1), 0)
		}
		products := c.MatMul(c.Reshape(at(0, turned), pairs, builder.Fixed(n), builder.Fixed(width)),
			c.Unsqueeze(at(1, nn.Flatten(c.Graph, tail)), -1)) // [pairs, labels, 1]
		logits := c.Add(c.Squeeze(products, -1), c.Add(at(0, ofHead), at(1, ofTail)))
		out.Loss, out.Count = c.together(logits, out.Labels, n, c.lossOptions(t, h))
	}
	if c.mode != Training {
		out.Outputs = []builder.Output{{Name: t.Output(schema.Probabilities), Value: c.Sigmoid(c.allPairs(x, turned, tail, ofHead, ofTail, n))}}
	}
	return out
}

// allPairs are the scores of every pair of tokens: [batch, sequence, sequence,
// labels].
func (c *network) allPairs(x, turned, tail, ofHead, ofTail *builder.Value, labels int64) *builder.Value {
	batch, length := x.Dim(0), x.Dim(1)
	rows, err := length.Times(builder.Fixed(labels))
	if err != nil {
		return c.Fail("relation", []*builder.Value{x}, err)
	}
	products := c.MatMul(c.Reshape(turned, batch, rows, tail.Dim(2)), c.Transpose(tail, 0, 2, 1)) // [batch, sequence*labels, sequence]
	products = c.Transpose(c.Reshape(products, batch, length, builder.Fixed(labels), length), 0, 1, 3, 2)
	return c.Add(products, c.Add(
		c.Unsqueeze(c.Reshape(ofHead, batch, length, builder.Fixed(labels)), 2),
		c.Unsqueeze(c.Reshape(ofTail, batch, length, builder.Fixed(labels)), 1)))
}
