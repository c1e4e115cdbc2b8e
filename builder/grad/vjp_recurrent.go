package grad

import "espalier/builder"

func recurrences() map[string]rule {
	return map[string]rule{"LSTMSteps": lstmSteps, "GRUSteps": gruSteps}
}

// reversed reports the direction of a recurrence's Scan.
func reversed(n *builder.Node) bool { return n.Attr("scan_input_directions") != nil }

// before returns for each step the value of the step that came before it in
// the order of processing, zeros for the first.
func before(g *builder.Graph, x *builder.Value, reverse bool) *builder.Value {
	if reverse {
		return g.Slice(g.Pad(x, 0, 0, 1), 0, 1, 0)
	}
	return g.Slice(g.Pad(x, 0, 1, 0), 0, 0, 1)
}

// zeroState returns zeros of the shape of one step of h.
func zeroState(g *builder.Graph, h *builder.Value) *builder.Value {
	return g.Expand(g.Reshape(g.ScalarOf(h.DType(), 0), builder.Dims(1, 1)...), h.Dim(1), h.Dim(2))
}

// lstmSteps goes back through time with a Scan that carries the gradients of
// the two states only. What the chain rule multiplies them by is computed for
// all steps at once before it, and the weights' gradient as one product after
// it. Masked steps have all gates 0, which stops every gradient there.
func lstmSteps(c call) []*builder.Value {
	g, dy := c.g, c.dy[c.output(0)]
	saved := c.n.Composite.Saved
	h, cells, gates, candidate, r := saved[0], saved[1], saved[2], saved[3], saved[4]
	hidden, _ := h.Dim(-1).Size()
	back := reversed(c.n)
	iof := g.Split(gates, -1, hidden, hidden, hidden)
	if g.Err() != nil {
		return nil
	}
	one := g.Scalar(1)
	tc := g.Tanh(cells)
	slopes := g.Concat(-1, g.Sub(gates, g.Mul(gates, gates)), g.Sub(one, g.Mul(candidate, candidate)))
	factors := g.Mul(slopes, g.Concat(-1, candidate, tc, before(g, cells, back), iof[0]))
	toCell := g.Mul(iof[1], g.Sub(one, g.Mul(tc, tc)))
	zero := zeroState(g, h)
	_, out := g.Scan([]*builder.Value{zero, zero}, []*builder.Value{dy, toCell, factors, iof[2]}, builder.ScanOptions{Reverse: !back},
		func(b *builder.Graph, state, in []*builder.Value) builder.Step {
			dh := b.Add(in[0], state[0])
			dc := b.Add(b.Mul(dh, in[1]), state[1])
			dz := b.Mul(b.Concat(-1, dc, dh, dc, dc), in[2])
			return builder.Step{
				States:  []*builder.Value{b.MatMul(dz, r), b.Mul(dc, in[3])},
				Outputs: []*builder.Value{dz},
			}
		})
	if g.Err() != nil {
		return nil
	}
	dz := out[0]
	return []*builder.Value{dz, g.Gemm(flatten(g, before(g, h, back)), flatten(g, dz), nil, true, false)}
}

// gruSteps is lstmSteps for a gated recurrent unit. With q the recurrent part
// of the candidate n, h' = n + z (h - n) and n = tanh(x + r q).
func gruSteps(c call) []*builder.Value {
	g, dy := c.g, c.dy[c.output(0)]
	saved := c.n.Composite.Saved
	h, gates, candidate, q, r, mask := saved[0], saved[1], saved[2], saved[3], saved[4], saved[5]
	hidden, _ := h.Dim(-1).Size()
	back := reversed(c.n)
	zr := g.Split(gates, -1, hidden, hidden)
	if g.Err() != nil {
		return nil
	}
	one := g.Scalar(1)
	previous := before(g, h, back)
	keep := g.Mul(zr[0], mask) // of dh', what goes straight to h
	// dz, dr, dn and dq are dh' times these.
	toN := g.Mul(g.Mul(g.Sub(one, zr[0]), mask), g.Sub(one, g.Mul(candidate, candidate)))
	slopes := g.Sub(gates, g.Mul(gates, gates))
	s := g.Split(slopes, -1, hidden, hidden)
	toZ := g.Mul(g.Mul(g.Sub(previous, candidate), mask), s[0])
	toR := g.Mul(g.Mul(toN, q), s[1])
	toQ := g.Mul(toN, zr[1])
	factors := g.Concat(-1, toZ, toR, toQ)
	zero := zeroState(g, h)
	_, out := g.Scan([]*builder.Value{zero}, []*builder.Value{dy, keep, factors}, builder.ScanOptions{Reverse: !back},
		func(b *builder.Graph, state, in []*builder.Value) builder.Step {
			dh := b.Add(in[0], state[0])
			d := b.Mul(b.Concat(-1, dh, dh, dh), in[2])
			return builder.Step{
				States:  []*builder.Value{b.Add(b.MatMul(d, r), b.Mul(dh, in[1]))},
				Outputs: []*builder.Value{d, dh},
			}
		})
	if g.Err() != nil {
		return nil
	}
	d, dh := out[0], out[1] // of the recurrent products; of h'
	gatesOnly := g.Split(d, -1, 2*hidden, hidden)
	if g.Err() != nil {
		return nil
	}
	dx := g.Concat(-1, gatesOnly[0], g.Mul(dh, toN))
	flat := flatten(g, d)
	return []*builder.Value{dx, g.Gemm(flatten(g, previous), flat, nil, true, false), sumTo(g, flat, c.x(2).Shape())}
}
