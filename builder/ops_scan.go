package builder

import (
	"fmt"

	"espalier/onnx"
)

// ScanOptions say how Scan walks.
type ScanOptions struct {
	// Reverse walks from the last slice to the first; stacked outputs stand at
	// the places of the slices they were made from.
	Reverse bool
}

// Step is what a body computes from states and slices: the states of the next
// step and the slices to stack.
type Step struct {
	States, Outputs []*Value
}

// Scan walks over the first dimension of the inputs, which all have the same
// size there. body is called once, to build what every step does: it gets the
// graph to build in, the states as the step before left them and one slice of
// every input. It may read values of g. Scan returns the states after the last
// step and each output stacked along a new first dimension (ONNX Scan).
func (g *Graph) Scan(states, inputs []*Value, o ScanOptions, body func(b *Graph, states, slices []*Value) Step) (final, stacked []*Value) {
	all := append(append([]*Value{}, states...), inputs...)
	invalid := func() ([]*Value, []*Value) { return nil, nil }
	if !g.check("Scan", all...) {
		return invalid()
	}
	if len(inputs) == 0 {
		g.fail("Scan", all, fmt.Errorf("there is nothing to walk over"))
		return invalid()
	}
	name := g.unique(fmt.Sprintf("Scan_%d", len(g.nodes)))
	b := New(name, Options{Float: g.float})
	b.outer, b.prefix = g, name+"/"
	in := func(what string, i int, v *Value, shape Shape) *Value {
		return b.Input(fmt.Sprintf("%s/%s_%d", name, what, i), v.dtype, shape...)
	}
	step := &Body{Name: "body", Graph: b}
	steps := inputs[0].Dim(0)
	for i, v := range states {
		step.Inputs = append(step.Inputs, in("state", i, v, v.shape))
	}
	for i, v := range inputs {
		if v.Rank() < 1 || v.Dim(0) != steps {
			g.fail("Scan", all, fmt.Errorf("the inputs have different numbers of steps, %v and %v", steps, v.Dim(0)))
			return invalid()
		}
		step.Inputs = append(step.Inputs, in("slice", i, v, v.shape[1:]))
	}
	made := body(b, step.Inputs[:len(states)], step.Inputs[len(states):])
	if err := finishBody(b, step, states, made); err != nil {
		g.fail("Scan", all, err)
		return invalid()
	}
	var results []result
	for _, v := range made.States {
		results = append(results, result{v.dtype, v.shape})
	}
	for _, v := range made.Outputs {
		results = append(results, result{v.dtype, append(Shape{steps}, v.shape...)})
	}
	attrs := []onnx.Attribute{onnx.IntAttr("num_scan_inputs", int64(len(inputs)))}
	if o.Reverse {
		attrs = append(attrs, onnx.IntsAttr("scan_input_directions", ones(len(inputs))))
		if n := len(made.Outputs); n > 0 {
			attrs = append(attrs, onnx.IntsAttr("scan_output_directions", ones(n)))
		}
	}
	outs := g.add("Scan", all, results, attrs...)
	n := outs[0].node
	n.Bodies = []*Body{step}
	for _, v := range b.captures {
		if g.reads(v) {
			n.Captures = append(n.Captures, v)
		}
	}
	return outs[:len(states)], outs[len(states):]
}

// finishBody checks what a body returned and gives every output a node of its
// own in the body, as ONNX wants it.
func finishBody(b *Graph, step *Body, states []*Value, r Step) error {
	if b.err != nil {
		return b.err
	}
	if len(r.States) != len(states) {
		return fmt.Errorf("the body returns %d states of %d", len(r.States), len(states))
	}
	if len(states)+len(r.Outputs) == 0 {
		return fmt.Errorf("the body returns nothing")
	}
	seen := map[*Value]bool{}
	for i, v := range append(append([]*Value{}, r.States...), r.Outputs...) {
		if !b.check("Scan", v) {
			return b.err
		}
		if i < len(states) && (v.dtype != states[i].dtype || !v.shape.Equal(states[i].shape)) {
			return fmt.Errorf("state %d is %v, the body returns %v", i, states[i], v)
		}
		if v.node == nil || v.g != b || seen[v] {
			v = b.Identity(v)
		}
		seen[v] = true
		step.Outputs = append(step.Outputs, v)
	}
	return nil
}

func ones(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}
