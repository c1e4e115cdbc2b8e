package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
	"espalier/tensor"
)

var adversarial = Structure{
	Name: "adversarial",
	Doc:  "a shared trunk beside one of each task, and a discriminator that keeps the task out of the shared one", Source: "Liu et al. 2017; Chen and Cardie 2018",
	Layered: true, Copies: true,
	Options: []setting.Option{
		{Key: "loss", Kind: setting.Word, Words: []string{"nll", "l2"}, Default: "nll", Doc: "what discriminator and shared trunk play for: nll: the likelihood of the task, whose gradient is reversed; l2: the squared distance from the task and, in the shared trunk, from equal shares of all tasks"},
		{Key: "lambda", Default: 0.05, Doc: "factor of the discriminator's gradient in the shared trunk; 0: no discriminator"},
		{Key: "discriminator", Kind: setting.Whole, Default: 0, Doc: "width of the discriminator's hidden layer; 0: it has none"},
		{Key: "orthogonality", Default: 0.01, Doc: "factor of the penalty on shared and private states that depend on each other; 0: none"},
	},
	share: (*network).adversarial,
}

// adversarial has a trunk that all tasks share and one of each task alone, over
// the same words: a task reads both, side by side. What is shared is to say
// nothing of which task an example is of; that is what discriminate trains it
// for (ASP-MTL of Liu et al. 2017; MAN of Chen and Cardie 2018).
func (c *network) adversarial(s *builder.Scope, x *builder.Value, layers []layer) []*builder.Value {
	encode := func(s *builder.Scope) *builder.Value {
		steps := through(layers, s, x)
		return steps[len(steps)-1]
	}
	shared := encode(s)
	out, private := make([]*builder.Value, len(c.tasks)), make([]*builder.Value, len(c.tasks))
	for i, own := range c.taskScopes() {
		private[i] = encode(own.In("trunk"))
		out[i] = c.Concat(-1, shared, private[i])
		if c.mask != nil { // of each by itself, as the discriminator reads them
			c.pooled[out[i]] = c.Concat(-1, c.sentence(shared), c.sentence(private[i]))
		}
	}
	c.after = func(tasks []TaskGraph) { c.discriminate(s.In("discriminator"), tasks, shared, private) }
	return out
}

// discriminate penalises shared states from which a discriminator can tell the
// tasks apart, and private ones that overlap with them. An example is of the
// tasks of which it has a label, in equal shares where there are several; one
// without labels does not count.
func (c *network) discriminate(s *builder.Scope, tasks []TaskGraph, shared *builder.Value, private []*builder.Value) {
	o := c.config.Sharing.Options
	if c.mode != Training || len(tasks) < 2 || c.Err() != nil {
		return
	}
	present := make([]*builder.Value, len(tasks))
	for i, t := range tasks {
		present[i] = c.labelled(t)
	}
	x := c.sentence(shared)
	if o.Number("lambda") > 0 {
		c.penalize(c.game(s, x, present), 1)
	}
	if factor := o.Number("orthogonality"); factor > 0 {
		for i, p := range private {
			c.penalize(nn.Overlap(c.Graph, x, c.sentence(p), present[i]), factor)
		}
	}
}

// game is the loss of a discriminator that reads x, and of x against it.
func (c *network) game(s *builder.Scope, x *builder.Value, present []*builder.Value) *builder.Value {
	columns := make([]*builder.Value, len(present))
	for i, p := range present {
		columns[i] = c.Unsqueeze(p, -1)
	}
	targets := c.Concat(-1, columns...)
	targets = c.Div(targets, c.Max(c.ReduceSum(targets, true, -1), c.Scalar(1)))
	o := c.config.Sharing.Options
	width, _ := x.Dim(-1).Size()
	d := nn.NewDiscriminator(s, width, o.Int("discriminator"), int64(len(present)))
	if o.Text("loss") == "l2" {
		return d.LeastSquares(c.Graph, x, targets, o.Number("lambda"))
	}
	return d.ReversedLikelihood(c.Graph, x, targets, o.Number("lambda"))
}

// labelled says which examples have a label of a task: [batch], 1 or 0.
func (c *network) labelled(t TaskGraph) *builder.Value {
	if t.Present != nil {
		return t.Present
	}
	present := c.Cast(c.GreaterOrEqual(t.Labels, c.ScalarOf(tensor.Int64, 0)), c.Float())
	for present.Rank() > 1 {
		present = c.ReduceMax(present, false, -1)
	}
	if t.Pairs == nil {
		return present
	}
	// Of pairs of tokens: the example is that of the first one.
	none := c.ZerosLike(nn.Flatten(c.Graph, c.Unsqueeze(c.mask, -1)))
	some := c.ScatterElements(none, c.Slice(t.Pairs, 1, 0, 1), c.Unsqueeze(present, -1), 0, true)
	return c.Min(c.ReduceMax(c.Reshape(some, c.mask.Shape()...), false, 1), c.Scalar(1))
}
