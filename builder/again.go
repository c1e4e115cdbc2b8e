package builder

import (
	"fmt"

	"espalier/tensor"
)

// After returns x as it is, for operators that must not be computed before all of
// others are: where a graph says what memory a computation takes. It is a Reshape to
// x's own shape, to which an integer 0 made of each other value has been added. No
// element is touched, whatever it is, and no engine can tell that the number is 0
// before it has the other values.
func (g *Graph) After(x *Value, others ...*Value) *Value {
	if !g.check("After", append([]*Value{x}, others...)...) {
		return g.invalid
	}
	if x.Rank() == 0 {
		return g.fail("After", []*Value{x}, fmt.Errorf("a scalar has no shape to compute"))
	}
	shape := g.ShapeOf(x)
	for _, other := range others {
		// By way of bool, which NaN and infinities can be cast to.
		flag := g.Cast(g.Cast(g.first(other), tensor.Bool), tensor.Int64)
		shape = g.Add(shape, g.Mul(g.Reshape(flag, Fixed(1)), g.Ints(0)))
	}
	if g.err != nil {
		return g.invalid
	}
	return g.add1("Reshape", []*Value{x, shape}, x.dtype, x.shape)
}

// first returns the first element of x, in x's rank.
func (g *Graph) first(x *Value) *Value {
	if g.err != nil || x.Rank() == 0 {
		return x
	}
	zeros, ones, axes := make([]int64, x.Rank()), make([]int64, x.Rank()), make([]int64, x.Rank())
	for i := range axes {
		ones[i], axes[i] = 1, int64(i)
	}
	return g.add1("Slice", []*Value{x, g.Ints(zeros...), g.Ints(ones...), g.Ints(axes...)}, x.dtype, Dims(ones...))
}

// Repeat adds copies of nodes of the graph, in their order, that read the values of
// replaced in the place of others. It adds the values that the nodes compute, and the
// copies, to replaced. A node with a graph inside cannot be repeated.
func (g *Graph) Repeat(nodes []*Node, replaced map[*Value]*Value) []*Node {
	all := func(values []*Value) []*Value {
		out := make([]*Value, len(values))
		for i, v := range values {
			if out[i] = v; replaced[v] != nil {
				out[i] = replaced[v]
			}
		}
		return out
	}
	copies := make([]*Node, len(nodes))
	for k, n := range nodes {
		if g.err != nil {
			return nil
		}
		if len(n.Bodies) > 0 {
			g.fail("Repeat", n.Inputs, fmt.Errorf("%s has a graph inside", n.Op))
			return nil
		}
		var results []result
		for _, v := range n.Outputs {
			results = append(results, result{v.dtype, v.shape})
		}
		out := g.add(n.Op, all(n.Inputs), results, n.Attributes...)
		for i, v := range n.Outputs {
			replaced[v] = out[i]
		}
		copies[k] = out[0].node
		copies[k].Domain = n.Domain
		if c := n.Composite; c != nil {
			copies[k].Composite = &Composite{Op: c.Op, Inputs: all(c.Inputs), Saved: all(c.Saved)}
		}
	}
	return copies
}
