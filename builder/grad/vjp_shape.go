package grad

import (
	"fmt"

	"espalier/builder"
)

func shapes() map[string]rule {
	back := func(c call) []*builder.Value {
		out := make([]*builder.Value, len(c.n.Inputs))
		out[0] = c.g.Reshape(c.dy[0], c.x(0).Shape()...)
		return out
	}
	return map[string]rule{
		"Reshape": back, "Squeeze": back, "Unsqueeze": back,
		"Expand": func(c call) []*builder.Value {
			return []*builder.Value{sumTo(c.g, c.dy[0], c.x(0).Shape()), nil}
		},
		"Transpose": transpose,
		"Concat":    concat, "Split": split, "Slice": slice, "Pad": pad,
	}
}

// transpose turns the gradient back. Where it is a matrix product, (A B)^T is
// computed as B^T A^T instead: runtimes fold transposed operands into products,
// but not a transposed result.
func transpose(c call) []*builder.Value {
	perm := c.n.Attr("perm").Ints
	inverse := make([]int64, len(perm))
	for i, p := range perm {
		inverse[p] = int64(i)
	}
	if n := c.dy[0].Node(); n != nil && n.Op == "MatMul" && swapsLast(perm) &&
		n.Inputs[0].Rank() == len(perm) && n.Inputs[1].Rank() == len(perm) {
		return []*builder.Value{c.g.MatMul(swapLast(c.g, n.Inputs[1]), swapLast(c.g, n.Inputs[0]))}
	}
	return []*builder.Value{c.g.Transpose(c.dy[0], inverse...)}
}

// swapsLast reports whether an order exchanges the last two dimensions and
// nothing else.
func swapsLast(perm []int64) bool {
	n := len(perm)
	for i, p := range perm[:max(n-2, 0)] {
		if p != int64(i) {
			return false
		}
	}
	return n >= 2 && perm[n-1] == int64(n-2) && perm[n-2] == int64(n-1)
}

// concat hands each operand its piece.
func concat(c call) []*builder.Value {
	a := int(c.n.Int("axis", 0))
	out := make([]*builder.Value, len(c.n.Inputs))
	sizes := make([]int64, len(out))
	known := true
	for i, x := range c.n.Inputs {
		n, ok := x.Dim(a).Size()
		sizes[i], known = n, known && ok
	}
	if known {
		return c.g.Split(c.dy[0], int64(a), sizes...)
	}
	for i := range out {
		if !c.need[i] {
			continue
		}
		before, err := fixedSum(c.n.Inputs[:i], a)
		if err != nil {
			return []*builder.Value{c.g.Fail("Concat", c.n.Inputs, err)}
		}
		after, err := fixedSum(c.n.Inputs[i+1:], a)
		if err != nil {
			return []*builder.Value{c.g.Fail("Concat", c.n.Inputs, err)}
		}
		out[i] = c.g.Slice(c.dy[0], int64(a), before, after)
	}
	return out
}

func fixedSum(xs []*builder.Value, a int) (int64, error) {
	var total int64
	for _, x := range xs {
		n, ok := x.Dim(a).Size()
		if !ok {
			return 0, fmt.Errorf("the gradient needs all but one operand to have a known size along axis %d", a)
		}
		total += n
	}
	return total, nil
}

func split(c call) []*builder.Value {
	parts := make([]*builder.Value, len(c.dy))
	for i, d := range c.dy {
		if parts[i] = d; d == nil {
			parts[i] = c.g.ZerosLike(c.n.Outputs[i])
		}
	}
	return []*builder.Value{c.g.Concat(c.n.Int("axis", 0), parts...), nil}
}

// slice pads the gradient with zeros where elements were dropped.
func slice(c call) []*builder.Value {
	start := c.x(1).Constant().Int64s()[0]
	a := c.x(3).Constant().Int64s()[0]
	// SliceTo's stop is a size: computed, or a constant that cuts.
	stop := c.x(2).Constant()
	n, known := c.x(0).Dim(int(a)).Size()
	if stop == nil || known && stop.Int64s()[0] >= 0 && stop.Int64s()[0] < n {
		return []*builder.Value{c.g.PadTo(c.dy[0], a, n), nil, nil, nil}
	}
	var end int64
	if stop.Int64s()[0] < 0 {
		end = -stop.Int64s()[0]
	}
	return []*builder.Value{c.g.Pad(c.dy[0], a, start, end), nil, nil, nil}
}

func pad(c call) []*builder.Value {
	if c.x(1).Constant() == nil { // PadTo
		return []*builder.Value{padTo(c), nil}
	}
	pads := c.x(1).Constant().Int64s()
	rank := c.x(0).Rank()
	dx := c.dy[0]
	for i := range rank {
		if pads[i] != 0 || pads[rank+i] != 0 {
			dx = c.g.Slice(dx, int64(i), pads[i], pads[rank+i])
		}
	}
	return []*builder.Value{dx, nil}
}

// padTo cuts off the zeros that were added behind the one axis that changed.
func padTo(c call) *builder.Value {
	for i, d := range c.x(0).Shape() {
		if c.y().Shape()[i] != d {
			return c.g.SliceTo(c.dy[0], int64(i), d)
		}
	}
	return c.dy[0]
}
