package gonum

import (
	"fmt"
	"strconv"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// packedPrefix marks a string attribute that holds the bytes of a tensor or
// sub-graph, in a form that onnx-go passes on unread.
const packedPrefix = "espalier.packed:"

// normalised is a model rewritten so that onnx-go decodes it as it is meant.
type normalised struct {
	bytes []byte
	// nodes stand in the order in which onnx-go applies their operations; they
	// keep what an operation loses, such as the name.
	nodes []*onnx.Node
	// omitted names stand for operands and results that are left out.
	omitted map[string]bool
}

// normaliser rewrites one graph. Onnx-go v0.5.0 drops a node's domain, needs
// at least one node and one output that a node computes, allocates what a
// declaration claims, takes "" for a name, reads four element types only, and
// knows no graphs inside graphs.
type normaliser struct {
	from    *onnx.Graph
	to      *onnx.Graph
	used    map[string]bool
	omitted map[string]bool
	made    map[string]bool // by nodes
	serial  int
	err     error
}

func normalise(g *onnx.Graph) (*normalised, error) {
	n := &normaliser{
		from: g, to: &onnx.Graph{Name: "normalised"},
		used: map[string]bool{}, omitted: map[string]bool{}, made: map[string]bool{},
	}
	n.collectNames()
	for _, t := range g.Initializers {
		n.initializer(t)
	}
	for _, node := range g.Nodes {
		if len(node.Outputs) > 0 {
			n.node(node)
		}
	}
	n.declare()
	if n.err != nil {
		return nil, n.err
	}
	bytes, err := onnx.Encode(&onnx.Model{
		IRVersion: 8, OpsetImports: []onnx.OperatorSetID{{Version: 17}}, Graph: n.to,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrModel, err)
	}
	return &normalised{bytes: bytes, nodes: n.to.Nodes, omitted: n.omitted}, nil
}

func (n *normaliser) collectNames() {
	for _, v := range n.from.Inputs {
		n.used[v.Name] = true
	}
	for _, t := range n.from.Initializers {
		n.used[t.Name] = true
	}
	for _, node := range n.from.Nodes {
		for _, name := range node.Inputs {
			n.used[name] = true
		}
		for _, name := range node.Outputs {
			n.used[name] = true
		}
	}
}

// unique makes a name that the graph does not use.
func (n *normaliser) unique(hint string) string {
	for {
		name := hint + "#" + strconv.Itoa(n.serial)
		n.serial++
		if !n.used[name] && !n.used[name+"/input"] { // onnx-go makes up such a name
			n.used[name] = true
			return name
		}
	}
}

// names replaces "" by names of their own.
func (n *normaliser) names(list []string) []string {
	out := make([]string, len(list))
	for i, name := range list {
		if name == "" {
			name = n.unique("omitted")
			n.omitted[name] = true
		}
		out[i] = name
	}
	return out
}

func (n *normaliser) node(node *onnx.Node) {
	to := &onnx.Node{
		Name: n.unique("node"), OpType: operator(node.Domain, node.OpType), Domain: node.Domain, Doc: node.Name,
		Inputs: n.names(node.Inputs), Outputs: n.names(node.Outputs),
	}
	for _, name := range node.Outputs {
		n.made[name] = true
	}
	for i := range node.Attributes {
		to.Attributes = append(to.Attributes, n.attribute(node, &node.Attributes[i]))
	}
	n.to.Nodes = append(n.to.Nodes, to)
}

func (n *normaliser) attribute(node *onnx.Node, a *onnx.Attribute) onnx.Attribute {
	switch a.Type {
	case onnx.AttrTensor:
		if a.Tensor != nil && readable(a.Tensor) {
			return *a
		}
		return n.pack(a.Name, &onnx.Graph{Initializers: []*onnx.Tensor{a.Tensor}})
	case onnx.AttrGraph:
		return n.pack(a.Name, a.Graph)
	case onnx.AttrTensors, onnx.AttrGraphs, onnx.AttrUndefined:
		n.fail(fmt.Errorf("%w: attribute %q of %s %q is of a kind (%d) that no operator here takes",
			runtime.ErrUnsupported, a.Name, node.OpType, node.Name, a.Type))
	}
	if a.Ref != "" {
		n.fail(fmt.Errorf("%w: attribute %q of %s %q refers to a function's attribute outside a function",
			runtime.ErrModel, a.Name, node.OpType, node.Name))
	}
	return *a
}

// pack makes a string attribute of a graph's bytes; a tensor travels as the
// only initialiser of an empty graph.
func (n *normaliser) pack(name string, g *onnx.Graph) onnx.Attribute {
	bytes, err := onnx.Encode(&onnx.Model{IRVersion: 8, Graph: g})
	if err != nil {
		n.fail(fmt.Errorf("%w: attribute %q: %w", runtime.ErrModel, name, err))
	}
	return onnx.Attribute{Name: packedPrefix + name, Type: onnx.AttrString, String: bytes}
}

// unpack reads what pack wrote: a *tensor.Tensor or an *onnx.Graph.
func unpack(packed string) (any, error) {
	m, err := onnx.Decode([]byte(packed), onnx.Limits{})
	if err != nil {
		return nil, err
	}
	if len(m.Graph.Nodes) == 0 && len(m.Graph.Outputs) == 0 && len(m.Graph.Initializers) == 1 {
		return m.Graph.Initializers[0].Value()
	}
	return m.Graph, nil
}

// readable reports whether onnx-go reads a tensor as it is meant. What is not
// consistent is not readable: reading it ourselves gives the better error.
func readable(t *onnx.Tensor) bool {
	switch t.DType {
	case tensor.Float32, tensor.Float64, tensor.Int32, tensor.Int64:
	default:
		return false
	}
	elements, err := tensor.Shape(t.Dims).Elements()
	return err == nil && len(t.Dims) > 0 && elements > 0 && len(t.External) == 0 &&
		len(t.Raw)%t.DType.Size() == 0 && len(t.Raw)/t.DType.Size() == elements
}

func (n *normaliser) initializer(t *onnx.Tensor) {
	if readable(t) {
		n.to.Initializers = append(n.to.Initializers, t)
		return
	}
	n.to.Nodes = append(n.to.Nodes, &onnx.Node{
		Name: n.unique("node"), OpType: "Constant", Doc: t.Name, Outputs: []string{t.Name},
		Attributes: []onnx.Attribute{n.pack("value", &onnx.Graph{Initializers: []*onnx.Tensor{t}})},
	})
	n.made[t.Name] = true
}

// declare lists inputs and outputs by name alone: onnx-go would allocate the
// shapes they claim, and drop sizes that are names.
func (n *normaliser) declare() {
	const untyped = "untyped" // a kind of value that is written without a type
	for _, v := range n.from.Inputs {
		if !n.made[v.Name] {
			n.to.Inputs = append(n.to.Inputs, onnx.ValueInfo{Name: v.Name, Kind: untyped})
		}
	}
	declared := map[string]bool{}
	for _, v := range n.from.Outputs {
		if n.made[v.Name] && !declared[v.Name] {
			declared[v.Name] = true
			n.to.Outputs = append(n.to.Outputs, onnx.ValueInfo{Name: v.Name, Kind: untyped})
		}
	}
	if len(declared) == 0 {
		name := n.unique("passed")
		n.to.Nodes = append(n.to.Nodes, &onnx.Node{
			Name: n.unique("node"), OpType: "Identity", Inputs: []string{n.from.Outputs[0].Name}, Outputs: []string{name},
		})
		n.to.Outputs = append(n.to.Outputs, onnx.ValueInfo{Name: name, Kind: untyped})
	}
}

func (n *normaliser) fail(err error) {
	if n.err == nil {
		n.err = err
	}
}
