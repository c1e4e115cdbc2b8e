// Package onnx holds ONNX's messages as plain Go structs, their wire codec and
// a structural checker.
//
// The structs follow onnx.proto3 of ONNX 1.17 field by field where Espalier or
// a file it may be handed uses the field; unknown fields are passed over when
// reading. The codec is written on protowire so that no generated onnx.proto
// is registered twice in one program, and so that the same model always gives
// the same bytes.
package onnx

import "espalier/tensor"

// Model is a ModelProto: a graph with the versions it is written for.
type Model struct {
	IRVersion       int64
	OpsetImports    []OperatorSetID
	ProducerName    string
	ProducerVersion string
	Domain          string
	ModelVersion    int64
	Doc             string
	Graph           *Graph
	Metadata        []StringPair
	Functions       []Function
}

// OperatorSetID names a domain ("" is ai.onnx) and the version of its
// operators that a model uses.
type OperatorSetID struct {
	Domain  string
	Version int64
}

// StringPair is a StringStringEntryProto.
type StringPair struct{ Key, Value string }

// Function is a FunctionProto: a node type defined by other nodes, as files
// from other exporters may carry.
type Function struct {
	Name, Domain, Doc string
	Inputs, Outputs   []string
	AttributeNames    []string
	Attributes        []Attribute
	Nodes             []*Node
	OpsetImports      []OperatorSetID
}

// Graph is a GraphProto. Nodes stand in topological order.
type Graph struct {
	Name         string
	Doc          string
	Nodes        []*Node
	Initializers []*Tensor
	Inputs       []ValueInfo
	Outputs      []ValueInfo
	ValueInfos   []ValueInfo
}

// Node is a NodeProto. An omitted optional input is the empty name.
type Node struct {
	Name, OpType, Domain, Doc string
	Inputs, Outputs           []string
	Attributes                []Attribute
}

// AttributeType says which field of an Attribute is in use.
type AttributeType int32

// The attribute types of AttributeProto.
const (
	AttrUndefined AttributeType = 0
	AttrFloat     AttributeType = 1
	AttrInt       AttributeType = 2
	AttrString    AttributeType = 3
	AttrTensor    AttributeType = 4
	AttrGraph     AttributeType = 5
	AttrFloats    AttributeType = 6
	AttrInts      AttributeType = 7
	AttrStrings   AttributeType = 8
	AttrTensors   AttributeType = 9
	AttrGraphs    AttributeType = 10
)

// Attribute is an AttributeProto. Type says which field holds the value. Ref
// is the name of a function's attribute that this one takes its value from.
type Attribute struct {
	Name    string
	Ref     string
	Type    AttributeType
	Float   float32
	Int     int64
	String  []byte
	Tensor  *Tensor
	Graph   *Graph
	Floats  []float32
	Ints    []int64
	Strings [][]byte
	Tensors []*Tensor
	Graphs  []*Graph
}

// Tensor is a TensorProto. Elements are held in Raw, little-endian, whatever
// field of the message they came in; strings are in Strings. A tensor whose
// elements live in another file has External set and no elements.
type Tensor struct {
	Name     string
	Doc      string
	DType    tensor.DType
	Dims     []int64
	Raw      []byte
	Strings  [][]byte
	External []StringPair // keys location, offset, length, checksum
}

// ValueInfo is a ValueInfoProto of tensor type. Files may carry sequence, map
// or optional types: such a value has Kind set and no element type.
type ValueInfo struct {
	Name  string
	Doc   string
	Kind  string // "tensor", or "sequence", "map", "optional", "sparse_tensor"
	DType tensor.DType
	// Shape is nil when the rank is unknown, and empty for a scalar.
	Shape    []Dim
	HasShape bool
}

// Dim is one dimension: a size, a name, or neither when it is unknown.
type Dim struct {
	Size  int64 // valid when Known
	Known bool
	Name  string
}

// MetadataValue returns the value of a metadata key and whether it is there.
func (m *Model) MetadataValue(key string) (string, bool) {
	for _, p := range m.Metadata {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

// Attr returns the node's attribute of that name, or nil.
func (n *Node) Attr(name string) *Attribute {
	for i := range n.Attributes {
		if n.Attributes[i].Name == name {
			return &n.Attributes[i]
		}
	}
	return nil
}
