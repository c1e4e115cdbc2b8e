package grad

import "espalier/builder"

func chains() map[string]rule {
	return map[string]rule{"ForwardSteps": forwardSteps, "LogForwardSteps": logForwardSteps}
}

// forwardSteps is the backward algorithm: it carries the gradients of both
// states and gives, for a seed that is the distribution of the last tag, the
// marginal distribution of every tag as the emissions' gradient. A tag that no
// path reaches takes part in nothing.
func forwardSteps(c call) []*builder.Value {
	g, dlast := c.g, c.dy[c.output(0)]
	saved := c.n.Composite.Saved
	p, sums, mask, reached := saved[1], saved[2], saved[3], saved[4]
	factors := c.x(1)
	none := g.ScalarOf(factors.DType(), 0)
	inverse := g.Where(reached, g.Reciprocal(sums), none)
	final, out := g.Scan([]*builder.Value{g.ZerosLike(dlast), dlast}, []*builder.Value{p, inverse, mask}, builder.ScanOptions{Reverse: true},
		func(b *builder.Graph, state, in []*builder.Value) builder.Step {
			ds := b.Mul(state[0], in[1])
			dx := b.Mul(b.MatMul(ds, b.Transpose(factors, 1, 0)), in[0])
			return chainStep(b, state, in[2], dx, ds)
		})
	if g.Err() != nil {
		return nil
	}
	// Where a move is forbidden, the product may be beyond float64.
	moves := g.Gemm(flatten(g, p), flatten(g, out[1]), nil, true, false)
	return []*builder.Value{out[0], g.Where(g.Greater(factors, none), moves, none), final[0]}
}

// chainStep completes a step of a backward algorithm: dx is the gradient by the
// step's scores through the steps behind it, to which the last token adds the
// gradient of the result. The sum is the first output, before the others.
func chainStep(b *builder.Graph, state []*builder.Value, token, dx *builder.Value, outputs ...*builder.Value) builder.Step {
	none := b.ScalarOf(dx.DType(), 0)
	dx = b.Add(dx, b.Where(token, state[1], none))
	return builder.Step{
		States:  []*builder.Value{dx, b.Where(token, none, state[1])},
		Outputs: append([]*builder.Value{dx}, outputs...),
	}
}

// logForwardSteps is forwardSteps on scores: the weight of each move to a tag is
// its share of the sum that made the tag's score.
func logForwardSteps(c call) []*builder.Value {
	g, dlast := c.g, c.dy[c.output(0)]
	saved := c.n.Composite.Saved
	x, next, mask := saved[1], saved[2], saved[3]
	transitions := c.x(1)
	states := []*builder.Value{g.ZerosLike(dlast), dlast}
	if c.need[1] {
		states = append(states, g.ZerosLike(transitions))
	}
	final, out := g.Scan(states, []*builder.Value{x, next, mask}, builder.ScanOptions{Reverse: true},
		func(b *builder.Graph, state, in []*builder.Value) builder.Step {
			share := b.Exp(b.Sub(b.Add(b.Unsqueeze(in[0], 2), transitions), b.Unsqueeze(in[1], 1))) // [batch, from, to]
			moved := b.Mul(share, b.Unsqueeze(state[0], 1))
			s := chainStep(b, state, in[2], b.ReduceSum(moved, false, 2))
			if c.need[1] {
				s.States = append(s.States, b.Add(state[2], b.ReduceSum(moved, false, 0)))
			}
			return s
		})
	if g.Err() != nil {
		return nil
	}
	var moves *builder.Value
	if c.need[1] {
		moves = final[2]
	}
	return []*builder.Value{out[0], moves, final[0]}
}
