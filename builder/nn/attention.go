package nn

import (
	"fmt"
	"math"

	"espalier/builder"
)

// SelfAttention is multi-head scaled dot-product attention of x [batch,
// sequence, n] over itself (Vaswani et al. 2017). Tokens whose mask [batch,
// sequence] is 0 are not attended to. p is the dropout of attention weights. r
// turns queries and keys by their positions; nil leaves them, so that attention
// knows no order.
func SelfAttention(s *builder.Scope, x, mask *builder.Value, heads int64, p float64, r *Rotation) *builder.Value {
	n, ok := width(s, "SelfAttention", x)
	if !ok || !sequence(s.Graph, "SelfAttention", x, mask) {
		return x
	}
	if heads < 1 || n%heads != 0 {
		return s.Fail("SelfAttention", []*builder.Value{x}, fmt.Errorf("%d heads do not divide %d features", heads, n))
	}
	batch, length, each := x.Dim(0), x.Dim(1), builder.Fixed(n/heads)
	// One product makes queries, keys and values of all heads.
	qkv := s.Reshape(Flatten(s.Graph, Dense(s.In("in"), x, 3*n)), batch, length, builder.Fixed(3), builder.Fixed(heads), each)
	parts := s.Split(s.Transpose(qkv, 2, 0, 3, 1, 4), 0, 1, 1, 1)
	if s.Err() != nil {
		return x
	}
	q, k, v := s.Squeeze(parts[0], 0), s.Squeeze(parts[1], 0), s.Squeeze(parts[2], 0) // [batch, heads, sequence, each]
	if r != nil {
		q, k = r.turn(q), r.turn(k)
	}
	q = s.Mul(q, s.Scalar(1/math.Sqrt(float64(n/heads))))
	scores := s.MatMul(q, s.Transpose(k, 0, 1, 3, 2))
	away := s.Mul(s.Sub(mask, s.Scalar(1)), s.Scalar(-hidden))
	weights := s.Softmax(s.Add(scores, s.Unsqueeze(away, 1, 2)), -1)
	mixed := s.MatMul(Dropout(s.Graph, weights, p), v)
	joined := s.Reshape(s.Transpose(mixed, 0, 2, 1, 3), batch, length, builder.Fixed(n))
	return Dense(s.In("out"), joined, n)
}

// BlockOptions are the sizes of a transformer block.
type BlockOptions struct {
	Heads       int64
	FeedForward int64
	Dropout     float64
	Rotation    *Rotation // nil: positions are no matter of attention
	Trained     bool      // arranged for gradients, not for what runtimes recognise
}

// TransformerBlock is a pre-norm block (Xiong et al. 2020): attention and then
// a two-layer network with GELU, each on the normalised input and added to it.
func TransformerBlock(s *builder.Scope, x, mask *builder.Value, o BlockOptions) *builder.Value {
	n, ok := width(s, "TransformerBlock", x)
	if !ok {
		return x
	}
	h := SelfAttention(s.In("attention"), LayerNorm(s.In("attention_norm"), x), mask, o.Heads, o.Dropout, o.Rotation)
	x = s.Add(x, Dropout(s.Graph, h, o.Dropout))
	h = Dense(s.In("feedforward_in"), LayerNorm(s.In("feedforward_norm"), x), o.FeedForward)
	if o.Trained {
		h = s.TrainedGelu(h)
	} else {
		h = s.Gelu(h)
	}
	h = Dense(s.In("feedforward_out"), Dropout(s.Graph, h, o.Dropout), n)
	return s.Add(x, Dropout(s.Graph, h, o.Dropout))
}
