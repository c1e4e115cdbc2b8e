// Package safetensors reads and writes tensors by name in the safetensors
// layout: eight bytes of little-endian header length, a JSON header that gives
// each tensor's type, shape and byte range, then the elements. Every framework
// reads such files, so a run's parameters can be looked at anywhere.
//
// [Write] and [Decode] take a whole file, as runs keep them. [OpenFolder] and
// [OpenFile] read what other tools saved: of any size, in one file or in shards,
// element by element as it is asked for, 16-bit floats too.
//
// The layout is described in the safetensors project's README; this package
// writes names in sorted order without gaps, so that the same tensors give the
// same bytes.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"

	"espalier/tensor"
)

// File is the content of a file. Metadata is free text by key.
type File struct {
	// Tensors are float32, float64 or int64. Those of float16 and bfloat16 are written as
	// float32, of which each of their elements is one.
	Tensors  map[string]*tensor.Tensor
	Metadata map[string]string
}

// Write writes the file.
func Write(w io.Writer, f *File) error {
	names := make([]string, 0, len(f.Tensors))
	for name := range f.Tensors {
		names = append(names, name)
	}
	sort.Strings(names)
	header := map[string]any{}
	if len(f.Metadata) > 0 {
		header[metadataKey] = f.Metadata
	}
	var offset int64
	for _, name := range names {
		t := f.Tensors[name]
		dtype := t.DType()
		if dtype == tensor.Float16 || dtype == tensor.BFloat16 {
			dtype = tensor.Float32
		}
		kind, err := kindOf(dtype)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		size := int64(t.Len() * dtype.Size())
		header[name] = entry{kind, append([]int64{}, t.Shape()...), []int64{offset, offset + size}}
		offset += size
	}
	text, err := json.Marshal(header) // sorts keys
	if err != nil {
		return err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(len(text))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for _, name := range names {
		if err := writeElements(w, f.Tensors[name]); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
	}
	return nil
}

func kindOf(d tensor.DType) (string, error) {
	switch d {
	case tensor.Float32:
		return "F32", nil
	case tensor.Float64:
		return "F64", nil
	case tensor.Int64:
		return "I64", nil
	}
	return "", fmt.Errorf("type %v is not written to safetensors files", d)
}

func writeElements(w io.Writer, t *tensor.Tensor) error {
	const block = 1 << 14
	buf := make([]byte, 0, block*8)
	n := t.Len()
	for at := 0; at < n; at += block {
		end := min(at+block, n)
		buf = buf[:0]
		switch d := t.Any().(type) {
		case []float32:
			for _, x := range d[at:end] {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
			}
		case []uint16:
			value := tensor.FromFloat16
			if t.DType() == tensor.BFloat16 {
				value = tensor.FromBFloat16
			}
			for _, x := range d[at:end] {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(value(x)))
			}
		case []float64:
			for _, x := range d[at:end] {
				buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(x))
			}
		case []int64:
			for _, x := range d[at:end] {
				buf = binary.LittleEndian.AppendUint64(buf, uint64(x))
			}
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// Decode reads a file's bytes. It never allocates more than a small multiple
// of them.
func Decode(data []byte) (*File, error) {
	h, start, err := readHeader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	f := &File{Tensors: map[string]*tensor.Tensor{}, Metadata: h.metadata}
	for name, e := range h.tensors {
		t, err := e.decode(data[start:])
		if err != nil {
			return nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		f.Tensors[name] = t
	}
	return f, nil
}

func (e entry) decode(body []byte) (*tensor.Tensor, error) {
	kinds := []string{"F32", "F64", "I64"}
	i := slices.Index(kinds, e.DType)
	if i < 0 {
		return nil, fmt.Errorf("type %q is not one of %v", e.DType, kinds)
	}
	dtype := []tensor.DType{tensor.Float32, tensor.Float64, tensor.Int64}[i]
	t, err := tensor.New(dtype, e.Shape...)
	if err != nil {
		return nil, err
	}
	body = body[e.Offsets[0]:e.Offsets[1]]
	switch d := t.Any().(type) {
	case []float32:
		for i := range d {
			d[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
		}
	case []float64:
		for i := range d {
			d[i] = math.Float64frombits(binary.LittleEndian.Uint64(body[8*i:]))
		}
	case []int64:
		for i := range d {
			d[i] = int64(binary.LittleEndian.Uint64(body[8*i:]))
		}
	}
	return t, nil
}
