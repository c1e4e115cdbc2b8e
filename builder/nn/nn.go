// Package nn builds layers from operators. A layer is a function: it takes the
// scope that names its parameters and the values it reads, and returns values.
// A mistake makes the graph fail, as in package builder.
package nn

import (
	"fmt"
	"math"

	"espalier/builder"
	"espalier/tensor"
)

// width returns the size of the last dimension, which layers need to know.
func width(s *builder.Scope, layer string, x *builder.Value) (int64, bool) {
	if s.Err() != nil {
		return 0, false
	}
	n, ok := x.Dim(-1).Size()
	if !ok || n < 1 {
		s.Fail(layer, []*builder.Value{x}, fmt.Errorf("the last dimension %v is not a known size", x.Dim(-1)))
		return 0, false
	}
	return n, true
}

// Flatten views x as a matrix [rows, last]: one row per token or example.
func Flatten(g *builder.Graph, x *builder.Value) *builder.Value {
	if g.Err() != nil || x.Rank() < 1 {
		return x
	}
	rows, err := x.Shape()[:x.Rank()-1].Product()
	if err != nil {
		return g.Fail("Flatten", []*builder.Value{x}, err)
	}
	return g.Reshape(x, rows, x.Dim(-1))
}

// Dense returns x W + b over the last dimension: [..., in] becomes [..., out].
// It is one Gemm whatever the rank of x.
func Dense(s *builder.Scope, x *builder.Value, out int64) *builder.Value {
	return affine(s, "Dense", x, out, decaying(builder.Glorot()), true)
}

// DenseFrom is Dense with a bias that starts at bias instead of 0.
func DenseFrom(s *builder.Scope, x *builder.Value, out int64, bias builder.Init) *builder.Value {
	return affineFrom(s, "Dense", x, out, decaying(builder.Glorot()), &bias)
}

// decaying are the options of weights that start so and that weight decay
// applies to.
func decaying(init builder.Init) builder.ParameterOptions {
	return builder.ParameterOptions{Init: init, Decay: true}
}

// affine is Dense with options for its weights, with a bias or none.
func affine(s *builder.Scope, layer string, x *builder.Value, out int64, weights builder.ParameterOptions, bias bool) *builder.Value {
	if !bias {
		return affineFrom(s, layer, x, out, weights, nil)
	}
	return affineFrom(s, layer, x, out, weights, &builder.Init{})
}

// affineFrom is affine with a bias that starts so, nil for none.
func affineFrom(s *builder.Scope, layer string, x *builder.Value, out int64, weights builder.ParameterOptions, bias *builder.Init) *builder.Value {
	return affineOf(s, s, layer, x, out, weights, bias)
}

// affineOf is affineFrom with the weight matrix in a scope of its own.
func affineOf(s, matrix *builder.Scope, layer string, x *builder.Value, out int64, weights builder.ParameterOptions, bias *builder.Init) *builder.Value {
	in, ok := width(s, layer, x)
	if !ok {
		return x
	}
	w := matrix.Parameter("weight", weights, in, out)
	var b *builder.Value
	if bias != nil {
		b = s.Parameter("bias", builder.ParameterOptions{Init: *bias, Frozen: weights.Frozen}, out)
	}
	flat := Flatten(s.Graph, x)
	if weights.Stored != tensor.Undefined {
		return s.Reshape(s.GemmStored(flat, w, b), lastDims(x, out)...)
	}
	return s.Reshape(s.Gemm(flat, w, b, false, false), lastDims(x, out)...)
}

// lastDims is the shape of x with other dimensions in place of its last.
func lastDims(x *builder.Value, dims ...int64) builder.Shape {
	shape := append(builder.Shape{}, x.Shape()[:max(x.Rank()-1, 0)]...)
	return append(shape, builder.Dims(dims...)...)
}

// Embedding looks up one row of a table for each id: int64 [...] becomes
// [..., dim]. Rows start normally distributed with deviation 1/sqrt(dim).
// Look-ups in one scope read one table, whose gradient is that of all of them
// together: tied embeddings.
func Embedding(s *builder.Scope, ids *builder.Value, vocabulary, dim int64) *builder.Value {
	return embedding(s, ids, vocabulary, dim, false)
}

// FrozenEmbedding is Embedding of a table that training leaves as it is.
func FrozenEmbedding(s *builder.Scope, ids *builder.Value, vocabulary, dim int64) *builder.Value {
	return embedding(s, ids, vocabulary, dim, true)
}

func embedding(s *builder.Scope, ids *builder.Value, vocabulary, dim int64, frozen bool) *builder.Value {
	table := s.Parameter("table", builder.ParameterOptions{
		Init: builder.Normal(1 / math.Sqrt(float64(max(dim, 1)))), Rows: true, Frozen: frozen,
	}, vocabulary, dim)
	return s.Gather(table, ids, 0)
}

// Mask returns 1 where an id is not padding and 0 elsewhere, as floats of the shape
// of ids.
func Mask(g *builder.Graph, ids *builder.Value, padding int64) *builder.Value {
	if padding == 0 { // no id is below, and this is one operator less
		return g.Cast(g.Greater(ids, g.ScalarOf(tensor.Int64, 0)), g.Float())
	}
	return g.Cast(g.Not(g.Equal(ids, g.ScalarOf(tensor.Int64, float64(padding)))), g.Float())
}

// Dropout sets each element to 0 with probability p and scales the others, so
// that the expectation stays (Srivastava et al. 2014). The mask is a random
// input of the graph.
func Dropout(g *builder.Graph, x *builder.Value, p float64) *builder.Value {
	if p == 0 || g.Err() != nil {
		return x
	}
	return g.Mul(x, g.RandomMask(1-p, x.Shape()...))
}

// Weights are options of a layer's parameters.
type Weights struct {
	// Frozen: training leaves them as they are given.
	Frozen bool
	// Stored is float16 or bfloat16 of frozen weight matrices of dense layers that are
	// kept so; 0: the graph's own type.
	Stored tensor.DType
	// Matrix returns the scope of a dense layer's weight matrix, in the place of the
	// layer's own, where its bias stays; nil, of the function or the scope: the
	// layer's own.
	Matrix func(layer *builder.Scope) *builder.Scope
}

// DenseIn is [Dense] with options for its parameters.
func DenseIn(s *builder.Scope, x *builder.Value, out int64, w Weights) *builder.Value {
	o := decaying(builder.Glorot())
	if o.Frozen = w.Frozen; w.Frozen {
		o.Stored = w.Stored
	}
	matrix := s
	if w.Matrix != nil {
		if other := w.Matrix(s); other != nil {
			matrix = other
		}
	}
	return affineOf(s, matrix, "Dense", x, out, o, &builder.Init{})
}

// LayerNorm normalises the last dimension and applies a learned scale and bias
// (Ba et al. 2016), with epsilon 1e-5.
func LayerNorm(s *builder.Scope, x *builder.Value) *builder.Value {
	return LayerNormIn(s, x, 1e-5, Weights{})
}

// LayerNormIn is [LayerNorm] with another epsilon and options for its parameters.
func LayerNormIn(s *builder.Scope, x *builder.Value, epsilon float64, w Weights) *builder.Value {
	n, ok := width(s, "LayerNorm", x)
	if !ok {
		return x
	}
	scale := s.Parameter("scale", builder.ParameterOptions{Init: builder.Ones(), Frozen: w.Frozen}, n)
	bias := s.Parameter("bias", builder.ParameterOptions{Frozen: w.Frozen}, n)
	return s.LayerNormalization(x, scale, bias, epsilon)
}

// VariationalDropout is Dropout with one mask for all tokens of x [batch,
// sequence, n] (Gal and Ghahramani 2016).
func VariationalDropout(g *builder.Graph, x *builder.Value, p float64) *builder.Value {
	if p == 0 || g.Err() != nil {
		return x
	}
	if x.Rank() != 3 {
		return g.Fail("VariationalDropout", []*builder.Value{x}, fmt.Errorf("needs x [batch, sequence, n]"))
	}
	return g.Mul(x, g.RandomMask(1-p, x.Dim(0), builder.Fixed(1), x.Dim(2)))
}
