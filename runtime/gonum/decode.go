package gonum

import (
	"errors"
	"fmt"

	onnxgo "github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"

	"espalier/onnx"
)

// nodeAttribute carries a node's number through onnx-go.
const nodeAttribute = "espalier_node"

// omitted stands for an optional input that a node leaves out, which onnx-go
// would make a value named "".
const omitted = "espalier/omitted"

// operation is one node as the decoder handed it over.
type operation struct {
	node    *onnx.Node
	inputs  []string // "" where omitted
	outputs []string
}

// decodeOperations lets onnx-go decode the graph and returns its operations.
//
// onnx-go reads a part of what files hold: it refuses graph attributes and
// several element types, drops dimension names, and knows values by edges
// between nodes. So it is handed a graph of the same topology in which every
// node has one attribute, its number, initialisers are plain inputs, and
// omitted inputs and outputs have names. The rest is taken from our own
// decoding.
func decodeOperations(g *onnx.Graph) (ops []operation, err error) {
	if len(g.Nodes) == 0 {
		return nil, nil
	}
	data, err := onnx.Encode(&onnx.Model{
		IRVersion: 8, OpsetImports: []onnx.OperatorSetID{{Version: 17}}, Graph: uniform(g),
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the decoder stopped: %v", r)
		}
	}()
	b := &backend{
		WeightedDirectedGraph: simple.NewWeightedDirectedGraph(0, 0),
		inputs:                map[int64]map[int]*value{}, graph: g,
	}
	if err := onnxgo.NewModel(b).UnmarshalBinary(data); err != nil {
		return nil, err
	}
	if len(b.operations) != len(g.Nodes) {
		return nil, fmt.Errorf("the decoder gave %d of %d nodes", len(b.operations), len(g.Nodes))
	}
	return b.operations, nil
}

// uniform returns the graph as onnx-go can read it.
func uniform(g *onnx.Graph) *onnx.Graph {
	plain := &onnx.Graph{Name: g.Name}
	for _, v := range g.Inputs {
		plain.Inputs = append(plain.Inputs, onnx.ValueInfo{Name: v.Name})
	}
	for _, v := range g.Outputs {
		plain.Outputs = append(plain.Outputs, onnx.ValueInfo{Name: v.Name})
	}
	for i, n := range g.Nodes {
		p := &onnx.Node{
			Name: fmt.Sprintf("%d", i), OpType: n.OpType,
			Attributes: []onnx.Attribute{onnx.IntAttr(nodeAttribute, int64(i))},
		}
		for _, in := range n.Inputs {
			if in == "" {
				in = omitted
			}
			p.Inputs = append(p.Inputs, in)
		}
		for j, out := range n.Outputs {
			if out == "" {
				out = fmt.Sprintf("%s/%d/%d", omitted, i, j)
			}
			p.Outputs = append(p.Outputs, out)
		}
		plain.Nodes = append(plain.Nodes, p)
	}
	return plain
}

// value is a node of the decoder's graph: ONNX's values are its nodes.
type value struct {
	id   int64
	name string
}

func (v *value) ID() int64        { return v.id }
func (v *value) SetName(s string) { v.name = s }
func (v *value) GetName() string  { return v.name }

// backend receives the decoded graph.
type backend struct {
	*simple.WeightedDirectedGraph
	graph      *onnx.Graph
	next       int64
	inputs     map[int64]map[int]*value // output -> position -> input
	operations []operation
}

// NewNode returns a value that is not in the graph yet.
func (b *backend) NewNode() graph.Node {
	b.next++
	return &value{id: b.next}
}

// SetWeightedEdge notes an operand. The graph itself keeps one edge between
// two nodes, and would lose an operand of Mul(x, x).
func (b *backend) SetWeightedEdge(e graph.WeightedEdge) {
	out, in := e.From().ID(), e.To().(*value)
	if b.inputs[out] == nil {
		b.inputs[out] = map[int]*value{}
	}
	b.inputs[out][int(e.Weight())] = in
	if out != in.ID() { // a graph of gonum has no loops; Check refuses such nodes
		b.WeightedDirectedGraph.SetWeightedEdge(e)
	}
}

// ApplyOperation receives one node with its outputs.
func (b *backend) ApplyOperation(o onnxgo.Operation, outputs ...graph.Node) error {
	number, ok := o.Attributes[nodeAttribute].(int64)
	if !ok || number < 0 || number >= int64(len(b.graph.Nodes)) || len(outputs) == 0 {
		return errors.New("an operation came without its number")
	}
	n := b.graph.Nodes[number]
	op := operation{node: n}
	operands := b.inputs[outputs[0].ID()]
	for i := range n.Inputs {
		v := operands[i]
		switch {
		case v == nil:
			return fmt.Errorf("operand %d of %s was lost", i, n.OpType)
		case v.name == omitted:
			op.inputs = append(op.inputs, "")
		default:
			op.inputs = append(op.inputs, v.name)
		}
	}
	for i, out := range outputs {
		name := out.(*value).name
		if n.Outputs[i] == "" {
			name = ""
		}
		op.outputs = append(op.outputs, name)
	}
	b.operations = append(b.operations, op)
	return nil
}
