package builder

import (
	"fmt"

	"espalier/onnx"
	"espalier/tensor"
)

// The training forms below keep what their gradients need, which the LSTM and
// GRU operators do not give. Both are a Scan; all products with inputs are made
// for the whole sequence before it, and those of the weights' gradients after.

// LSTMSteps runs a long short-term memory (Hochreiter and Schmidhuber 1997,
// with forget gates) over time. x [steps, batch, 4*hidden] holds what the
// inputs add to the gates, in ONNX's order: input, output, forget, cell. r
// [4*hidden, hidden] are the recurrent weights. mask [steps, batch, 1] is 0 for
// padding, at which states and outputs are 0. The result is [steps, batch,
// hidden].
func (g *Graph) LSTMSteps(x, r, mask *Value, reverse bool) *Value {
	hidden, ok := g.recurrent("LSTMSteps", 4, x, r, mask)
	if !ok {
		return g.invalid
	}
	rt := g.Transpose(r, 1, 0)
	zero := g.zeroState(x, hidden)
	_, out := g.Scan([]*Value{zero, zero}, []*Value{x, mask}, ScanOptions{Reverse: reverse},
		func(b *Graph, state, in []*Value) Step {
			h, c := state[0], state[1]
			z := b.Split(b.Gemm(h, rt, in[0], false, false), -1, 3*hidden, hidden)
			if b.Err() != nil {
				return Step{}
			}
			gates := b.Mul(b.Sigmoid(z[0]), in[1])
			cell := b.Tanh(z[1])
			iof := b.Split(gates, -1, hidden, hidden, hidden)
			c = b.Add(b.Mul(iof[2], c), b.Mul(iof[0], cell))
			h = b.Mul(iof[1], b.Tanh(c))
			return Step{States: []*Value{h, c}, Outputs: []*Value{h, c, gates, cell}}
		})
	if g.err != nil {
		return g.invalid
	}
	n := out[0].node
	n.Composite = &Composite{Op: "LSTMSteps", Inputs: []*Value{x, rt}, Saved: append(out, r)}
	return out[0]
}

// GRUSteps runs a gated recurrent unit (Cho et al. 2014) whose reset gate
// applies after the recurrent product, as cuDNN has it (linear_before_reset).
// x [steps, batch, 3*hidden] holds what the inputs add, in ONNX's order:
// update, reset, hidden; r is [3*hidden, hidden] and bias [hidden] is added to
// the recurrent product of the last. mask and result are as in LSTMSteps.
func (g *Graph) GRUSteps(x, r, bias, mask *Value, reverse bool) *Value {
	hidden, ok := g.recurrent("GRUSteps", 3, x, r, mask)
	if !ok {
		return g.invalid
	}
	rt := g.Transpose(r, 1, 0)
	// The bias of the whole recurrent product, 0 for both gates.
	full := g.Pad(bias, 0, 2*hidden, 0)
	_, out := g.Scan([]*Value{g.zeroState(x, hidden)}, []*Value{x, mask}, ScanOptions{Reverse: reverse},
		func(b *Graph, state, in []*Value) Step {
			h := state[0]
			products := b.Split(b.Gemm(h, rt, full, false, false), -1, 2*hidden, hidden)
			inputs := b.Split(in[0], -1, 2*hidden, hidden)
			if b.Err() != nil {
				return Step{}
			}
			gates := b.Sigmoid(b.Add(inputs[0], products[0]))
			zr := b.Split(gates, -1, hidden, hidden)
			candidate := b.Tanh(b.Add(inputs[1], b.Mul(zr[1], products[1])))
			// h' = n + z (h - n)
			next := b.Mul(b.Add(candidate, b.Mul(zr[0], b.Sub(h, candidate))), in[1])
			return Step{States: []*Value{next}, Outputs: []*Value{next, gates, candidate, products[1]}}
		})
	if g.err != nil {
		return g.invalid
	}
	n := out[0].node
	n.Composite = &Composite{Op: "GRUSteps", Inputs: []*Value{x, rt, full}, Saved: append(out, r, mask)}
	return out[0]
}

// recurrent checks the operands of a recurrence with so many gates and returns
// the size of its state.
func (g *Graph) recurrent(op string, gates int64, x, r, mask *Value) (int64, bool) {
	in := []*Value{x, r, mask}
	if !g.check(op, in...) {
		return 0, false
	}
	h, known := r.Dim(-1).Size()
	switch {
	case x.Rank() != 3 || r.Rank() != 2 || !known || !r.Dim(0).Is(gates*h) || !x.Dim(2).Is(gates*h):
		g.fail(op, in, fmt.Errorf("needs x [steps, batch, %d*hidden] and recurrent weights [%d*hidden, hidden]", gates, gates))
	case mask.Rank() != 3 || mask.Dim(0) != x.Dim(0) || mask.Dim(1) != x.Dim(1) || !mask.Dim(2).Is(1):
		g.fail(op, in, fmt.Errorf("needs a mask [steps, batch, 1]"))
	case x.dtype != r.dtype || x.dtype != mask.dtype:
		g.fail(op, in, fmt.Errorf("needs operands of one type"))
	default:
		return h, true
	}
	return 0, false
}

// zeroState returns zeros [batch, hidden] for x [steps, batch, n].
func (g *Graph) zeroState(x *Value, hidden int64) *Value {
	return g.Expand(g.Reshape(g.ScalarOf(x.dtype, 0), Fixed(1), Fixed(1)), x.Dim(1), Fixed(hidden))
}

// RecurrentOptions say what LSTM and GRU compute.
type RecurrentOptions struct {
	Hidden        int64
	Bidirectional bool
}

// LSTM is ONNX's operator, which has no gradient here: train with LSTMSteps. x
// is [steps, batch, n], w [directions, 4*hidden, n], r [directions, 4*hidden,
// hidden] and b [directions, 8*hidden]; the result is [steps, directions, batch,
// hidden]. All rows have all steps: of other runtimes than ONNX Runtime, some do
// not look at the operator's lengths, and some do not take them.
func (g *Graph) LSTM(x, w, r, b *Value, o RecurrentOptions) *Value {
	return g.recurrentOp("LSTM", x, w, r, b, o)
}

// GRU is ONNX's operator with linear_before_reset, which has no gradient here:
// train with GRUSteps. Shapes are those of LSTM with 3 and 6 for 4 and 8.
func (g *Graph) GRU(x, w, r, b *Value, o RecurrentOptions) *Value {
	return g.recurrentOp("GRU", x, w, r, b, o, onnx.IntAttr("linear_before_reset", 1))
}

func (g *Graph) recurrentOp(op string, x, w, r, b *Value, o RecurrentOptions, attrs ...onnx.Attribute) *Value {
	in := []*Value{x, w, r, b}
	if !g.check(op, in...) {
		return g.invalid
	}
	directions, direction := int64(1), "forward"
	if o.Bidirectional {
		directions, direction = 2, "bidirectional"
	}
	if x.Rank() != 3 || !r.Shape()[0].Is(directions) || !r.Dim(-1).Is(o.Hidden) {
		return g.fail(op, in, fmt.Errorf("needs x [steps, batch, n] and recurrent weights for %d directions", directions))
	}
	attrs = append([]onnx.Attribute{onnx.StringAttr("direction", direction), onnx.IntAttr("hidden_size", o.Hidden)}, attrs...)
	// ONNX Runtime does not survive an empty batch here (1.15 to 1.32), so one
	// gets a row that is cut off again.
	batch := g.Size(x.Dim(1))
	missing := g.Cast(g.Equal(batch, g.Ints(0)), tensor.Int64)
	none := g.Ints(0)
	x = g.add1("Pad", []*Value{x, g.Concat(0, g.Ints(0, 0, 0, 0), missing, none)}, x.dtype, x.shape)
	shape := Shape{x.Dim(0), Fixed(directions), x.Dim(1), Fixed(o.Hidden)}
	y := g.add1(op, []*Value{x, w, r, b}, x.dtype, shape, attrs...)
	return g.add1("Slice", []*Value{y, none, batch, g.Ints(2)}, y.dtype, shape)
}
