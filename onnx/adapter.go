package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/tensor"
)

// Adapter is ONNX Runtime's file of low-rank adapters (.onnx_adapter): values for inputs
// of a graph that are also initialisers, by name. ONNX Runtime puts those of a run's
// active adapters in the place of the initialisers.
//
// The file is a flatbuffer of ONNX Runtime's adapter_schema.fbs:
//
//	table Parameter { name: string; dims: [int64]; data_type: int32; raw_data: [uint8]; }
//	table Adapter { format_version: int; adapter_version: int; model_version: int; parameters: [Parameter]; }
//
// with the identifier TORT.
type Adapter struct {
	// Version and ModelVersion are the user's.
	Version, ModelVersion int32
	Parameters            []*Tensor
}

const (
	adapterIdentifier = "TORT"
	adapterFormat     = 1
	// adapterAlignment is that of each parameter's elements.
	adapterAlignment = 16
)

// EncodeAdapter returns an adapter as a file. The same adapter gives the same bytes.
func EncodeAdapter(a *Adapter) ([]byte, error) {
	size := 64
	for _, t := range a.Parameters {
		if n, err := tensor.Shape(t.Dims).Elements(); err != nil || t.DType.Size() == 0 || n*t.DType.Size() != len(t.Raw) {
			return nil, fmt.Errorf("onnx: parameter %q of an adapter is %v%v with %d bytes", t.Name, t.DType, t.Dims, len(t.Raw))
		}
		size += len(t.Raw) + len(t.Name) + 8*len(t.Dims) + 96
	}
	if size > math.MaxInt32 {
		return nil, fmt.Errorf("onnx: an adapter of %d bytes is more than a flatbuffer of 2 GiB holds", size)
	}
	w := &flat{buf: make([]byte, 0, size)}
	// Offsets of a flatbuffer count forwards, so that what is referred to stands
	// behind what refers to it.
	root := w.offset()
	w.buf = append(w.buf, adapterIdentifier...)
	w.refer(root, w.table(4, 4, 4, 4))
	w.u32(adapterFormat)
	w.u32(uint32(a.Version))
	w.u32(uint32(a.ModelVersion))
	list := w.offset()
	w.align(4, 0)
	w.refer(list, len(w.buf))
	w.u32(uint32(len(a.Parameters)))
	each := make([]int, len(a.Parameters))
	for i := range each {
		each[i] = w.offset()
	}
	for i, t := range a.Parameters {
		w.refer(each[i], w.table(4, 4, 4, 4))
		name, dims := w.offset(), w.offset()
		w.u32(uint32(t.DType))
		data := w.offset()
		w.align(4, 0)
		w.refer(name, len(w.buf))
		w.u32(uint32(len(t.Name)))
		w.buf = append(append(w.buf, t.Name...), 0)
		w.align(8, 4)
		w.refer(dims, len(w.buf))
		w.u32(uint32(len(t.Dims)))
		for _, d := range t.Dims {
			w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(d))
		}
		w.align(adapterAlignment, 4)
		w.refer(data, len(w.buf))
		w.u32(uint32(len(t.Raw)))
		w.buf = append(w.buf, t.Raw...)
	}
	return w.buf, nil
}

// flat appends to a flatbuffer.
type flat struct{ buf []byte }

func (w *flat) u32(v uint32) { w.buf = binary.LittleEndian.AppendUint32(w.buf, v) }

// align pads so that what comes behind so many more bytes stands at a multiple.
func (w *flat) align(to, behind int) {
	for (len(w.buf)+behind)%to != 0 {
		w.buf = append(w.buf, 0)
	}
}

// offset leaves room for an offset, and refer writes it.
func (w *flat) offset() int {
	w.u32(0)
	return len(w.buf) - 4
}

func (w *flat) refer(at, to int) {
	binary.LittleEndian.PutUint32(w.buf[at:], uint32(to-at))
}

// table begins a table of fields of these sizes, which the caller writes next, and
// returns where it is. Its list of fields stands in front of it.
func (w *flat) table(fields ...int) int {
	size := 4
	for _, n := range fields {
		size += n
	}
	length := 4 + 2*len(fields)
	w.align(4, length)
	w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(length))
	w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(size))
	at := 4
	for _, n := range fields {
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(at))
		at += n
	}
	w.u32(uint32(length))
	return len(w.buf) - 4
}

// errAdapter says that bytes are not a file of adapters.
var errAdapter = errors.New("onnx: not an ONNX Runtime adapter, or a damaged one")

// DecodeAdapter reads a file of adapters. Parameters share memory with data.
func DecodeAdapter(data []byte) (*Adapter, error) {
	r := flatReader{data: data}
	if len(data) < 8 || len(data) > math.MaxInt32 || string(data[4:8]) != adapterIdentifier {
		return nil, errAdapter
	}
	root := r.follow(0)
	if v := r.scalar(root, 0); r.bad || v != adapterFormat {
		if r.bad {
			return nil, errAdapter
		}
		return nil, fmt.Errorf("onnx: the adapter has version %d of its format; version %d is read", v, adapterFormat)
	}
	a := &Adapter{Version: int32(r.scalar(root, 1)), ModelVersion: int32(r.scalar(root, 2))}
	list, n := r.vector(root, 3, 4)
	seen := map[string]bool{}
	for i := range n {
		p := r.follow(list + 4*i)
		t := &Tensor{DType: tensor.DType(r.scalar(p, 2))}
		at, length := r.vector(p, 0, 1)
		t.Name = string(r.bytes(at, length))
		at, length = r.vector(p, 1, 8)
		for dims := r.bytes(at, 8*length); len(dims) > 0; dims = dims[8:] {
			t.Dims = append(t.Dims, int64(binary.LittleEndian.Uint64(dims)))
		}
		at, length = r.vector(p, 3, 1)
		t.Raw = r.bytes(at, length)
		if r.bad {
			return nil, errAdapter
		}
		if elements, err := tensor.Shape(t.Dims).Elements(); err != nil || t.DType.Size() == 0 || elements != len(t.Raw)/t.DType.Size() || len(t.Raw)%t.DType.Size() != 0 {
			return nil, fmt.Errorf("onnx: parameter %q of the adapter is %v%v with %d bytes", t.Name, t.DType, t.Dims, len(t.Raw))
		}
		if seen[t.Name] {
			return nil, fmt.Errorf("onnx: parameter %q of the adapter stands twice", t.Name)
		}
		seen[t.Name] = true
		a.Parameters = append(a.Parameters, t)
	}
	if r.bad {
		return nil, errAdapter
	}
	return a, nil
}

// flatReader reads a flatbuffer. What would lie outside of it makes it bad, and reads as 0.
type flatReader struct {
	data []byte
	bad  bool
}

func (r *flatReader) bytes(at, n int) []byte {
	if r.bad || at < 0 || n < 0 || at > len(r.data) || n > len(r.data)-at {
		r.bad = true
		return nil
	}
	return r.data[at : at+n : at+n]
}

func (r *flatReader) u32(at int) uint32 {
	b := r.bytes(at, 4)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

// follow returns where the offset at a place leads.
func (r *flatReader) follow(at int) int { return at + int(r.u32(at)) }

// field returns where a field of a table is, 0 where the table does not have it.
func (r *flatReader) field(table, i int) int {
	fields := table - int(int32(r.u32(table)))
	length := r.bytes(fields, 2)
	if length == nil || 4+2*i+2 > int(binary.LittleEndian.Uint16(length)) {
		return 0
	}
	at := r.bytes(fields+4+2*i, 2)
	if at == nil || binary.LittleEndian.Uint16(at) == 0 {
		return 0
	}
	return table + int(binary.LittleEndian.Uint16(at))
}

func (r *flatReader) scalar(table, i int) uint32 {
	if at := r.field(table, i); at != 0 {
		return r.u32(at)
	}
	return 0
}

// vector returns where the elements of a field begin and how many there are.
func (r *flatReader) vector(table, i, size int) (at, n int) {
	field := r.field(table, i)
	if field == 0 {
		return 0, 0
	}
	at = r.follow(field)
	n = int(r.u32(at))
	if r.bad || n > (len(r.data)-at-4)/size {
		r.bad = true
		return 0, 0
	}
	return at + 4, n
}

// WithAdapters returns the model with the parameters of adapters in the place of the
// initialisers of their names, which cannot be replaced any more; m stays as it is.
// Tensors are shared. It fails for an adapter with a parameter that is no such
// initialiser of the model: it belongs to another.
func WithAdapters(m *Model, adapters ...*Adapter) (*Model, error) {
	part, graph := *m, *m.Graph
	part.Graph = &graph
	graph.Inputs, graph.Initializers = slices.Clone(graph.Inputs), slices.Clone(graph.Initializers)
	for _, a := range adapters {
		for _, p := range a.Parameters {
			i := slices.IndexFunc(graph.Initializers, func(t *Tensor) bool { return t.Name == p.Name })
			in := slices.IndexFunc(graph.Inputs, func(v ValueInfo) bool { return v.Name == p.Name })
			if i < 0 || in < 0 {
				return nil, fmt.Errorf("onnx: the adapter has a parameter %q, which this model does not have; it belongs to another model, or the model was exported with its adapters merged, or two adapters have the same parameter", p.Name)
			}
			if v := graph.Inputs[in]; v.DType != p.DType || !fitsShape(v, p.Dims) {
				return nil, fmt.Errorf("onnx: parameter %q of the adapter is %v%v, the model has %v%s for it; the adapter belongs to another model", p.Name, p.DType, p.Dims, v.DType, shapeText(v.Shape))
			}
			graph.Initializers[i] = p
			graph.Inputs = slices.Delete(graph.Inputs, in, in+1)
		}
	}
	return &part, nil
}

// ReadAdapters is [WithAdapters] of files.
func ReadAdapters(m *Model, paths ...string) (*Model, error) {
	var adapters []*Adapter
	for _, path := range paths {
		data, err := ReadFile(path)
		if err != nil {
			return nil, err
		}
		a, err := DecodeAdapter(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		adapters = append(adapters, a)
	}
	return WithAdapters(m, adapters...)
}

func fitsShape(v ValueInfo, dims []int64) bool {
	if !v.HasShape {
		return true
	}
	return slices.EqualFunc(v.Shape, dims, func(d Dim, n int64) bool { return !d.Known || d.Size == n })
}

func shapeText(shape []Dim) string {
	texts := make([]string, len(shape))
	for i, d := range shape {
		texts[i] = "?"
		if d.Known {
			texts[i] = fmt.Sprint(d.Size)
		}
	}
	return "[" + strings.Join(texts, " ") + "]"
}
