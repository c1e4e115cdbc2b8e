package nn

import (
	"fmt"
	"slices"

	"espalier/builder"
	"espalier/tensor"
)

// Legal says which tag sequences there can be. Nil slices forbid nothing.
type Legal struct {
	First, Last []bool   // by tag
	Next        [][]bool // by tag and the one after it
}

// CRF is a linear-chain conditional random field over tags (Lafferty et al.
// 2001): a sequence's score is the sum of its tags' emissions, of the
// transitions between neighbours and of its two ends. It has parameters
// "transitions", "first" and "last".
type CRF struct {
	g *builder.Graph
	// Scores, with builder.Unreachable where a sequence may not go.
	transitions, first, last *builder.Value
	factors                  *builder.Value // exp(transitions), 0 where forbidden
}

// NewCRF makes the field's parameters, which start at 0.
func NewCRF(s *builder.Scope, tags int64, legal Legal) *CRF {
	c := &CRF{g: s.Graph}
	vector := func(name string, allowed []bool) *builder.Value {
		p := s.Parameter(name, builder.ParameterOptions{}, tags)
		return s.Add(p, marks(s.Graph, allowed, 0, builder.Unreachable, tags))
	}
	c.first, c.last = vector("first", legal.First), vector("last", legal.Last)
	p := s.Parameter("transitions", builder.ParameterOptions{}, tags, tags)
	next := slices.Concat(legal.Next...)
	c.transitions = s.Add(p, marks(s.Graph, next, 0, builder.Unreachable, tags, tags))
	c.factors = s.Mul(s.Exp(p), marks(s.Graph, next, 1, 0, tags, tags))
	return c
}

// marks holds one number where something is allowed and another elsewhere. Sums
// and products with it are constants in a file, which a Where would not be: a
// score and [builder.Unreachable] add up to the latter.
func marks(g *builder.Graph, allowed []bool, yes, no float64, dims ...int64) *builder.Value {
	n := 1
	for _, d := range dims {
		n *= int(d)
	}
	if g.Err() != nil {
		return g.Scalar(0)
	}
	if allowed != nil && len(allowed) != n {
		return g.Fail("CRF", nil, fmt.Errorf("there are %d rules for %d places", len(allowed), n))
	}
	t := make([]float64, n)
	for i := range t {
		if t[i] = yes; allowed != nil && !allowed[i] {
			t[i] = no
		}
	}
	return g.Cast(g.Constant(tensor.Must(tensor.Of(t, dims...))), g.Float())
}

// timeMajor returns emissions and a mask with time in front.
func (c *CRF) timeMajor(emissions, mask *builder.Value) (e, m *builder.Value) {
	g := c.g
	e = g.Transpose(emissions, 1, 0, 2)
	return e, g.Greater(g.Unsqueeze(g.Transpose(mask, 1, 0), -1), g.Scalar(0))
}

// start returns the scores of starting for each row.
func (c *CRF) start(e, first *builder.Value) *builder.Value {
	return c.g.Expand(first, e.Dim(1), e.Dim(2))
}

// LogPartition returns, for each row of emissions [batch, sequence, tags], the
// logarithm of the summed exponentials of all sequences' scores: [batch].
// Tokens, 1 in mask [batch, sequence], stand in front of padding. It uses what
// all runtimes have, and its gradient by the emissions is the tags' marginal
// probabilities.
func (c *CRF) LogPartition(emissions, mask *builder.Value) *builder.Value {
	g := c.g
	if g.Err() != nil {
		return emissions
	}
	e, m := c.timeMajor(emissions, mask)
	scores, base := g.LogForwardSteps(e, c.transitions, c.start(e, c.first), m)
	return g.Add(logSum(g, g.Add(scores, c.last)), base)
}

// logSum returns the logarithm of the summed exponentials of the last dimension.
func logSum(g *builder.Graph, x *builder.Value) *builder.Value {
	top := g.ReduceMax(x, true, -1)
	return g.Squeeze(g.Add(top, g.Log(g.ReduceSum(g.Exp(g.Sub(x, top)), true, -1))), -1)
}

// Loss returns the negative log likelihood of the rows whose tags are all
// there, divided by the number of their tokens, and that number. labels are
// int64 [batch, sequence]; a row in which a token's label is [Missing] counts
// as one without labels. It computes in float64: see
// [builder.Graph.ForwardSteps].
func (c *CRF) Loss(emissions, labels, mask *builder.Value) (loss, count *builder.Value) {
	g := c.g
	if !labelled(g, "CRF", emissions, labels) {
		return emissions, emissions
	}
	one := g.Scalar(1)
	tagged := g.Cast(g.GreaterOrEqual(labels, g.ScalarOf(tensor.Int64, 0)), g.Float())
	gaps := g.ReduceMax(g.Mul(mask, g.Sub(one, tagged)), false, 1)
	present := g.Mul(g.Sub(one, gaps), g.ReduceMax(mask, false, 1)) // [batch]; a row without tokens has none
	lengths := g.ReduceSum(mask, false, 1)
	count = g.SumAll(g.Mul(present, lengths))

	emissions = c.wide(emissions)
	e, m := c.timeMajor(emissions, mask)
	z := logSum(g, g.Add(g.ForwardSteps(e, c.wide(c.factors), c.start(e, c.wide(c.first)), m), c.wide(c.last)))
	each := g.Mul(present, g.Cast(g.Sub(z, c.score(emissions, labels, c.wide(mask))), g.Float()))
	return g.Div(g.SumAll(each), g.Max(count, one)), count
}

func (c *CRF) wide(x *builder.Value) *builder.Value { return c.g.Cast(x, tensor.Float64) }

// score returns the scores of the labels' sequences, [batch], in float64.
func (c *CRF) score(emissions, labels, mask *builder.Value) *builder.Value {
	g := c.g
	tags, _ := emissions.Dim(-1).Size()
	numbers := make([]int64, tags)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	// One-hot rows make every gradient here a product, which no repeated
	// index can slow down.
	hot := g.Mul(g.Cast(g.Equal(g.Unsqueeze(labels, -1), g.Ints(numbers...)), tensor.Float64), g.Unsqueeze(mask, -1))
	previous := g.Slice(g.Pad(hot, 1, 1, 0), 1, 0, 1)
	next := g.Slice(g.Pad(hot, 1, 0, 1), 1, 1, 0)
	one := g.ScalarOf(tensor.Float64, 1)
	isFirst := g.Sub(one, g.ReduceSum(previous, true, -1))
	isLast := g.Sub(one, g.ReduceSum(next, true, -1))
	moves := g.Reshape(g.MatMul(Flatten(g, previous), c.wide(c.transitions)), hot.Shape()...)
	ends := g.Add(g.Mul(isFirst, c.wide(c.first)), g.Mul(isLast, c.wide(c.last)))
	return g.ReduceSum(g.Mul(hot, g.Add(g.Add(emissions, moves), ends)), false, 1, 2)
}

// Best returns the tags of the best sequences, int64 [batch, sequence], 0 at
// padding.
func (c *CRF) Best(emissions, mask *builder.Value) *builder.Value {
	if c.g.Err() != nil {
		return emissions
	}
	e, m := c.timeMajor(emissions, mask)
	return c.g.BestPath(e, c.transitions, c.start(e, c.first), c.last, m)
}
