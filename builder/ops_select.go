package builder

import (
	"fmt"

	"espalier/tensor"
)

// Range returns 0 to n-1 as a vector of n's type, int64 or int32. n is one
// element, as [Graph.Size] gives it. d is the vector's dimension; where it is a
// name that the graph does not know yet, the graph knows it from then on (ONNX
// Range). It has no gradient.
func (g *Graph) Range(n *Value, d Dim) *Value {
	if !g.check("Range", n) {
		return g.invalid
	}
	if n.dtype != tensor.Int64 && n.dtype != tensor.Int32 || !n.shape.Equal(Dims(1)) {
		return g.fail("Range", []*Value{n}, fmt.Errorf("needs one int64 or int32"))
	}
	in := []*Value{g.ScalarOf(n.dtype, 0), g.Squeeze(n, 0), g.ScalarOf(n.dtype, 1)}
	y := g.add1("Range", in, n.dtype, Shape{d})
	g.learn(d, y)
	return y
}

// Compress returns the elements of x where keep, of the same shape, is true, in
// their order: a vector whose dimension is d. A name that the graph does not
// know yet is known from then on; one that it knows says that as many are true
// (ONNX Compress). It has no gradient.
func (g *Graph) Compress(x, keep *Value, d Dim) *Value {
	in := []*Value{x, keep}
	if !g.check("Compress", in...) {
		return g.invalid
	}
	if keep.dtype != tensor.Bool || !x.shape.Equal(keep.shape) {
		return g.fail("Compress", in, fmt.Errorf("needs bools of the operand's shape"))
	}
	if keep.Rank() != 1 {
		// The operator flattens its operand, but not its condition.
		keep = g.add1("Reshape", []*Value{keep, g.Ints(-1)}, tensor.Bool, Shape{Named(g.unique("flat"))})
	}
	y := g.add1("Compress", []*Value{x, keep}, x.dtype, Shape{d})
	g.learn(d, y)
	return y
}

// learn defines the name of a vector's dimension unless it is known or none.
func (g *Graph) learn(d Dim, v *Value) {
	if !d.simple() || g.sizes[d.String()] != nil {
		return
	}
	for _, in := range g.inputs {
		for _, e := range in.shape {
			if e == d {
				return
			}
		}
	}
	g.Define(d.names, v, 0)
}

// Loop repeats a body until it returns false. body is called once, to build
// what an iteration does: it gets the graph to build in and the states as the
// iteration before left them, may read values of g, and returns whether there
// is another iteration, as one bool of rank 0, beside what the body of Scan
// returns. There is at least one iteration. Loop returns the states after the
// last one and each output stacked along a new first dimension, which gets a
// name of its own (ONNX Loop). It has no gradient.
func (g *Graph) Loop(states []*Value, iterations string, body func(b *Graph, states []*Value) (more *Value, made Step)) (final, stacked []*Value) {
	if !g.check("Loop", states...) {
		return nil, nil
	}
	name := g.unique(fmt.Sprintf("Loop_%d", len(g.nodes)))
	b := New(name, Options{Float: g.float})
	b.outer, b.prefix = g, name+"/"
	step := &Body{Name: "body", Graph: b, Inputs: []*Value{
		b.Input(name+"/iteration", tensor.Int64), b.Input(name+"/go_on", tensor.Bool),
	}}
	for i, v := range states {
		step.Inputs = append(step.Inputs, b.Input(fmt.Sprintf("%s/state_%d", name, i), v.dtype, v.shape...))
	}
	more, made := body(b, step.Inputs[2:])
	err := b.err
	if err == nil && (!b.check("Loop", more) || more.dtype != tensor.Bool || more.Rank() != 0) {
		err = fmt.Errorf("the body returns %v, not one bool of rank 0 that says whether there is another iteration", more)
	}
	if err == nil {
		step.Outputs = []*Value{b.Identity(more)}
		err = finishBody(b, step, states, made)
	}
	if err != nil {
		g.fail("Loop", states, err)
		return nil, nil
	}
	var results []result
	for _, v := range made.States {
		results = append(results, result{v.dtype, v.shape})
	}
	for _, v := range made.Outputs {
		results = append(results, result{v.dtype, append(Shape{Named(iterations)}, v.shape...)})
	}
	in := append([]*Value{nil, g.ScalarOf(tensor.Bool, 1)}, states...)
	outs := g.add("Loop", in, results)
	n := outs[0].node
	n.Bodies = []*Body{step}
	for _, v := range b.captures {
		if g.reads(v) {
			n.Captures = append(n.Captures, v)
		}
	}
	if len(made.Outputs) > 0 {
		g.Define(iterations, outs[len(states)], 0)
	}
	return outs[:len(states)], outs[len(states):]
}
