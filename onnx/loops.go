package onnx

import (
	"fmt"
	"math"

	"espalier/tensor"
)

// PlainLoops gives the Scans of a graph the form that most runtimes can run.
// The standard allows more than many of them have:
//
//   - A body keeps its own copies of the constants that it, or a graph inside it,
//     would read from the graph around it. A default that callers may replace is
//     none.
//   - Its inputs and outputs are declared without names of dimensions, which
//     some take for sizes of their own.
//   - What it stacks, nothing else in it reads.
//   - It walks forwards. One that walked backwards gets its inputs the other way
//     round, and what it stacks is turned back.
//
// Before that, sums and products of constants are computed, so that bodies read
// constants where they read parameters.
func PlainLoops(g *Graph) error {
	if err := foldConstants(g); err != nil {
		return err
	}
	constants := map[string]*Tensor{}
	for _, t := range g.Initializers {
		constants[t.Name] = t
	}
	for _, v := range g.Inputs { // a default that a caller may replace
		delete(constants, v.Name)
	}
	var nodes []*Node
	for _, n := range g.Nodes {
		if n.OpType != "Scan" || n.Domain != "" {
			nodes = append(nodes, n)
			continue
		}
		s, err := scanOf(n)
		if err != nil {
			return err
		}
		s.close(constants)
		s.forgetDims()
		s.stackAlone()
		before, after := s.turn(g)
		nodes = append(append(append(nodes, before...), n), after...)
	}
	g.Nodes = nodes
	return nil
}

// scan is a node with its body and the number of its states.
type scan struct {
	node   *Node
	body   *Graph
	states int
}

func scanOf(n *Node) (*scan, error) {
	s := &scan{node: n}
	for _, a := range n.Attributes {
		switch a.Name {
		case "body":
			s.body = a.Graph
		case "num_scan_inputs":
			s.states = len(n.Inputs) - int(a.Int)
		}
	}
	if s.body == nil || s.states < 0 || s.states > len(n.Outputs) || s.states > len(s.body.Outputs) {
		return nil, fmt.Errorf("node %s (Scan) has no body, or one with other states than its own", n.Name)
	}
	return s, nil
}

// close copies the constants that the body reads from outside.
func (s *scan) close(constants map[string]*Tensor) {
	rename := map[string]string{}
	for _, n := range s.body.Nodes {
		for _, name := range references(n) {
			t := constants[name]
			if t == nil || rename[name] != "" {
				continue
			}
			own := *t
			own.Name = s.node.Name + "/outer/" + name
			rename[name] = own.Name
			s.body.Initializers = append(s.body.Initializers, &own)
		}
	}
	renameInputs(s.body, rename)
}

func (s *scan) forgetDims() {
	for _, infos := range [][]ValueInfo{s.body.Inputs, s.body.Outputs} {
		for i := range infos {
			for j := range infos[i].Shape {
				infos[i].Shape[j].Name = ""
			}
		}
	}
}

// stackAlone gives a stacked output that the body also reads a node of its own.
func (s *scan) stackAlone() {
	read := map[string]bool{}
	for _, n := range s.body.Nodes {
		for _, name := range references(n) {
			read[name] = true
		}
	}
	for i := s.states; i < len(s.body.Outputs); i++ {
		o := &s.body.Outputs[i]
		if read[o.Name] {
			name := o.Name + "/stacked"
			s.body.Nodes = append(s.body.Nodes, &Node{OpType: "Identity", Name: name, Inputs: []string{o.Name}, Outputs: []string{name}})
			o.Name = name
		}
	}
}

// turn lets a Scan that walks backwards walk forwards, and returns the nodes
// that come before and after it.
func (s *scan) turn(g *Graph) (before, after []*Node) {
	if !s.backwards() {
		return nil, nil
	}
	n := s.node
	kept := n.Attributes[:0]
	for _, a := range n.Attributes {
		if a.Name != "scan_input_directions" && a.Name != "scan_output_directions" {
			kept = append(kept, a)
		}
	}
	n.Attributes = kept
	name := func(what string) string { return n.Name + "/turn/" + what }
	add := func(to *[]*Node, op, out string, in ...string) string {
		*to = append(*to, &Node{OpType: op, Name: out, Inputs: in, Outputs: []string{out}})
		return out
	}
	zero, one := name("zero"), name("one")
	g.Initializers = append(g.Initializers,
		TensorOf(zero, tensor.Must(tensor.Of([]int64{0}))), TensorOf(one, tensor.Must(tensor.Of([]int64{1}))))
	steps := add(&before, "Gather", name("steps"), add(&before, "Shape", name("shape"), n.Inputs[s.states]), zero)
	last := add(&before, "Sub", name("last"), steps, one)
	order := add(&before, "Sub", name("order"), last, add(&before, "Range", name("range"), zero, steps, one))
	for i := s.states; i < len(n.Inputs); i++ {
		n.Inputs[i] = add(&before, "Gather", name(fmt.Sprint("input_", i)), n.Inputs[i], order)
	}
	for i := s.states; i < len(n.Outputs); i++ {
		if out := n.Outputs[i]; out != "" {
			n.Outputs[i] = name(fmt.Sprint("output_", i))
			add(&after, "Gather", out, n.Outputs[i], order)
		}
	}
	return before, after
}

// backwards is whether every input is walked from its end and every output
// filled from there: what else there can be stays as it is.
func (s *scan) backwards() bool {
	inputs := false
	outputs := len(s.node.Outputs) == s.states
	for _, a := range s.node.Attributes {
		switch a.Name {
		case "scan_input_directions":
			inputs = allOnes(a.Ints)
		case "scan_output_directions":
			outputs = allOnes(a.Ints)
		}
	}
	return inputs && outputs
}

func allOnes(xs []int64) bool {
	for _, x := range xs {
		if x != 1 {
			return false
		}
	}
	return len(xs) > 0
}

// foldConstants computes what few operators give of constants: those that stand
// between parameters and the bodies that read them. Sums, products and quotients
// of float32 are rounded as they are when the graph runs; an exponential is the
// nearest float32, from which an engine's may differ in its last bits.
func foldConstants(g *Graph) error {
	known, outputs := map[string]*Tensor{}, map[string]bool{}
	for _, t := range g.Initializers {
		known[t.Name] = t
	}
	for _, v := range g.Inputs { // a default that a caller may replace
		delete(known, v.Name)
	}
	for _, v := range g.Outputs {
		outputs[v.Name] = true
	}
	nodes := g.Nodes[:0]
	for _, n := range g.Nodes {
		t, err := folded(n, known)
		if err != nil {
			return err
		}
		if t == nil || outputs[n.Outputs[0]] {
			nodes = append(nodes, n)
			continue
		}
		known[t.Name] = t
		g.Initializers = append(g.Initializers, t)
	}
	g.Nodes = nodes
	return nil
}

// folded returns a node's result, or nil where it is not known or not one of
// those that are computed.
func folded(n *Node, known map[string]*Tensor) (*Tensor, error) {
	if n.Domain != "" || len(n.Outputs) != 1 {
		return nil, nil
	}
	var in []*tensor.Tensor
	switch n.OpType {
	case "Add", "Sub", "Mul", "Div", "Exp", "Cast":
		for _, name := range n.Inputs {
			t := known[name]
			if t == nil || len(t.External) > 0 || t.DType != tensor.Float32 && t.DType != tensor.Float64 {
				return nil, nil
			}
			x, err := t.Value()
			if err != nil {
				return nil, err
			}
			in = append(in, x)
		}
	}
	var out *tensor.Tensor
	switch {
	case len(in) == 1 && n.OpType == "Cast":
		out = narrowed(n, in[0])
	case len(in) == 1 && n.OpType == "Exp" && in[0].DType() == tensor.Float32:
		out = each(in[0], func(_ int, x float32) float32 { return float32(math.Exp(float64(x))) })
	case len(in) == 2 && in[0].DType() == tensor.Float32 && in[1].DType() == tensor.Float32:
		out = combined(n.OpType, in[0], in[1])
	}
	if out == nil {
		return nil, nil
	}
	return TensorOf(n.Outputs[0], out), nil
}

func each(x *tensor.Tensor, f func(i int, x float32) float32) *tensor.Tensor {
	out := make([]float32, x.Len())
	for i, v := range x.Float32s() {
		out[i] = f(i, v)
	}
	return tensor.Must(tensor.Of(out, x.Shape()...))
}

// narrowed casts float64 to float32, or returns nil.
func narrowed(n *Node, x *tensor.Tensor) *tensor.Tensor {
	if len(n.Attributes) != 1 || n.Attributes[0].Int != int64(tensor.Float32) || x.DType() != tensor.Float64 {
		return nil
	}
	out := make([]float32, x.Len())
	for i, v := range x.Float64s() {
		out[i] = float32(v)
	}
	return tensor.Must(tensor.Of(out, x.Shape()...))
}

// combined computes an operator of two tensors of one shape, or of one and a
// scalar behind it; else it returns nil.
func combined(op string, x, y *tensor.Tensor) *tensor.Tensor {
	b := y.Float32s()
	scalar := len(y.Shape()) == 0
	if !scalar && !x.Shape().Equal(y.Shape()) {
		return nil
	}
	of := map[string]func(x, y float32) float32{
		"Add": func(x, y float32) float32 { return x + y },
		"Sub": func(x, y float32) float32 { return x - y },
		"Mul": func(x, y float32) float32 { return x * y },
		"Div": func(x, y float32) float32 { return x / y },
	}[op]
	if of == nil {
		return nil
	}
	return each(x, func(i int, v float32) float32 {
		if scalar {
			i = 0
		}
		return of(v, b[i])
	})
}
