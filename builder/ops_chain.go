package builder

import (
	"fmt"

	"espalier/tensor"
)

// The recursions of a linear-chain model over time. Their operands are emissions
// [steps, batch, tags], the scores of tags; first [batch, tags], the scores of
// starting with a tag; and mask, bool [steps, batch, 1], false for padding, which
// stands behind the tokens.

// Unreachable is the score of what the model forbids. No sum of other scores makes
// up for it, and sums of it stay finite in float32.
const Unreachable = -1e30

// Float64 holds exponentials from exp(-708) to exp(709). ForwardSteps places
// the largest score of a step near the upper end, so that scores which are up to
// 1290 below it are still there.
const (
	chainShift = 600
	chainLeast = 1e-300
)

// ForwardSteps runs the forward algorithm (Rabiner 1989) with one matrix product
// a step. emissions and first are float64, and factors [tags, tags] are the
// exponentials of the scores of going from a row's tag to a column's, 0 where
// that is forbidden. The result [batch, tags] is the logarithm of the summed
// exponentials of all paths that end at a row's last token in a tag, about
// [Unreachable] where there is no such path. Scores are compared with the
// largest one of their step: a tag that is more than 1290 below it has no path.
func (g *Graph) ForwardSteps(emissions, factors, first, mask *Value) *Value {
	in := []*Value{emissions, factors, first, mask}
	if !g.chain("ForwardSteps", in...) {
		return g.invalid
	}
	if emissions.dtype != tensor.Float64 {
		return g.fail("ForwardSteps", in, fmt.Errorf("needs float64, whose exponentials have the range"))
	}
	// A state is the score before the emission of its step; the other is that
	// of the last token so far, emission included.
	final, out := g.Scan([]*Value{first, first}, []*Value{emissions, mask}, ScanOptions{},
		func(b *Graph, state, in []*Value) Step {
			x := b.Add(state[0], in[0])
			base := b.Sub(b.ReduceMax(x, true, -1), b.ScalarOf(x.dtype, chainShift))
			p := b.Exp(b.Sub(x, base))
			sum := b.MatMul(p, factors)
			next := b.Max(b.Add(b.Log(sum), base), b.ScalarOf(x.dtype, Unreachable)) // of minus infinity, too
			return Step{
				States:  []*Value{next, b.Where(in[1], x, state[1])},
				Outputs: []*Value{p, sum},
			}
		})
	if g.err != nil {
		return g.invalid
	}
	reached := g.Greater(out[1], g.ScalarOf(tensor.Float64, chainLeast))
	final[1].node.Composite = &Composite{
		Op: "ForwardSteps", Inputs: []*Value{emissions, factors, first}, Saved: []*Value{final[1], out[0], out[1], mask, reached},
	}
	return final[1]
}

// LogForwardSteps is ForwardSteps for runtimes and precisions without the range
// that it needs. transitions [tags, tags] are the scores themselves, [Unreachable]
// where a move is forbidden. Each step compares the moves to a tag with the best of
// them, so that nothing is lost, whatever the scores; it costs an exponential for
// each pair of tags.
//
// The result is scores [batch, tags] plus base [batch], which all tags of a row have
// in common. Scores stay near 0, so that they keep their digits in a long sequence.
// Gradients go through scores alone, which is right for everything computed from
// the sum.
func (g *Graph) LogForwardSteps(emissions, transitions, first, mask *Value) (scores, base *Value) {
	in := []*Value{emissions, transitions, first, mask}
	if !g.chain("LogForwardSteps", in...) {
		return g.invalid, g.invalid
	}
	// The states are the scores before a step and their base, and those of the
	// last token so far.
	zero := g.ZerosLike(g.ReduceMax(first, true, -1))
	final, out := g.Scan([]*Value{first, zero, first, zero}, []*Value{emissions, mask}, ScanOptions{},
		func(b *Graph, state, in []*Value) Step {
			x := b.Add(state[0], in[0])
			each := b.Add(b.Unsqueeze(x, 2), transitions) // [batch, from, to]
			top := b.ReduceMax(each, true, 1)
			next := b.Squeeze(b.Add(b.Log(b.ReduceSum(b.Exp(b.Sub(each, top)), true, 1)), top), 1)
			common := b.ReduceMax(next, true, -1)
			return Step{
				States: []*Value{
					b.Sub(next, common), b.Add(state[1], common), b.Where(in[1], x, state[2]), b.Where(in[1], state[1], state[3]),
				},
				Outputs: []*Value{x, next},
			}
		})
	if g.err != nil {
		return g.invalid, g.invalid
	}
	final[2].node.Composite = &Composite{
		Op: "LogForwardSteps", Inputs: []*Value{emissions, transitions, first}, Saved: []*Value{final[2], out[0], out[1], mask},
	}
	return final[2], g.Squeeze(final[3], -1)
}

// chain checks the operands of a recursion.
func (g *Graph) chain(op string, in ...*Value) bool {
	if !g.check(op, in...) {
		return false
	}
	emissions, moves, first, mask := in[0], in[1], in[2], in[len(in)-1]
	if emissions.Rank() != 3 || moves.Rank() != 2 || first.Rank() != 2 || mask.dtype != tensor.Bool {
		g.fail(op, in, fmt.Errorf("needs emissions [steps, batch, tags], moves [tags, tags], first [batch, tags] and a bool mask [steps, batch, 1]"))
		return false
	}
	return true
}

// BestPath returns the tags int64 [batch, steps] of the path with the largest
// score (Viterbi 1967), 0 at padding. Operands are those of LogForwardSteps, and
// last [tags], the scores of ending with a tag.
func (g *Graph) BestPath(emissions, transitions, first, last, mask *Value) *Value {
	in := []*Value{emissions, transitions, first, last, mask}
	if !g.chain("BestPath", in...) {
		return g.invalid
	}
	final, out := g.Scan([]*Value{first, first}, []*Value{emissions, mask}, ScanOptions{},
		func(b *Graph, state, in []*Value) Step {
			x := b.Add(state[0], in[0])
			each := b.Add(b.Unsqueeze(x, 2), transitions) // [batch, from, to]
			return Step{
				States:  []*Value{b.ReduceMax(each, false, 1), b.Where(in[1], x, state[1])},
				Outputs: []*Value{b.ArgMax(each, 1)},
			}
		})
	if g.err != nil {
		return g.invalid
	}
	end := g.Unsqueeze(g.ArgMax(g.Add(final[1], last), -1), -1)
	// out[0] leads from a step's tag to the one before it, so it applies where
	// the step after is a token's.
	next := g.Slice(g.Concat(0, mask, g.Less(g.Unsqueeze(end, 0), g.ScalarOf(tensor.Int64, 0))), 0, 1, 0)
	_, tags := g.Scan([]*Value{end}, []*Value{out[0], next}, ScanOptions{Reverse: true},
		func(b *Graph, state, in []*Value) Step {
			tag := b.Where(in[1], b.GatherElements(in[0], state[0], 1), state[0])
			return Step{States: []*Value{tag}, Outputs: []*Value{tag}}
		})
	if g.err != nil {
		return g.invalid
	}
	tag := g.Where(mask, tags[0], g.ScalarOf(tensor.Int64, 0))
	return g.Transpose(g.Squeeze(tag, -1), 1, 0)
}
