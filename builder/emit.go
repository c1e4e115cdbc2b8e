package builder

import (
	"fmt"
	"maps"
	"slices"

	"espalier/onnx"
	"espalier/tensor"
)

// Opset and IRVersion are what emitted models are written for.
const (
	Opset     = 17
	IRVersion = 8
)

// Output names a value that an emitted model computes.
type Output struct {
	Name  string
	Value *Value
}

// Emission says which part of a graph to write, and how.
type Emission struct {
	// Outputs are computed in this order. Several may be the same value.
	Outputs []Output
	// Cut lists values that the model takes as inputs, under their own names,
	// instead of computing them.
	Cut []*Value
	// Values holds elements by parameter name: these parameters are written
	// into the model. All others become inputs.
	Values map[string]*tensor.Tensor
}

// Emitted is a model and the values that are its inputs, in the model's order:
// graph inputs, cut values, random masks, then parameters.
type Emitted struct {
	Model  *onnx.Model
	Inputs []*Value
}

// Emit writes the part of the graph that the outputs need. Nothing else is in
// the model: an input that no output needs is left out.
func (g *Graph) Emit(e Emission) (*Emitted, error) {
	if g.err != nil {
		return nil, g.err
	}
	if len(e.Outputs) == 0 {
		return nil, fmt.Errorf("emit: no outputs are named")
	}
	w := &emitter{g: g, e: e, need: map[*Value]bool{}, nodes: map[*Node]bool{}, inner: &onnx.Graph{Name: g.name}}
	for _, o := range e.Outputs {
		if !o.Value.Valid() || o.Value.g != g {
			return nil, fmt.Errorf("emit: output %q is not a value of this graph", o.Name)
		}
		w.visit(o.Value)
	}
	if err := w.write(); err != nil {
		return nil, fmt.Errorf("emit: %w", err)
	}
	m := &onnx.Model{
		IRVersion: IRVersion, OpsetImports: w.opsets(),
		ProducerName: "espalier", Graph: w.inner,
	}
	return &Emitted{Model: m, Inputs: w.inputs}, nil
}

type emitter struct {
	g      *Graph
	e      Emission
	need   map[*Value]bool
	nodes  map[*Node]bool
	inner  *onnx.Graph
	inputs []*Value
}

// visit marks what v needs. It keeps its own stack: a deep graph must not
// exhaust the goroutine's.
func (w *emitter) visit(v *Value) {
	stack := []*Value{v}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if w.need[v] {
			continue
		}
		w.need[v] = true
		if v.node == nil || slices.Contains(w.e.Cut, v) || w.nodes[v.node] {
			continue
		}
		w.nodes[v.node] = true
		for in := range v.node.reads {
			stack = append(stack, in)
		}
	}
}

func (w *emitter) write() error {
	if err := w.declareInputs(); err != nil {
		return err
	}
	for _, n := range w.g.nodes {
		if w.nodes[n] {
			w.inner.Nodes = append(w.inner.Nodes, w.node(n))
			w.declareForeign(n)
		}
	}
	return w.declareOutputs()
}

// declareForeign declares types and ranks of what operators give that ONNX does
// not know: its shape inference cannot find them, and its checker crashes where
// it looks for the type of a LabelEncoder's operand in vain.
// Of a Loop it infers no ranks, because states may change theirs.
func (w *emitter) declareForeign(n *Node) {
	if n.Domain != DomainMicrosoft && n.Op != "Loop" {
		return
	}
	for _, v := range n.Outputs {
		w.inner.ValueInfos = append(w.inner.ValueInfos, onnx.ValueInfo{Name: v.name, Kind: "tensor", DType: v.dtype, HasShape: true, Shape: make([]onnx.Dim, v.Rank())})
	}
}

func (w *emitter) declareInputs() error {
	var inputs, masks, params []*Value
	for _, v := range w.sources() {
		switch v.kind {
		case kindConstant:
			w.inner.Initializers = append(w.inner.Initializers, onnx.TensorOf(v.name, v.data))
		case kindParameter:
			t := w.e.Values[v.name]
			if t == nil {
				params = append(params, v)
				continue
			}
			if t.DType() != v.dtype || !t.Shape().Equal(v.param.Shape) {
				return fmt.Errorf("parameter %q is %v%v, its elements are %v", v.name, v.dtype, v.shape, t)
			}
			w.inner.Initializers = append(w.inner.Initializers, onnx.TensorOf(v.name, t))
		case kindRandom:
			masks = append(masks, v)
		default:
			inputs = append(inputs, v)
		}
	}
	w.inputs = slices.Concat(inputs, masks, params)
	for _, v := range w.inputs {
		w.inner.Inputs = append(w.inner.Inputs, info(v.name, v))
	}
	return nil
}

// sources lists the needed values that no emitted node computes, in the order
// they came to the graph.
func (w *emitter) sources() []*Value {
	var out []*Value
	add := func(v *Value) {
		if w.need[v] && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	for _, v := range w.g.inputs {
		add(v)
	}
	for _, v := range w.e.Cut {
		if v.node == nil || !w.nodes[v.node] {
			add(v)
		}
	}
	seen := map[*Value]bool{}
	for _, n := range w.g.nodes {
		if !w.nodes[n] {
			continue
		}
		for v := range n.reads {
			if !seen[v] && v.node == nil {
				seen[v] = true
				add(v)
			}
		}
	}
	for _, o := range w.e.Outputs {
		if o.Value.node == nil {
			add(o.Value)
		}
	}
	return out
}

func (w *emitter) node(n *Node) *onnx.Node {
	m := &onnx.Node{OpType: n.Op, Domain: n.Domain, Name: n.Outputs[0].name, Attributes: n.Attributes}
	for _, b := range n.Bodies {
		m.Attributes = append(slices.Clone(m.Attributes), onnx.GraphAttr(b.Name, b.message()))
	}
	for _, v := range n.Inputs {
		if v == nil {
			m.Inputs = append(m.Inputs, "")
			continue
		}
		m.Inputs = append(m.Inputs, v.name)
	}
	// Optional outputs that nothing reads are left out, the rest keep their
	// places.
	last := 0
	for i, v := range n.Outputs {
		if w.need[v] {
			last = i
		}
	}
	required := required(n.Op)
	for i, v := range n.Outputs[:max(last+1, min(required, len(n.Outputs)))] {
		if !w.need[v] && i >= required {
			m.Outputs = append(m.Outputs, "")
			continue
		}
		m.Outputs = append(m.Outputs, v.name)
	}
	return m
}

// opsets lists the operator sets that the model uses.
func (w *emitter) opsets() []onnx.OperatorSetID {
	out := []onnx.OperatorSetID{{Version: Opset}}
	used := map[string]bool{}
	for _, n := range w.inner.Nodes {
		used[n.Domain] = true
	}
	for _, name := range slices.Sorted(maps.Keys(domains)) {
		if used[name] {
			out = append(out, onnx.OperatorSetID{Domain: name, Version: domains[name]})
		}
	}
	return out
}

// reads yields what the node needs: its inputs and what its bodies read.
func (n *Node) reads(yield func(*Value) bool) {
	for _, vs := range [][]*Value{n.Inputs, n.Captures} {
		for _, v := range vs {
			if v != nil && !yield(v) {
				return
			}
		}
	}
}

// message writes a body. All of it is written: what nothing needs is not
// there, for a body is made in one go.
func (b *Body) message() *onnx.Graph {
	w := &emitter{g: b.Graph, need: map[*Value]bool{}, nodes: map[*Node]bool{}, inner: &onnx.Graph{Name: b.Graph.name}}
	for _, v := range b.Outputs {
		w.visit(v)
	}
	seen := map[*Value]bool{}
	for _, v := range b.Inputs {
		w.inner.Inputs = append(w.inner.Inputs, info(v.name, v))
	}
	for _, n := range b.Graph.nodes {
		if !w.nodes[n] {
			continue
		}
		for v := range n.reads {
			if v.g == b.Graph && v.kind == kindConstant && !seen[v] {
				seen[v] = true
				w.inner.Initializers = append(w.inner.Initializers, onnx.TensorOf(v.name, v.data))
			}
		}
		w.inner.Nodes = append(w.inner.Nodes, w.node(n))
	}
	for _, v := range b.Outputs {
		w.inner.Outputs = append(w.inner.Outputs, info(v.name, v))
	}
	return w.inner
}

// required is how many outputs of an operator cannot be left out.
func required(op string) int {
	if op == "Split" || op == "Scan" || op == "Loop" {
		return 1 << 30
	}
	return 1
}

// declareOutputs gives each output its name through an Identity unless the
// value can take the name itself, which keeps graphs free of nodes that do
// nothing.
func (w *emitter) declareOutputs() error {
	rename := map[string]string{}
	taken := map[string]bool{}
	for _, o := range w.e.Outputs {
		if o.Name == "" || taken[o.Name] || (w.g.byName[o.Name] != nil && w.g.byName[o.Name] != o.Value && w.need[w.g.byName[o.Name]]) {
			return fmt.Errorf("output name %q is empty or taken", o.Name)
		}
		taken[o.Name] = true
		v := o.Value
		computed := v.node != nil && w.nodes[v.node] && !slices.Contains(w.e.Cut, v)
		if computed && rename[v.name] == "" {
			rename[v.name] = o.Name
		} else {
			w.inner.Nodes = append(w.inner.Nodes, &onnx.Node{
				OpType: "Identity", Name: o.Name, Inputs: []string{v.name}, Outputs: []string{o.Name},
			})
		}
		w.inner.Outputs = append(w.inner.Outputs, info(o.Name, v))
	}
	renameIn(w.inner.Nodes, rename)
	return nil
}

// renameIn renames values in nodes and in their bodies. The names of all
// bodies differ from those around them.
func renameIn(nodes []*onnx.Node, rename map[string]string) {
	for _, n := range nodes {
		replace(n.Inputs, rename)
		replace(n.Outputs, rename)
		for _, a := range n.Attributes {
			if a.Graph != nil {
				renameIn(a.Graph.Nodes, rename)
			}
		}
	}
}

func replace(names []string, rename map[string]string) {
	for i, name := range names {
		if to := rename[name]; to != "" {
			names[i] = to
		}
	}
}

func info(name string, v *Value) onnx.ValueInfo {
	vi := onnx.ValueInfo{Name: name, Kind: "tensor", DType: v.dtype, HasShape: true, Shape: []onnx.Dim{}}
	for _, d := range v.shape {
		vi.Shape = append(vi.Shape, d.message())
	}
	return vi
}
