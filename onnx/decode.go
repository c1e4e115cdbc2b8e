package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"espalier/tensor"
)

// Limits bound what Decode accepts. Zero fields take the defaults in the
// comments.
type Limits struct {
	Bytes int // size of the file; 2 GiB, protobuf's own limit
	Depth int // nesting of sub-graphs and other messages; 64
	Nodes int // nodes in all graphs together; 10,000,000
}

func (l Limits) withDefaults() Limits {
	set := func(x *int, def int) {
		if *x <= 0 {
			*x = def
		}
	}
	set(&l.Bytes, math.MaxInt32)
	set(&l.Depth, 64)
	set(&l.Nodes, 10_000_000)
	return l
}

// DecodeError says where in a file decoding stopped.
type DecodeError struct {
	Path   string // such as graph.node[3].attribute[1]
	Offset int    // in bytes from the start of the file
	Err    error
}

func (e *DecodeError) Error() string {
	path := e.Path
	if path == "" {
		path = "model"
	}
	return fmt.Sprintf("onnx: %s at byte %d: %v", path, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

// Decode reads the bytes of an .onnx file. Raw elements of tensors are slices
// of data, which must not change as long as the model is used. Memory stays
// within a small multiple of the input: nothing is allocated for a length that
// the file only claims. Fields that this package does not know are passed
// over.
func Decode(data []byte, limits Limits) (*Model, error) {
	d := &decoder{file: data, limits: limits.withDefaults()}
	if len(data) > d.limits.Bytes {
		return nil, &DecodeError{Err: fmt.Errorf("%d bytes are more than the limit of %d", len(data), d.limits.Bytes)}
	}
	m := &Model{}
	if err := d.model(frame{data: data}, m); err != nil {
		return nil, err
	}
	if m.Graph == nil {
		return nil, &DecodeError{Offset: len(data), Err: fmt.Errorf("there is no graph; the file is empty, truncated or not an ONNX model")}
	}
	return m, nil
}

// DecodeGraph reads the bytes of a GraphProto alone.
func DecodeGraph(data []byte, limits Limits) (*Graph, error) {
	d := &decoder{file: data, limits: limits.withDefaults()}
	g := &Graph{}
	return g, d.graph(frame{data: data, path: "graph"}, g)
}

type decoder struct {
	file   []byte
	limits Limits
	nodes  int
}

// frame is a message being read: its bytes, where they start in the file, and
// what it is called.
type frame struct {
	data  []byte
	base  int
	path  string
	depth int
}

// field is one field of a message.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	value uint64 // varint, fixed32, fixed64
	bytes []byte // length-delimited
	at    int    // offset of bytes in the file
}

func (d *decoder) fail(f frame, at int, format string, args ...any) error {
	return &DecodeError{Path: f.path, Offset: at, Err: fmt.Errorf(format, args...)}
}

// each calls do for every field of the message.
func (d *decoder) each(f frame, do func(field) error) error {
	if f.depth > d.limits.Depth {
		return d.fail(f, f.base, "messages are nested more than %d deep", d.limits.Depth)
	}
	for pos := 0; pos < len(f.data); {
		num, typ, n := protowire.ConsumeTag(f.data[pos:])
		if n < 0 {
			return d.fail(f, f.base+pos, "%w", protowire.ParseError(n))
		}
		start := pos
		pos += n
		fd := field{num: num, typ: typ}
		switch typ {
		case protowire.VarintType:
			fd.value, n = protowire.ConsumeVarint(f.data[pos:])
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(f.data[pos:])
			fd.value = uint64(v)
		case protowire.Fixed64Type:
			fd.value, n = protowire.ConsumeFixed64(f.data[pos:])
		case protowire.BytesType:
			fd.bytes, n = protowire.ConsumeBytes(f.data[pos:])
			fd.at = f.base + pos + n - len(fd.bytes)
		default:
			return d.fail(f, f.base+start, "field %d has wire type %d, which ONNX does not use", num, typ)
		}
		if n < 0 {
			return d.fail(f, f.base+start, "field %d: %w", num, protowire.ParseError(n))
		}
		pos += n
		if err := do(fd); err != nil {
			return err
		}
	}
	return nil
}

// sub is the frame of a message inside f.
func (f frame) sub(fd field, name string) frame {
	if f.path != "" {
		name = f.path + "." + name
	}
	return frame{data: fd.bytes, base: fd.at, path: name, depth: f.depth + 1}
}

func (f frame) item(fd field, name string, i int) frame {
	return f.sub(fd, fmt.Sprintf("%s[%d]", name, i))
}

// text reads a string field.
func (d *decoder) text(f frame, fd field, to *string) error {
	if fd.typ != protowire.BytesType {
		return d.fail(f, fd.at, "field %d is not a string", fd.num)
	}
	if !utf8.Valid(fd.bytes) {
		return d.fail(f, fd.at, "field %d is not valid UTF-8", fd.num)
	}
	*to = string(fd.bytes)
	return nil
}

func (d *decoder) texts(f frame, fd field, to *[]string) error {
	var s string
	err := d.text(f, fd, &s)
	*to = append(*to, s)
	return err
}

func (d *decoder) message(f frame, fd field) error {
	if fd.typ != protowire.BytesType {
		return d.fail(f, f.base, "field %d is not a message", fd.num)
	}
	return nil
}

// varints reads one integer or a packed list of them.
func (d *decoder) varints(f frame, fd field, to *[]int64) error {
	if fd.typ == protowire.VarintType {
		*to = append(*to, int64(fd.value))
		return nil
	}
	if err := d.message(f, fd); err != nil {
		return err
	}
	for b := fd.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return d.fail(f, fd.at, "field %d: %w", fd.num, protowire.ParseError(n))
		}
		*to = append(*to, int64(v))
		b = b[n:]
	}
	return nil
}

// fixed reads one fixed-size number or a packed list as little-endian bytes.
func (d *decoder) fixed(f frame, fd field, size int, to *[]byte) error {
	switch {
	case fd.typ == protowire.Fixed32Type && size == 4:
		*to = binary.LittleEndian.AppendUint32(*to, uint32(fd.value))
	case fd.typ == protowire.Fixed64Type && size == 8:
		*to = binary.LittleEndian.AppendUint64(*to, fd.value)
	case fd.typ == protowire.BytesType && len(fd.bytes)%size == 0:
		*to = append(*to, fd.bytes...)
	default:
		return d.fail(f, fd.at, "field %d is not a list of %d-byte numbers", fd.num, size)
	}
	return nil
}

func (d *decoder) model(f frame, m *Model) error {
	return d.each(f, func(fd field) error {
		switch fd.num {
		case 1:
			m.IRVersion = int64(fd.value)
		case 2:
			return d.text(f, fd, &m.ProducerName)
		case 3:
			return d.text(f, fd, &m.ProducerVersion)
		case 4:
			return d.text(f, fd, &m.Domain)
		case 5:
			m.ModelVersion = int64(fd.value)
		case 6:
			return d.text(f, fd, &m.Doc)
		case 7:
			if m.Graph == nil {
				m.Graph = &Graph{}
			}
			return d.graph(f.sub(fd, "graph"), m.Graph)
		case 8:
			return d.opset(f.item(fd, "opset_import", len(m.OpsetImports)), &m.OpsetImports)
		case 14:
			return d.pair(f.item(fd, "metadata_props", len(m.Metadata)), &m.Metadata)
		case 25:
			m.Functions = append(m.Functions, Function{})
			i := len(m.Functions) - 1
			return d.function(f.item(fd, "functions", i), &m.Functions[i])
		}
		return nil
	})
}

func (d *decoder) opset(f frame, to *[]OperatorSetID) error {
	var id OperatorSetID
	err := d.each(f, func(fd field) error {
		switch fd.num {
		case 1:
			return d.text(f, fd, &id.Domain)
		case 2:
			id.Version = int64(fd.value)
		}
		return nil
	})
	*to = append(*to, id)
	return err
}

func (d *decoder) pair(f frame, to *[]StringPair) error {
	var p StringPair
	err := d.each(f, func(fd field) error {
		switch fd.num {
		case 1:
			return d.text(f, fd, &p.Key)
		case 2:
			return d.text(f, fd, &p.Value)
		}
		return nil
	})
	*to = append(*to, p)
	return err
}

func (d *decoder) function(f frame, fn *Function) error {
	return d.each(f, func(fd field) error {
		switch fd.num {
		case 1:
			return d.text(f, fd, &fn.Name)
		case 4:
			return d.texts(f, fd, &fn.Inputs)
		case 5:
			return d.texts(f, fd, &fn.Outputs)
		case 6:
			return d.texts(f, fd, &fn.AttributeNames)
		case 7:
			return d.node(f.item(fd, "node", len(fn.Nodes)), &fn.Nodes)
		case 8:
			return d.text(f, fd, &fn.Doc)
		case 9:
			return d.opset(f.item(fd, "opset_import", len(fn.OpsetImports)), &fn.OpsetImports)
		case 10:
			return d.text(f, fd, &fn.Domain)
		case 11:
			return d.attribute(f.item(fd, "attribute_proto", len(fn.Attributes)), &fn.Attributes)
		}
		return nil
	})
}

func (d *decoder) graph(f frame, g *Graph) error {
	return d.each(f, func(fd field) error {
		switch fd.num {
		case 1:
			return d.node(f.item(fd, "node", len(g.Nodes)), &g.Nodes)
		case 2:
			return d.text(f, fd, &g.Name)
		case 5:
			t := &Tensor{}
			g.Initializers = append(g.Initializers, t)
			return d.tensor(f.item(fd, "initializer", len(g.Initializers)-1), t)
		case 10:
			return d.text(f, fd, &g.Doc)
		case 11:
			return d.valueInfo(f.item(fd, "input", len(g.Inputs)), &g.Inputs)
		case 12:
			return d.valueInfo(f.item(fd, "output", len(g.Outputs)), &g.Outputs)
		case 13:
			return d.valueInfo(f.item(fd, "value_info", len(g.ValueInfos)), &g.ValueInfos)
		case 15:
			return d.fail(f, fd.at, "sparse initializers are not supported")
		}
		return nil
	})
}

func (d *decoder) node(f frame, to *[]*Node) error {
	if d.nodes++; d.nodes > d.limits.Nodes {
		return d.fail(f, f.base, "there are more than %d nodes", d.limits.Nodes)
	}
	n := &Node{}
	*to = append(*to, n)
	return d.each(f, func(fd field) error {
		switch fd.num {
		case 1:
			return d.texts(f, fd, &n.Inputs)
		case 2:
			return d.texts(f, fd, &n.Outputs)
		case 3:
			return d.text(f, fd, &n.Name)
		case 4:
			return d.text(f, fd, &n.OpType)
		case 5:
			return d.attribute(f.item(fd, "attribute", len(n.Attributes)), &n.Attributes)
		case 6:
			return d.text(f, fd, &n.Doc)
		case 7:
			return d.text(f, fd, &n.Domain)
		}
		return nil
	})
}

func (d *decoder) attribute(f frame, to *[]Attribute) error {
	var a Attribute
	err := d.each(f, func(fd field) error {
		switch fd.num {
		case 1:
			return d.text(f, fd, &a.Name)
		case 2:
			a.Float = math.Float32frombits(uint32(fd.value))
		case 3:
			a.Int = int64(fd.value)
		case 4:
			a.String = fd.bytes
		case 5:
			a.Tensor = &Tensor{}
			return d.tensor(f.sub(fd, "t"), a.Tensor)
		case 6:
			a.Graph = &Graph{}
			return d.graph(f.sub(fd, "g"), a.Graph)
		case 7:
			var raw []byte
			if err := d.fixed(f, fd, 4, &raw); err != nil {
				return err
			}
			for i := 0; i < len(raw); i += 4 {
				a.Floats = append(a.Floats, math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
			}
		case 8:
			return d.varints(f, fd, &a.Ints)
		case 9:
			a.Strings = append(a.Strings, fd.bytes)
		case 10:
			t := &Tensor{}
			a.Tensors = append(a.Tensors, t)
			return d.tensor(f.item(fd, "tensors", len(a.Tensors)-1), t)
		case 11:
			g := &Graph{}
			a.Graphs = append(a.Graphs, g)
			return d.graph(f.item(fd, "graphs", len(a.Graphs)-1), g)
		case 20:
			a.Type = AttributeType(fd.value)
		case 21:
			return d.text(f, fd, &a.Ref)
		}
		return nil
	})
	if err == nil && a.Ref == "" {
		err = d.checkAttribute(f, &a)
	}
	*to = append(*to, a)
	return err
}

// checkAttribute refuses an attribute whose type promises a message that is
// not there, so that readers need not ask.
func (d *decoder) checkAttribute(f frame, a *Attribute) error {
	if a.Type == AttrTensor && a.Tensor == nil || a.Type == AttrGraph && a.Graph == nil {
		return d.fail(f, f.base, "attribute %q has type %d but no value", a.Name, a.Type)
	}
	return nil
}

func (d *decoder) tensor(f frame, t *Tensor) error {
	// Elements may come in a field of their own type. At most one is used.
	var typed []byte
	var ints []int64
	external := false
	err := d.each(f, func(fd field) error {
		switch fd.num {
		case 1:
			return d.varints(f, fd, &t.Dims)
		case 2:
			t.DType = tensor.DType(fd.value)
		case 3:
			return d.fail(f, fd.at, "segmented tensors are not supported")
		case 4:
			return d.fixed(f, fd, 4, &typed)
		case 5, 7, 11:
			return d.varints(f, fd, &ints)
		case 6:
			t.Strings = append(t.Strings, fd.bytes)
		case 8:
			return d.text(f, fd, &t.Name)
		case 9:
			t.Raw = fd.bytes
		case 10:
			return d.fixed(f, fd, 8, &typed)
		case 12:
			return d.text(f, fd, &t.Doc)
		case 13:
			return d.pair(f.item(fd, "external_data", len(t.External)), &t.External)
		case 14:
			external = fd.value == 1
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !external {
		t.External = nil
	}
	if len(t.Raw) == 0 {
		t.Raw = append(typed, packInts(ints, t.DType)...)
		if len(t.Raw) == 0 {
			t.Raw = nil
		}
	}
	return nil
}

// packInts turns elements of an integer field into bytes of the tensor's
// element type: int32_data carries every type of 32 bits or fewer.
func packInts(ints []int64, dtype tensor.DType) []byte {
	var raw []byte
	for _, v := range ints {
		switch dtype.Size() {
		case 1:
			raw = append(raw, byte(v))
		case 2:
			raw = binary.LittleEndian.AppendUint16(raw, uint16(v))
		case 8:
			raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
		case 4:
			raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
		default: // types this package has no name for are stored one to a byte
			raw = append(raw, byte(v))
		}
	}
	return raw
}

func (d *decoder) valueInfo(f frame, to *[]ValueInfo) error {
	v := ValueInfo{}
	err := d.each(f, func(fd field) error {
		switch fd.num {
		case 1:
			return d.text(f, fd, &v.Name)
		case 2:
			return d.typeProto(f.sub(fd, "type"), &v)
		case 3:
			return d.text(f, fd, &v.Doc)
		}
		return nil
	})
	*to = append(*to, v)
	return err
}

func (d *decoder) typeProto(f frame, v *ValueInfo) error {
	kinds := map[protowire.Number]string{1: "tensor", 4: "sequence", 5: "map", 8: "sparse_tensor", 9: "optional"}
	return d.each(f, func(fd field) error {
		kind := kinds[fd.num]
		if kind == "" {
			return nil
		}
		v.Kind = kind
		if kind != "tensor" {
			return nil
		}
		return d.tensorType(f.sub(fd, "tensor_type"), v)
	})
}

func (d *decoder) tensorType(f frame, v *ValueInfo) error {
	return d.each(f, func(fd field) error {
		switch fd.num {
		case 1:
			v.DType = tensor.DType(fd.value)
		case 2:
			v.HasShape = true
			v.Shape = []Dim{}
			shape := f.sub(fd, "shape")
			return d.each(shape, func(fd field) error {
				if fd.num != 1 {
					return nil
				}
				return d.dim(shape.item(fd, "dim", len(v.Shape)), v)
			})
		}
		return nil
	})
}

func (d *decoder) dim(f frame, v *ValueInfo) error {
	var dim Dim
	err := d.each(f, func(fd field) error {
		switch fd.num {
		case 1:
			dim = Dim{Size: int64(fd.value), Known: true}
		case 2:
			dim.Known, dim.Size = false, 0
			return d.text(f, fd, &dim.Name)
		}
		return nil
	})
	v.Shape = append(v.Shape, dim)
	return err
}
