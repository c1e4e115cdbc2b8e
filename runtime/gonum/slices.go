package gonum

import "espalier/tensor"

// partOf returns a tensor that looks at n elements of t. The slice keeps its
// capacity: the first part of memory is known by it when it is taken back.
func partOf(t *tensor.Tensor, from, n int, shape tensor.Shape) (*tensor.Tensor, error) {
	switch d := t.Any().(type) {
	case []float32:
		return tensor.Of(d[from:from+n], shape...)
	case []float64:
		return tensor.Of(d[from:from+n], shape...)
	case []int8:
		return tensor.Of(d[from:from+n], shape...)
	case []int16:
		return tensor.Of(d[from:from+n], shape...)
	case []int32:
		return tensor.Of(d[from:from+n], shape...)
	case []int64:
		return tensor.Of(d[from:from+n], shape...)
	case []uint8:
		return tensor.Of(d[from:from+n], shape...)
	case []uint16:
		if t.DType() != tensor.Uint16 {
			return tensor.Half(t.DType(), d[from:from+n], shape...)
		}
		return tensor.Of(d[from:from+n], shape...)
	case []uint32:
		return tensor.Of(d[from:from+n], shape...)
	case []uint64:
		return tensor.Of(d[from:from+n], shape...)
	case []bool:
		return tensor.Of(d[from:from+n], shape...)
	case []string:
		return tensor.Of(d[from:from+n], shape...)
	}
	return nil, refuse(t)
}

// sliceOf returns slice i of t along its first axis, which looks into t.
func sliceOf(t *tensor.Tensor, i int, shape tensor.Shape) (*tensor.Tensor, error) {
	n, err := shape.Elements()
	if err != nil {
		return nil, err
	}
	return partOf(t, i*n, n, shape)
}

// firstOf returns the first n slices of t along its first axis.
func firstOf(t *tensor.Tensor, n int64) (*tensor.Tensor, error) {
	shape := append(tensor.Shape{n}, t.Shape()[1:]...)
	count, err := shape.Elements()
	if err != nil {
		return nil, err
	}
	return partOf(t, 0, count, shape)
}

// copyElements writes all elements of src into dst, from one of dst's on.
func copyElements(dst *tensor.Tensor, at int, src *tensor.Tensor) error {
	switch d := src.Any().(type) {
	case []float32:
		copyFrom(dst, at, d)
	case []float64:
		copyFrom(dst, at, d)
	case []int8:
		copyFrom(dst, at, d)
	case []int16:
		copyFrom(dst, at, d)
	case []int32:
		copyFrom(dst, at, d)
	case []int64:
		copyFrom(dst, at, d)
	case []uint8:
		copyFrom(dst, at, d)
	case []uint16:
		copyFrom(dst, at, d)
	case []uint32:
		copyFrom(dst, at, d)
	case []uint64:
		copyFrom(dst, at, d)
	case []bool:
		copyFrom(dst, at, d)
	case []string:
		copyFrom(dst, at, d)
	default:
		return refuse(src)
	}
	return nil
}

func copyFrom[T any](dst *tensor.Tensor, at int, d []T) { copy(dst.Any().([]T)[at:at+len(d)], d) }
