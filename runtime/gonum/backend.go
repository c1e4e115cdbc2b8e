package gonum

import (
	"fmt"
	"math"
	"strings"

	onnxgo "github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	gorgonia "gorgonia.org/tensor"

	"espalier/runtime"
	"espalier/tensor"
)

// value is a node of the graph that onnx-go builds: a value of the model.
type value struct {
	id   int64
	name string
	data gorgonia.Tensor
}

var (
	_ onnxgo.Namer       = (*value)(nil)
	_ onnxgo.DataCarrier = (*value)(nil)
)

// ID returns the value's number, which becomes its slot.
func (v *value) ID() int64 { return v.id }

// SetName is called by onnx-go with the value's name in the model.
func (v *value) SetName(name string) { v.name = name }

// GetName returns that name.
func (v *value) GetName() string { return v.name }

// SetTensor is called by onnx-go with the elements of an initialiser.
func (v *value) SetTensor(t gorgonia.Tensor) error { v.data = t; return nil }

// GetTensor returns them.
func (v *value) GetTensor() gorgonia.Tensor { return v.data }

// operation is a node of the model as onnx-go hands it over.
type operation struct {
	op              string
	attributes      map[string]any
	operands, makes []*value
}

// backend receives a model from onnx-go. The graph embedded has an edge from
// each result to each of its operands.
type backend struct {
	*simple.WeightedDirectedGraph
	values     []*value
	operands   map[int64][]*value // by result, in order and with repetitions
	operations []operation
}

var _ onnxgo.Backend = (*backend)(nil)

func newBackend() *backend {
	return &backend{
		WeightedDirectedGraph: simple.NewWeightedDirectedGraph(0, math.Inf(1)),
		operands:              map[int64][]*value{},
	}
}

// NewNode makes a value.
func (b *backend) NewNode() graph.Node {
	v := &value{id: int64(len(b.values))}
	b.values = append(b.values, v)
	return v
}

// SetWeightedEdge records an operand; the weight is its position. A graph
// keeps one edge between two nodes, so that Mul(x, x) would lose an operand:
// the list does not.
func (b *backend) SetWeightedEdge(e graph.WeightedEdge) {
	from, to := e.From().(*value), e.To().(*value)
	b.operands[from.id] = append(b.operands[from.id], to)
	b.WeightedDirectedGraph.SetWeightedEdge(e)
}

// ApplyOperation records a node, in the model's order.
func (b *backend) ApplyOperation(op onnxgo.Operation, results ...graph.Node) error {
	o := operation{op: op.Name, attributes: op.Attributes}
	for _, r := range results {
		o.makes = append(o.makes, r.(*value))
	}
	if len(o.makes) > 0 {
		o.operands = b.operands[o.makes[0].id]
	}
	b.operations = append(b.operations, o)
	return nil
}

// receive lets onnx-go decode a normalised model. Its panics become errors.
func receive(n *normalised) (b *backend, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: onnx-go cannot decode it: %v", runtime.ErrModel, r)
		}
	}()
	b = newBackend()
	if err := onnxgo.NewModel(b).UnmarshalBinary(n.bytes); err != nil {
		return nil, fmt.Errorf("%w: onnx-go cannot decode it: %w", runtime.ErrModel, err)
	}
	if len(b.operations) != len(n.nodes) {
		return nil, fmt.Errorf("%w: onnx-go decoded %d of its %d nodes", runtime.ErrModel, len(b.operations), len(n.nodes))
	}
	return b, nil
}

// attributes turns what onnx-go read into the kinds that compilers ask for.
func attributes(from map[string]any) (map[string]any, error) {
	to := make(map[string]any, len(from))
	for name, v := range from {
		packed, isPacked := strings.CutPrefix(name, packedPrefix)
		var err error
		switch v := v.(type) {
		case string:
			if isPacked {
				to[packed], err = unpack(v)
			} else {
				to[name] = v
			}
		case gorgonia.Tensor:
			to[name], err = convert(v)
		default:
			to[name] = v
		}
		if err != nil {
			return nil, fmt.Errorf("%w: attribute %q: %w", runtime.ErrModel, name, err)
		}
	}
	return to, nil
}

// convert makes a tensor of ours over the elements of one of gorgonia's.
func convert(t gorgonia.Tensor) (*tensor.Tensor, error) {
	shape := make([]int64, len(t.Shape()))
	for i, d := range t.Shape() {
		shape[i] = int64(d)
	}
	switch d := t.Data().(type) {
	case []float32:
		return tensor.Of(d, shape...)
	case []float64:
		return tensor.Of(d, shape...)
	case []int32:
		return tensor.Of(d, shape...)
	case []int64:
		return tensor.Of(d, shape...)
	case float32:
		return tensor.Of([]float32{d}, shape...)
	case float64:
		return tensor.Of([]float64{d}, shape...)
	case int32:
		return tensor.Of([]int32{d}, shape...)
	case int64:
		return tensor.Of([]int64{d}, shape...)
	}
	return nil, fmt.Errorf("onnx-go read elements of type %T", t.Data())
}
