package nn

import (
	"fmt"
	"math"

	"espalier/builder"
	"espalier/tensor"
)

// RecurrentOptions size a recurrent layer.
type RecurrentOptions struct {
	Hidden        int64 // units of each direction
	Bidirectional bool
	// Trained says that the layer needs gradients. Without it the layer is
	// ONNX's own operator, which is faster and has none.
	Trained bool
}

// LSTM runs a long short-term memory over x [batch, sequence, n]: the result
// is [batch, sequence, hidden], twice as wide with both directions. mask
// [batch, sequence] is 1 for tokens, which stand in front of a row's padding;
// there the result is 0. The forget gate has 1 added to its bias (Jozefowicz
// et al. 2015).
func LSTM(s *builder.Scope, x, mask *builder.Value, o RecurrentOptions) *builder.Value {
	return recurrent(s, "LSTM", 4, x, mask, o)
}

// GRU runs a gated recurrent unit, as LSTM does. The reset gate applies after
// the recurrent product.
func GRU(s *builder.Scope, x, mask *builder.Value, o RecurrentOptions) *builder.Value {
	return recurrent(s, "GRU", 3, x, mask, o)
}

func recurrent(s *builder.Scope, op string, gates int64, x, mask *builder.Value, o RecurrentOptions) *builder.Value {
	n, ok := width(s, op, x)
	if !ok || !sequence(s.Graph, op, x, mask) {
		return x
	}
	if o.Hidden < 1 {
		return s.Fail(op, []*builder.Value{x}, fmt.Errorf("hidden is %d", o.Hidden))
	}
	directions := []cell{newCell(s.In("forward"), gates, n, o.Hidden)}
	if o.Bidirectional {
		directions = append(directions, newCell(s.In("backward"), gates, n, o.Hidden))
	}
	time := s.Transpose(x, 1, 0, 2)
	if !o.Trained {
		return inferRecurrent(s.Graph, op, time, mask, directions, o)
	}
	flat := Flatten(s.Graph, time)
	present := s.Unsqueeze(s.Transpose(mask, 1, 0), -1)
	var out []*builder.Value
	for i, c := range directions {
		in := s.Reshape(s.Gemm(flat, c.weight, c.bias, false, true), time.Dim(0), time.Dim(1), builder.Fixed(gates*o.Hidden))
		if op == "LSTM" {
			out = append(out, s.LSTMSteps(in, c.recurrence, present, i == 1))
		} else {
			out = append(out, s.GRUSteps(in, c.recurrence, c.inner, present, i == 1))
		}
	}
	y := out[0]
	if len(out) == 2 {
		y = s.Concat(-1, out...)
	}
	return s.Transpose(y, 1, 0, 2)
}

// cell holds the parameters of one direction, in the layout of ONNX.
type cell struct {
	weight, recurrence, bias *builder.Value
	inner                    *builder.Value // GRU: bias inside the reset
}

// newCell starts all weights within 1/sqrt(hidden).
func newCell(s *builder.Scope, gates, in, hidden int64) cell {
	weights := builder.ParameterOptions{Init: builder.Uniform(1 / math.Sqrt(float64(hidden))), Decay: true}
	c := cell{
		weight:     s.Parameter("weight", weights, gates*hidden, in),
		recurrence: s.Parameter("recurrence", weights, gates*hidden, hidden),
		bias:       s.Parameter("bias", builder.ParameterOptions{}, gates*hidden),
	}
	if gates == 3 {
		c.inner = s.Parameter("inner_bias", builder.ParameterOptions{}, hidden)
		return c
	}
	forget := s.Pad(s.Expand(s.Reshape(s.Scalar(1), builder.Fixed(1)), builder.Fixed(hidden)), 0, 2*hidden, hidden)
	c.bias = s.Add(c.bias, forget)
	return c
}

// shut is what padding adds to a gate that must not open, or not close: a
// sigmoid of it is 0 in float32, and of its opposite 1.
const shut = -1e4

// inferRecurrent runs ONNX's operator over rows of one length. So that a walk
// from the end arrives at a row's last token with a state of zeros, padding is
// one more feature, whose weight shuts the input gate of an LSTM and lets the
// update gate of a GRU keep the state: in both, zeros stay zeros. What comes out
// at padding is multiplied by 0.
func inferRecurrent(g *builder.Graph, op string, x, mask *builder.Value, directions []cell, o RecurrentOptions) *builder.Value {
	stack := func(of func(c cell) *builder.Value) *builder.Value {
		var parts []*builder.Value
		for _, c := range directions {
			parts = append(parts, g.Unsqueeze(of(c), 0))
		}
		return g.Concat(0, parts...)
	}
	gates, _ := directions[0].weight.Dim(0).Size()
	weight := make([]float64, gates)
	for i := range o.Hidden { // of the gate that comes first in both
		weight[i] = shut
		if op == "GRU" {
			weight[i] = -shut
		}
	}
	padding := g.Cast(g.Constant(tensor.Must(tensor.Of(weight, gates, 1))), g.Float())
	w := stack(func(c cell) *builder.Value { return g.Concat(1, c.weight, padding) })
	r := stack(func(c cell) *builder.Value { return c.recurrence })
	b := stack(func(c cell) *builder.Value { // of the inputs, then of the recurrent products
		if c.inner != nil {
			return g.Concat(0, c.bias, g.Pad(c.inner, 0, 2*o.Hidden, 0))
		}
		return g.Pad(c.bias, 0, 0, 4*o.Hidden)
	})
	x = g.Concat(-1, x, g.Sub(g.Scalar(1), g.Unsqueeze(g.Transpose(mask, 1, 0), -1)))
	options := builder.RecurrentOptions{Hidden: o.Hidden, Bidirectional: o.Bidirectional}
	var y *builder.Value
	if op == "LSTM" {
		y = g.LSTM(x, w, r, b, options)
	} else {
		y = g.GRU(x, w, r, b, options)
	}
	// [sequence, directions, batch, hidden] to [batch, sequence, all hidden].
	y = g.Reshape(g.Transpose(y, 2, 0, 1, 3), mask.Dim(0), mask.Dim(1), builder.Fixed(int64(len(directions))*o.Hidden))
	return g.Mul(y, g.Unsqueeze(mask, -1))
}
