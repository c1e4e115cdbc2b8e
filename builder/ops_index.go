package builder

import (
	"fmt"

	"espalier/onnx"
	"espalier/tensor"
)

// Gather returns slices of data along the axis: the axis is replaced by the
// dimensions of the indices, which must lie within it. They are int64, or int32
// where no gradient goes through.
func (g *Graph) Gather(data, indices *Value, a int64) *Value {
	in := []*Value{data, indices}
	if !g.check("Gather", in...) {
		return g.invalid
	}
	i, err := axis(a, data.Rank())
	if err == nil && indices.dtype != tensor.Int64 && indices.dtype != tensor.Int32 {
		err = fmt.Errorf("indices are %v, not int64 or int32", indices.dtype)
	}
	if err != nil {
		return g.fail("Gather", in, err)
	}
	shape := append(Shape{}, data.shape[:i]...)
	shape = append(shape, indices.shape...)
	shape = append(shape, data.shape[i+1:]...)
	return g.add1("Gather", in, data.dtype, shape, onnx.IntAttr("axis", int64(i)))
}

// GatherElements returns, for each element of the int64 indices, the element
// of data at the same place but for the axis, where the index says. Indices
// have data's shape except along the axis.
func (g *Graph) GatherElements(data, indices *Value, a int64) *Value {
	in := []*Value{data, indices}
	if !g.check("GatherElements", in...) {
		return g.invalid
	}
	i, err := axis(a, data.Rank())
	if err == nil {
		err = elementIndices(data, indices, i)
	}
	if err != nil {
		return g.fail("GatherElements", in, err)
	}
	return g.add1("GatherElements", in, data.dtype, indices.shape, onnx.IntAttr("axis", int64(i)))
}

func elementIndices(data, indices *Value, a int) error {
	if indices.dtype != tensor.Int64 {
		return fmt.Errorf("indices are %v, not int64", indices.dtype)
	}
	if indices.Rank() != data.Rank() {
		return fmt.Errorf("data and indices have ranks %d and %d", data.Rank(), indices.Rank())
	}
	for i, d := range data.shape {
		if i != a && indices.shape[i] != d {
			return fmt.Errorf("indices %v do not fit data %v outside axis %d", indices.shape, data.shape, a)
		}
	}
	return nil
}

// ScatterElements returns data with updates added at the places the indices
// name along the axis, the inverse of GatherElements. Where add is false the
// updates replace and no place may be named twice.
func (g *Graph) ScatterElements(data, indices, updates *Value, a int64, add bool) *Value {
	in := []*Value{data, indices, updates}
	if !g.check("ScatterElements", in...) {
		return g.invalid
	}
	i, err := axis(a, data.Rank())
	if err == nil && (!updates.shape.Equal(indices.shape) || updates.dtype != data.dtype || indices.dtype != tensor.Int64 || indices.Rank() != data.Rank()) {
		err = fmt.Errorf("needs int64 indices and updates of one shape, and updates of data's type")
	}
	if err != nil {
		return g.fail("ScatterElements", in, err)
	}
	attrs := []onnx.Attribute{onnx.IntAttr("axis", int64(i))}
	if add {
		attrs = append(attrs, onnx.StringAttr("reduction", "add"))
	}
	return g.add1("ScatterElements", in, data.dtype, data.shape, attrs...)
}
