package nn

import (
	"fmt"

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
	// Scores with forbidden is far below 0 where a sequence may not go.
	transitions, first, last *builder.Value
	factors                  *builder.Value // exp(transitions), 0 where forbidden
}

// forbidden is the score of what may not be: below what a sum of scores can
// make up for, and finite.
const forbidden = -1e4

// NewCRF makes the field's parameters, which start at 0.
func NewCRF(s *builder.Scope, tags int64, legal Legal) *CRF {
	c := &CRF{g: s.Graph}
	vector := func(name string, allowed []bool) *builder.Value {
		p := s.Parameter(name, builder.ParameterOptions{}, tags)
		return s.Add(p, penalty(s.Graph, allowed, tags))
	}
	c.first, c.last = vector("first", legal.First), vector("last", legal.Last)
	p := s.Parameter("transitions", builder.ParameterOptions{}, tags, tags)
	var flat []bool
	for _, row := range legal.Next {
		flat = append(flat, row...)
	}
	away := penalty(s.Graph, flat, tags, tags)
	c.transitions = s.Add(p, away)
	c.factors = s.Mul(s.Exp(p), s.Add(s.Div(away, s.Scalar(-forbidden)), s.Scalar(1)))
	return c
}

// penalty is 0 where allowed and forbidden elsewhere.
func penalty(g *builder.Graph, allowed []bool, dims ...int64) *builder.Value {
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
	for i := range allowed {
		if !allowed[i] {
			t[i] = forbidden
		}
	}
	return g.Cast(g.Constant(tensor.Must(tensor.Of(t, dims...))), g.Float())
}

// sentence holds emissions and a mask with time in front.
func (c *CRF) timeMajor(emissions, mask *builder.Value) (e, m *builder.Value) {
	g := c.g
	e = g.Transpose(emissions, 1, 0, 2)
	return e, g.Greater(g.Unsqueeze(g.Transpose(mask, 1, 0), -1), g.Scalar(0))
}

func (c *CRF) start(e *builder.Value) *builder.Value {
	return c.g.Expand(c.first, e.Dim(1), e.Dim(2))
}

// LogPartition returns, for each row of emissions [batch, sequence, tags], the
// logarithm of the summed exponentials of all sequences' scores: [batch].
// Tokens, 1 in mask [batch, sequence], stand in front of padding.
func (c *CRF) LogPartition(emissions, mask *builder.Value) *builder.Value {
	g := c.g
	if g.Err() != nil {
		return emissions
	}
	e, m := c.timeMajor(emissions, mask)
	x := g.Add(g.ForwardSteps(e, c.factors, c.start(e), m), c.last)
	top := g.ReduceMax(x, true, -1)
	return g.Squeeze(g.Add(top, g.Log(g.ReduceSum(g.Exp(g.Sub(x, top)), true, -1))), -1)
}

// Loss returns the negative log likelihood of the rows whose tags are all
// there, divided by the number of their tokens, and that number. labels are
// int64 [batch, sequence]; a row in which a token's label is [Missing] counts
// as one without labels.
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
	each := g.Mul(present, g.Sub(c.LogPartition(emissions, mask), c.score(emissions, labels, mask)))
	return g.Div(g.SumAll(each), g.Max(count, one)), count
}

// score returns the scores of the labels' sequences: [batch].
func (c *CRF) score(emissions, labels, mask *builder.Value) *builder.Value {
	g := c.g
	tags, _ := emissions.Dim(-1).Size()
	numbers := make([]int64, tags)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	// One-hot rows make every gradient here a product, which no repeated
	// index can slow down.
	hot := g.Mul(g.Cast(g.Equal(g.Unsqueeze(labels, -1), g.Ints(numbers...)), g.Float()), g.Unsqueeze(mask, -1))
	previous := g.Slice(g.Pad(hot, 1, 1, 0), 1, 0, 1)
	next := g.Slice(g.Pad(hot, 1, 0, 1), 1, 1, 0)
	one := g.Scalar(1)
	isFirst := g.Sub(one, g.ReduceSum(previous, true, -1))
	isLast := g.Sub(one, g.ReduceSum(next, true, -1))
	moves := g.Reshape(g.MatMul(Flatten(g, previous), c.transitions), hot.Shape()...)
	ends := g.Add(g.Mul(isFirst, c.first), g.Mul(isLast, c.last))
	return g.ReduceSum(g.Mul(hot, g.Add(g.Add(emissions, moves), ends)), false, 1, 2)
}

// Best returns the tags of the best sequences, int64 [batch, sequence], 0 at
// padding.
func (c *CRF) Best(emissions, mask *builder.Value) *builder.Value {
	if c.g.Err() != nil {
		return emissions
	}
	e, m := c.timeMajor(emissions, mask)
	return c.g.BestPath(e, c.transitions, c.start(e), c.last, m)
}
