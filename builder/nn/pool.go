package nn

import (
	"fmt"

	"espalier/builder"
	"espalier/tensor"
)

// hidden is a very negative score: softmax gives it weight 0, and it stays
// finite so that a row of padding alone gives numbers and not NaN.
const hidden = -1e9

// MeanPool averages x [batch, sequence, n] over the tokens that mask [batch,
// sequence] has as 1. A row without tokens gives zeros.
func MeanPool(g *builder.Graph, x, mask *builder.Value) *builder.Value {
	if !sequence(g, "MeanPool", x, mask) {
		return x
	}
	// A product of the mask's row with the matrix of tokens, which neither way
	// writes masked tokens out.
	total := g.Squeeze(g.MatMul(g.Unsqueeze(mask, 1), x), 1)
	count := g.Max(g.ReduceSum(mask, true, 1), g.Scalar(1))
	return g.Div(total, count)
}

// MaxPool takes the largest of each feature over the tokens that mask has. A
// row without tokens gives zeros.
func MaxPool(g *builder.Graph, x, mask *builder.Value) *builder.Value {
	if !sequence(g, "MaxPool", x, mask) {
		return x
	}
	out := g.Mul(g.Sub(mask, g.Scalar(1)), g.Scalar(-hidden)) // 0 for tokens, hidden for padding
	top := g.ReduceMax(g.Add(x, g.Unsqueeze(out, -1)), false, 1)
	some := g.ReduceMax(mask, true, 1)
	return g.Mul(top, some)
}

// First returns the state of each text's first token, [batch, n] of x [batch,
// sequence, n].
func First(g *builder.Graph, x *builder.Value) *builder.Value {
	return g.Gather(x, g.ScalarOf(tensor.Int64, 0), 1)
}

// AttentionPool averages tokens with weights that a learned query gives them:
// softmax(tanh(x W + b) v) (Yang et al. 2016).
func AttentionPool(s *builder.Scope, x, mask *builder.Value) *builder.Value {
	n, ok := width(s, "AttentionPool", x)
	if !ok || !sequence(s.Graph, "AttentionPool", x, mask) {
		return x
	}
	v := s.Parameter("query", builder.ParameterOptions{Init: builder.Glorot(), Decay: true}, n, 1)
	h := s.Tanh(Flatten(s.Graph, Dense(s.In("key"), x, n)))
	scores := s.Reshape(s.MatMul(h, v), mask.Shape()...)
	scores = s.Add(scores, s.Mul(s.Sub(mask, s.Scalar(1)), s.Scalar(-hidden)))
	weights := s.Mul(s.Softmax(scores, -1), mask)
	return s.Squeeze(s.MatMul(s.Unsqueeze(weights, 1), x), 1)
}

func sequence(g *builder.Graph, layer string, x, mask *builder.Value) bool {
	if g.Err() != nil {
		return false
	}
	if x.Rank() != 3 || mask.Rank() != 2 || x.Dim(0) != mask.Dim(0) || x.Dim(1) != mask.Dim(1) {
		g.Fail(layer, []*builder.Value{x, mask}, fmt.Errorf("needs x [batch, sequence, n] and mask [batch, sequence]"))
		return false
	}
	return true
}
