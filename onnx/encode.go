package onnx

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Encode returns the model as the bytes of an .onnx file. Fields stand in the
// order of their numbers and defaults are left out, so the same model always
// gives the same bytes.
func Encode(m *Model) ([]byte, error) {
	if m == nil || m.Graph == nil {
		return nil, fmt.Errorf("onnx: a model without a graph cannot be encoded")
	}
	w := &writer{}
	w.model(m)
	if len(w.buf) > math.MaxInt32 {
		return nil, fmt.Errorf("onnx: the model has %d bytes, a protobuf message ends at %d; keep tensors in external data", len(w.buf), math.MaxInt32)
	}
	return w.buf, nil
}

// writer appends fields to a buffer.
type writer struct{ buf []byte }

func (w *writer) varint(num protowire.Number, v int64) {
	if v != 0 {
		w.always(num, v)
	}
}

// always writes an integer even when it is 0, as fields of a oneof need.
func (w *writer) always(num protowire.Number, v int64) {
	w.buf = protowire.AppendTag(w.buf, num, protowire.VarintType)
	w.buf = protowire.AppendVarint(w.buf, uint64(v))
}

func (w *writer) str(num protowire.Number, v string) {
	if v != "" {
		w.element(num, v)
	}
}

// element writes a string even when it is empty, as elements of lists need.
func (w *writer) element(num protowire.Number, v string) {
	w.buf = protowire.AppendTag(w.buf, num, protowire.BytesType)
	w.buf = protowire.AppendString(w.buf, v)
}

func (w *writer) bytes(num protowire.Number, v []byte) {
	w.buf = protowire.AppendTag(w.buf, num, protowire.BytesType)
	w.buf = protowire.AppendBytes(w.buf, v)
}

// ints writes a packed list of integers.
func (w *writer) ints(num protowire.Number, vs []int64) {
	if len(vs) == 0 {
		return
	}
	w.message(num, func(w *writer) {
		for _, v := range vs {
			w.buf = protowire.AppendVarint(w.buf, uint64(v))
		}
	})
}

func (w *writer) floats(num protowire.Number, vs []float32) {
	if len(vs) == 0 {
		return
	}
	w.message(num, func(w *writer) {
		for _, v := range vs {
			w.buf = protowire.AppendFixed32(w.buf, math.Float32bits(v))
		}
	})
}

// message writes what body appends, behind its length.
func (w *writer) message(num protowire.Number, body func(*writer)) {
	inner := &writer{}
	body(inner)
	w.bytes(num, inner.buf)
}

func (w *writer) pairs(num protowire.Number, pairs []StringPair) {
	for _, p := range pairs {
		w.message(num, func(w *writer) {
			w.str(1, p.Key)
			w.str(2, p.Value)
		})
	}
}

func (w *writer) opsets(num protowire.Number, ids []OperatorSetID) {
	for _, id := range ids {
		w.message(num, func(w *writer) {
			w.str(1, id.Domain)
			w.varint(2, id.Version)
		})
	}
}

func (w *writer) strings(num protowire.Number, vs []string) {
	for _, v := range vs {
		w.element(num, v)
	}
}

func (w *writer) model(m *Model) {
	w.varint(1, m.IRVersion)
	w.str(2, m.ProducerName)
	w.str(3, m.ProducerVersion)
	w.str(4, m.Domain)
	w.varint(5, m.ModelVersion)
	w.str(6, m.Doc)
	w.message(7, func(w *writer) { w.graph(m.Graph) })
	w.opsets(8, m.OpsetImports)
	w.pairs(14, m.Metadata)
	for i := range m.Functions {
		w.message(25, func(w *writer) { w.function(&m.Functions[i]) })
	}
}

func (w *writer) function(f *Function) {
	w.str(1, f.Name)
	w.strings(4, f.Inputs)
	w.strings(5, f.Outputs)
	w.strings(6, f.AttributeNames)
	for _, n := range f.Nodes {
		w.message(7, func(w *writer) { w.node(n) })
	}
	w.str(8, f.Doc)
	w.opsets(9, f.OpsetImports)
	w.str(10, f.Domain)
	for i := range f.Attributes {
		w.message(11, func(w *writer) { w.attribute(&f.Attributes[i]) })
	}
}

func (w *writer) graph(g *Graph) {
	for _, n := range g.Nodes {
		w.message(1, func(w *writer) { w.node(n) })
	}
	w.str(2, g.Name)
	for _, t := range g.Initializers {
		w.message(5, func(w *writer) { w.tensor(t) })
	}
	w.str(10, g.Doc)
	for i, infos := range [][]ValueInfo{g.Inputs, g.Outputs, g.ValueInfos} {
		for j := range infos {
			w.message(protowire.Number(11+i), func(w *writer) { w.valueInfo(&infos[j]) })
		}
	}
}

func (w *writer) node(n *Node) {
	w.strings(1, n.Inputs)
	w.strings(2, n.Outputs)
	w.str(3, n.Name)
	w.str(4, n.OpType)
	for i := range n.Attributes {
		w.message(5, func(w *writer) { w.attribute(&n.Attributes[i]) })
	}
	w.str(6, n.Doc)
	w.str(7, n.Domain)
}

func (w *writer) attribute(a *Attribute) {
	w.str(1, a.Name)
	if a.Ref == "" {
		w.attributeValue(a)
	}
	w.varint(20, int64(a.Type))
	w.str(21, a.Ref)
}

func (w *writer) attributeValue(a *Attribute) {
	switch a.Type {
	case AttrFloat:
		w.buf = protowire.AppendTag(w.buf, 2, protowire.Fixed32Type)
		w.buf = protowire.AppendFixed32(w.buf, math.Float32bits(a.Float))
	case AttrInt:
		w.always(3, a.Int)
	case AttrString:
		w.bytes(4, a.String)
	case AttrTensor:
		w.message(5, func(w *writer) { w.tensor(a.Tensor) })
	case AttrGraph:
		w.message(6, func(w *writer) { w.graph(a.Graph) })
	case AttrFloats:
		w.floats(7, a.Floats)
	case AttrInts:
		w.ints(8, a.Ints)
	case AttrStrings:
		for _, s := range a.Strings {
			w.bytes(9, s)
		}
	case AttrTensors:
		for _, t := range a.Tensors {
			w.message(10, func(w *writer) { w.tensor(t) })
		}
	case AttrGraphs:
		for _, g := range a.Graphs {
			w.message(11, func(w *writer) { w.graph(g) })
		}
	}
}

func (w *writer) tensor(t *Tensor) {
	w.ints(1, t.Dims)
	w.varint(2, int64(t.DType))
	for _, s := range t.Strings {
		w.bytes(6, s)
	}
	w.str(8, t.Name)
	if len(t.Raw) > 0 || (len(t.Strings) == 0 && len(t.External) == 0) {
		w.bytes(9, t.Raw)
	}
	w.str(12, t.Doc)
	w.pairs(13, t.External)
	if len(t.External) > 0 {
		w.varint(14, 1)
	}
}

func (w *writer) valueInfo(v *ValueInfo) {
	w.str(1, v.Name)
	if v.Kind == "" || v.Kind == "tensor" {
		w.message(2, func(w *writer) { w.message(1, func(w *writer) { w.tensorType(v) }) })
	}
	w.str(3, v.Doc)
}

func (w *writer) tensorType(v *ValueInfo) {
	w.varint(1, int64(v.DType))
	if !v.HasShape {
		return
	}
	w.message(2, func(w *writer) {
		for _, d := range v.Shape {
			w.message(1, func(w *writer) {
				switch {
				case d.Known:
					w.always(1, d.Size)
				case d.Name != "":
					w.str(2, d.Name)
				}
			})
		}
	})
}
