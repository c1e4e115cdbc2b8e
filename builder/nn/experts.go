package nn

import (
	"fmt"
	"math"

	"espalier/builder"
)

// Experts applies count dense layers side by side to x [..., in]: expert e is
// relu(x W_e + b_e), and the result [..., count, hidden]. All are one Gemm:
// the weights of expert e are columns e*hidden to (e+1)*hidden of one matrix.
func Experts(s *builder.Scope, x *builder.Value, count, hidden int64) *builder.Value {
	in, ok := width(s, "Experts", x)
	if !ok {
		return x
	}
	if count < 1 || hidden < 1 {
		return s.Fail("Experts", []*builder.Value{x}, fmt.Errorf("%d experts of width %d", count, hidden))
	}
	// Glorot's bound for one expert; the matrix of all would seem wider.
	bound := math.Sqrt(6 / float64(in+hidden))
	y := affine(s, "Experts", x, count*hidden, decaying(builder.Uniform(bound)), true)
	return s.Reshape(s.Relu(y), lastDims(x, count, hidden)...)
}

// Gate weighs experts by what it reads: softmax(x W / temperature), [...,
// experts] (Ma et al. 2018). A low temperature turns it to few of them.
func Gate(s *builder.Scope, x *builder.Value, experts int64, temperature float64) *builder.Value {
	if s.Err() == nil && !(temperature > 0) {
		return s.Fail("Gate", []*builder.Value{x}, fmt.Errorf("the temperature is %v, it must be above 0", temperature))
	}
	scores := affine(s, "Gate", x, experts, decaying(builder.Glorot()), false)
	if temperature != 1 {
		scores = s.Mul(scores, s.Scalar(1/temperature))
	}
	return s.Softmax(scores, -1)
}

// Mix adds up experts [..., count, hidden] by their weights [..., count], or
// [count] for the same weights everywhere: [..., hidden].
func Mix(g *builder.Graph, gate, experts *builder.Value) *builder.Value {
	if g.Err() == nil && gate.Rank() == experts.Rank()-1 {
		// A row of weights times a matrix of experts, which neither way writes
		// the weighed experts out.
		return g.Squeeze(g.MatMul(g.Unsqueeze(gate, -2), experts), -2)
	}
	return g.ReduceSum(g.Mul(g.Unsqueeze(gate, -1), experts), false, -2)
}
