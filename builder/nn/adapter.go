package nn

import (
	"math"

	"espalier/builder"
)

// Adapter is a bottleneck beside hidden states (Houlsby et al. 2019):
//
//	x + relu(x W + b) V + c
//
// with bottleneck numbers between W and V. Both start near 0, so that the
// adapter starts as the identity.
func Adapter(s *builder.Scope, x *builder.Value, bottleneck int64) *builder.Value {
	n, ok := width(s, "Adapter", x)
	if !ok {
		return x
	}
	return s.Add(x, Bottleneck(s, x, bottleneck, n))
}

// Bottleneck is what [Adapter] adds: relu(x W + b) V + c, with so many features.
func Bottleneck(s *builder.Scope, x *builder.Value, bottleneck, features int64) *builder.Value {
	near := decaying(builder.Normal(0.01))
	h := s.Relu(affine(s.In("down"), "Adapter", x, bottleneck, near, true))
	return affine(s.In("up"), "Adapter", h, features, near, true)
}

// LowRank adds a product of two thin matrices to hidden states, as LoRA does to
// a layer's weights (Hu et al. 2022):
//
//	x + scale * x A B
//
// with A [n, rank] drawn and B [rank, n] zero at the start.
func LowRank(s *builder.Scope, x *builder.Value, rank int64, scale float64) *builder.Value {
	n, ok := width(s, "LowRank", x)
	if !ok {
		return x
	}
	return s.Add(x, LowRankProduct(s, x, rank, n, scale))
}

// LowRankProduct is what [LowRank] adds: scale * x A B, with so many features.
func LowRankProduct(s *builder.Scope, x *builder.Value, rank, features int64, scale float64) *builder.Value {
	n, ok := width(s, "LowRank", x)
	if !ok {
		return x
	}
	// On rows throughout: no operator between the two then knows the rank, which may be
	// another when the graph is run (see models.SplitAdapters).
	h := affine(s.In("down"), "LowRank", Flatten(s.Graph, x), rank, decaying(builder.Uniform(1/math.Sqrt(float64(n)))), false)
	y := affine(s.In("up"), "LowRank", h, features, decaying(builder.Zeros()), false)
	if scale != 1 {
		y = s.Mul(y, s.Scalar(scale))
	}
	return s.Reshape(y, lastDims(x, features)...)
}
