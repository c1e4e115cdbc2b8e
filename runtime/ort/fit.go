//go:build cgo

package ort

import (
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"espalier/runtime"
	"espalier/tensor"
)

// find returns the declaration of a name.
func (p *ports) find(kind, name string) (*runtime.ValueInfo, error) {
	if i, ok := p.index[name]; ok {
		return &p.list[i], nil
	}
	var names []string
	for _, v := range p.list {
		names = append(names, v.Name)
	}
	return nil, fmt.Errorf("%w: no %s %q; the model has %s", runtime.ErrInput, kind, name, strings.Join(names, ", "))
}

// fits compares a tensor with the declaration of an input or output.
func fits(kind string, info *runtime.ValueInfo, t *tensor.Tensor) error {
	if t.DType() != info.DType {
		return fmt.Errorf("%w: %s %q is %v, the model has %v there", runtime.ErrInput, kind, info.Name, t.DType(), info.DType)
	}
	if info.Shape == nil {
		return nil
	}
	ok := len(info.Shape) == t.Rank()
	for i := 0; ok && i < t.Rank(); i++ {
		ok = info.Shape[i].Size < 0 || info.Shape[i].Size == t.Shape()[i]
	}
	if !ok {
		return fmt.Errorf("%w: %s %q has shape %v, the model has %s there", runtime.ErrInput, kind, info.Name, t.Shape(),
			formatDims(info.Shape))
	}
	return nil
}

// formatDims writes a declared shape as [batch,128].
func formatDims(dims []runtime.Dim) string {
	parts := make([]string, len(dims))
	for i, d := range dims {
		switch {
		case d.Size >= 0:
			parts[i] = strconv.FormatInt(d.Size, 10)
		case d.Name != "":
			parts[i] = d.Name
		default:
			parts[i] = "?"
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// span is the memory of a tensor's elements.
type span struct {
	start unsafe.Pointer
	size  int // bytes; 0 for strings, which native code never sees in place
}

func (s span) overlaps(t span) bool {
	return s.size > 0 && t.size > 0 &&
		uintptr(s.start) < uintptr(t.start)+uintptr(t.size) &&
		uintptr(t.start) < uintptr(s.start)+uintptr(s.size)
}

func spanOf(t *tensor.Tensor) span {
	switch d := t.Any().(type) {
	case []float32:
		return memory(d)
	case []float64:
		return memory(d)
	case []int8:
		return memory(d)
	case []int16:
		return memory(d)
	case []int32:
		return memory(d)
	case []int64:
		return memory(d)
	case []uint8:
		return memory(d)
	case []uint16:
		return memory(d)
	case []uint32:
		return memory(d)
	case []uint64:
		return memory(d)
	case []bool:
		return memory(d)
	}
	return span{}
}

func memory[T tensor.Element](data []T) span {
	var zero T
	return span{start: unsafe.Pointer(unsafe.SliceData(data)), size: len(data) * int(unsafe.Sizeof(zero))}
}
