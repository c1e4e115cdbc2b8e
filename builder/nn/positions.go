package nn

import (
	"fmt"
	"math"

	"espalier/builder"
	"espalier/tensor"
)

// Positions adds a learned vector to each of the first max positions (Devlin
// et al. 2019). A longer sequence fails when the graph runs.
func Positions(s *builder.Scope, x *builder.Value, max int64) *builder.Value {
	return PositionsFrom(s, x, max, 0, Weights{})
}

// PositionsFrom is [Positions] whose first position reads row first of the table's rows.
func PositionsFrom(s *builder.Scope, x *builder.Value, rows, first int64, w Weights) *builder.Value {
	n, ok := width(s, "Positions", x)
	if !ok {
		return x
	}
	table := s.Parameter("table", builder.ParameterOptions{Init: builder.Normal(0.02), Frozen: w.Frozen}, rows, n)
	if first > 0 {
		table = s.Slice(table, 0, first, 0)
	}
	return s.Add(x, s.SliceTo(table, 0, x.Dim(1)))
}

// TokenTypes adds to x [batch, sequence, n] a learned vector for each of so many types
// (Devlin et al. 2019). types are int64 [batch, sequence]; nil: all are 0.
func TokenTypes(s *builder.Scope, x, types *builder.Value, many int64, w Weights) *builder.Value {
	n, ok := width(s, "TokenTypes", x)
	if !ok {
		return x
	}
	table := s.Parameter("table", builder.ParameterOptions{Init: builder.Normal(0.02), Frozen: w.Frozen}, many, n)
	if types == nil {
		return s.Add(x, s.Slice(table, 0, 0, many-1))
	}
	// A product, whose gradient adds up what equal types have: a look-up's would
	// write to few rows from many places.
	numbers := make([]int64, many)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	each := s.Equal(s.Unsqueeze(types, -1), s.Constant(tensor.Must(tensor.Of(numbers, many))))
	return s.Add(x, s.MatMul(s.Cast(each, s.Float()), table))
}

// Rotation turns the queries and keys of attention by their positions: rotary
// position embedding (Su et al. 2021). A query and a key turned so have a
// product that depends on how far they are apart, and no position is too far.
type Rotation struct {
	g        *builder.Graph
	cos, sin *builder.Value // [sequence, features/2]
}

// rotationBase is the paper's: the slowest pair turns once in 2 pi times so many
// positions.
const rotationBase = 10000

// NewRotation makes the angles of as many positions as a dimension has, for
// heads of so many features, which must be even: position p turns pair i by
// p * 10000^(-2i/features). Pairs are features i and i + features/2, which is
// the paper's rule but for the order of features.
func NewRotation(g *builder.Graph, sequence builder.Dim, features int64) *Rotation {
	r := &Rotation{g: g}
	if g.Err() != nil {
		return r
	}
	if features < 2 || features%2 != 0 {
		g.Fail("NewRotation", nil, fmt.Errorf("turns pairs of features, of which there are %d", features))
		return r
	}
	speeds := make([]float64, features/2)
	for i := range speeds {
		speeds[i] = math.Pow(rotationBase, -2*float64(i)/float64(features))
	}
	ones := g.Expand(g.Reshape(g.Scalar(1), builder.Fixed(1)), sequence)
	places := g.Unsqueeze(g.CumSum(ones, 0, true, false), 1) // 0, 1, 2, ...
	speed := g.Cast(g.Constant(tensor.Must(tensor.Of(speeds, features/2))), g.Float())
	angles := g.Mul(places, speed)
	r.cos, r.sin = g.Cos(angles), g.Sin(angles)
	return r
}

// turn rotates x [batch, heads, sequence, features].
func (r *Rotation) turn(x *builder.Value) *builder.Value {
	if r.g.Err() != nil {
		return x
	}
	n, _ := r.cos.Dim(-1).Size()
	g, a, b := r.g, r.g.Slice(x, -1, 0, n), r.g.Slice(x, -1, n, 0)
	return g.Concat(-1, g.Sub(g.Mul(a, r.cos), g.Mul(b, r.sin)), g.Add(g.Mul(b, r.cos), g.Mul(a, r.sin)))
}
