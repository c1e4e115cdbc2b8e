package nn

import (
	"fmt"
	"math"

	"espalier/builder"
)

// SelfAttention is [Attention] with weights of its own, dropout p of attention weights,
// and queries and keys turned by r, if it is not nil.
func SelfAttention(s *builder.Scope, x, mask *builder.Value, heads int64, p float64, r *Rotation) *builder.Value {
	return Attention(s, x, mask, AttentionOptions{Heads: heads, Dropout: p, Rotation: r})
}

// AttentionOptions are settings of [Attention].
type AttentionOptions struct {
	Heads int64
	// Dropout is that of attention weights.
	Dropout float64
	// Rotation turns queries and keys by their positions; nil leaves them, so that
	// attention knows no order.
	Rotation *Rotation
	// Weights are options of the projections' weights.
	Weights Weights
	// Adapt changes what a projection, which is query, key, value or output, makes of x;
	// nil: nothing is changed. Both are matrices [rows, features].
	Adapt func(projection string, x, y *builder.Value) *builder.Value
}

// Attention is multi-head scaled dot-product attention of x [batch, sequence, n] over
// itself (Vaswani et al. 2017). Tokens whose mask [batch, sequence] is 0 are not
// attended to.
func Attention(s *builder.Scope, x, mask *builder.Value, o AttentionOptions) *builder.Value {
	n, ok := width(s, "SelfAttention", x)
	if !ok || !sequence(s.Graph, "SelfAttention", x, mask) {
		return x
	}
	if o.Heads < 1 || n%o.Heads != 0 {
		return s.Fail("SelfAttention", []*builder.Value{x}, fmt.Errorf("%d heads do not divide %d features", o.Heads, n))
	}
	batch, length, each := x.Dim(0), x.Dim(1), builder.Fixed(n/o.Heads)
	// One product makes queries, keys and values of all heads.
	joint := o.adapt(s, Flatten(s.Graph, x), Flatten(s.Graph, DenseIn(s.In("in"), x, 3*n, o.Weights)))
	qkv := s.Reshape(joint, batch, length, builder.Fixed(3), builder.Fixed(o.Heads), each)
	parts := s.Split(s.Transpose(qkv, 2, 0, 3, 1, 4), 0, 1, 1, 1)
	if s.Err() != nil {
		return x
	}
	q, k, v := s.Squeeze(parts[0], 0), s.Squeeze(parts[1], 0), s.Squeeze(parts[2], 0) // [batch, heads, sequence, each]
	if r := o.Rotation; r != nil {
		q, k = r.turn(q), r.turn(k)
	}
	q = s.Mul(q, s.Scalar(1/math.Sqrt(float64(n/o.Heads))))
	scores := s.MatMul(q, s.Transpose(k, 0, 1, 3, 2))
	away := s.Mul(s.Sub(mask, s.Scalar(1)), s.Scalar(-hidden))
	weights := s.Softmax(s.Add(scores, s.Unsqueeze(away, 1, 2)), -1)
	mixed := s.MatMul(Dropout(s.Graph, weights, o.Dropout), v)
	joined := s.Reshape(s.Transpose(mixed, 0, 2, 1, 3), batch, length, builder.Fixed(n))
	out := DenseIn(s.In("out"), joined, n, o.Weights)
	if o.Adapt == nil || s.Err() != nil {
		return out
	}
	rows := o.Adapt("output", Flatten(s.Graph, joined), Flatten(s.Graph, out))
	return s.Reshape(rows, out.Shape()...)
}

// adapt changes queries, keys and values, which stand side by side in y.
func (o *AttentionOptions) adapt(s *builder.Scope, x, y *builder.Value) *builder.Value {
	if o.Adapt == nil || s.Err() != nil {
		return y
	}
	n, _ := x.Dim(-1).Size()
	parts := s.Split(y, -1, n, n, n)
	if s.Err() != nil {
		return y
	}
	for i, projection := range []string{"query", "key", "value"} {
		parts[i] = o.Adapt(projection, x, parts[i])
	}
	return s.Concat(-1, parts...)
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
