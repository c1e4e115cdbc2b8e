package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"espalier/tensor"
)

// TensorOf copies a tensor into a message.
func TensorOf(name string, t *tensor.Tensor) *Tensor {
	m := &Tensor{Name: name, DType: t.DType(), Dims: append([]int64(nil), t.Shape()...)}
	le := binary.LittleEndian
	m.Raw = make([]byte, 0, t.Len()*t.DType().Size())
	switch d := t.Any().(type) {
	case []float32:
		for _, x := range d {
			m.Raw = le.AppendUint32(m.Raw, math.Float32bits(x))
		}
	case []float64:
		for _, x := range d {
			m.Raw = le.AppendUint64(m.Raw, math.Float64bits(x))
		}
	case []int8:
		for _, x := range d {
			m.Raw = append(m.Raw, byte(x))
		}
	case []uint8:
		m.Raw = append(m.Raw, d...)
	case []int16:
		for _, x := range d {
			m.Raw = le.AppendUint16(m.Raw, uint16(x))
		}
	case []uint16: // float16 and bfloat16, too
		for _, x := range d {
			m.Raw = le.AppendUint16(m.Raw, x)
		}
	case []int32:
		for _, x := range d {
			m.Raw = le.AppendUint32(m.Raw, uint32(x))
		}
	case []uint32:
		for _, x := range d {
			m.Raw = le.AppendUint32(m.Raw, x)
		}
	case []int64:
		for _, x := range d {
			m.Raw = le.AppendUint64(m.Raw, uint64(x))
		}
	case []uint64:
		for _, x := range d {
			m.Raw = le.AppendUint64(m.Raw, x)
		}
	case []bool:
		for _, x := range d {
			b := byte(0)
			if x {
				b = 1
			}
			m.Raw = append(m.Raw, b)
		}
	case []string:
		m.Raw = nil
		for _, s := range d {
			m.Strings = append(m.Strings, []byte(s))
		}
	}
	return m
}

// Value copies the message's elements into a tensor. It fails when the
// elements are in another file, when their number is not what the dimensions
// say, or when their type has no Go form.
func (m *Tensor) Value() (*tensor.Tensor, error) {
	if len(m.External) > 0 {
		return nil, fmt.Errorf("tensor %q keeps its elements in another file", m.Name)
	}
	n, err := tensor.Shape(m.Dims).Elements()
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", m.Name, err)
	}
	if err := m.checkLength(n); err != nil {
		return nil, err
	}
	t, err := tensor.New(m.DType, m.Dims...)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", m.Name, err)
	}
	m.fill(t)
	return t, nil
}

// checkLength compares the elements that are there with the number the
// dimensions ask for, before anything is allocated.
func (m *Tensor) checkLength(n int) error {
	if m.DType == tensor.String {
		if len(m.Strings) != n {
			return fmt.Errorf("tensor %q has %d strings, its dimensions %v ask for %d", m.Name, len(m.Strings), m.Dims, n)
		}
		return nil
	}
	size := m.DType.Size()
	if size == 0 {
		return fmt.Errorf("tensor %q has element type %v, which has no Go form", m.Name, m.DType)
	}
	if len(m.Raw)%size != 0 || len(m.Raw)/size != n {
		return fmt.Errorf("tensor %q has %d bytes of %v, its dimensions %v ask for %d elements", m.Name, len(m.Raw), m.DType, m.Dims, n)
	}
	return nil
}

func (m *Tensor) fill(t *tensor.Tensor) {
	le := binary.LittleEndian
	switch d := t.Any().(type) {
	case []float32:
		for i := range d {
			d[i] = math.Float32frombits(le.Uint32(m.Raw[4*i:]))
		}
	case []float64:
		for i := range d {
			d[i] = math.Float64frombits(le.Uint64(m.Raw[8*i:]))
		}
	case []int8:
		for i := range d {
			d[i] = int8(m.Raw[i])
		}
	case []uint8:
		copy(d, m.Raw)
	case []int16:
		for i := range d {
			d[i] = int16(le.Uint16(m.Raw[2*i:]))
		}
	case []uint16:
		for i := range d {
			d[i] = le.Uint16(m.Raw[2*i:])
		}
	case []int32:
		for i := range d {
			d[i] = int32(le.Uint32(m.Raw[4*i:]))
		}
	case []uint32:
		for i := range d {
			d[i] = le.Uint32(m.Raw[4*i:])
		}
	case []int64:
		for i := range d {
			d[i] = int64(le.Uint64(m.Raw[8*i:]))
		}
	case []uint64:
		for i := range d {
			d[i] = le.Uint64(m.Raw[8*i:])
		}
	case []bool:
		for i := range d {
			d[i] = m.Raw[i] != 0
		}
	case []string:
		for i := range d {
			d[i] = string(m.Strings[i])
		}
	}
}
