package builder

import (
	"fmt"
	"slices"

	"espalier/onnx"
	"espalier/tensor"
)

// reduced returns the axes as sorted, non-negative numbers and the shape that
// is left.
func reduced(x *Value, keep bool, axes []int64) ([]int64, Shape, error) {
	if len(axes) == 0 {
		return nil, nil, fmt.Errorf("names no axis to reduce")
	}
	var sorted []int64
	for _, a := range axes {
		i, err := axis(a, x.Rank())
		if err != nil {
			return nil, nil, err
		}
		if slices.Contains(sorted, int64(i)) {
			return nil, nil, fmt.Errorf("axis %d stands twice", i)
		}
		sorted = append(sorted, int64(i))
	}
	slices.Sort(sorted)
	var shape Shape
	for i, d := range x.shape {
		switch {
		case !slices.Contains(sorted, int64(i)):
			shape = append(shape, d)
		case keep:
			shape = append(shape, Fixed(1))
		}
	}
	return sorted, shape, nil
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (g *Graph) reduce(op string, x *Value, keep bool, axes []int64, axesAsInput bool) *Value {
	if !g.check(op, x) {
		return g.invalid
	}
	if !numeric(x.dtype) {
		return g.fail(op, []*Value{x}, fmt.Errorf("not defined for %v", x.dtype))
	}
	sorted, shape, err := reduced(x, keep, axes)
	if err != nil {
		return g.fail(op, []*Value{x}, err)
	}
	in, attrs := []*Value{x}, []onnx.Attribute{onnx.IntAttr("keepdims", boolInt(keep))}
	if axesAsInput {
		in = append(in, g.Ints(sorted...))
	} else {
		attrs = append([]onnx.Attribute{onnx.IntsAttr("axes", sorted)}, attrs...)
	}
	return g.add1(op, in, x.dtype, shape, attrs...)
}

// ReduceSum returns the sum over the axes; keep leaves them with size 1.
func (g *Graph) ReduceSum(x *Value, keep bool, axes ...int64) *Value {
	return g.reduce("ReduceSum", x, keep, axes, true)
}

// ReduceMean returns the mean over the axes.
func (g *Graph) ReduceMean(x *Value, keep bool, axes ...int64) *Value {
	return g.reduce("ReduceMean", x, keep, axes, false)
}

// ReduceMax returns the maximum over the axes.
func (g *Graph) ReduceMax(x *Value, keep bool, axes ...int64) *Value {
	return g.reduce("ReduceMax", x, keep, axes, false)
}

// SumAll returns the sum of all elements as a scalar.
func (g *Graph) SumAll(x *Value) *Value {
	if !g.check("SumAll", x) {
		return g.invalid
	}
	if x.Rank() == 0 {
		return x
	}
	axes := make([]int64, x.Rank())
	for i := range axes {
		axes[i] = int64(i)
	}
	return g.ReduceSum(x, false, axes...)
}

// ArgMax returns the index of the first maximum along the axis as int64, the
// axis left out.
func (g *Graph) ArgMax(x *Value, a int64) *Value {
	if !g.check("ArgMax", x) {
		return g.invalid
	}
	sorted, shape, err := reduced(x, false, []int64{a})
	if err != nil {
		return g.fail("ArgMax", []*Value{x}, err)
	}
	return g.add1("ArgMax", []*Value{x}, tensor.Int64, shape, onnx.IntAttr("axis", sorted[0]), onnx.IntAttr("keepdims", 0))
}

// CumSum returns the running sum along the axis.
func (g *Graph) CumSum(x *Value, a int64, exclusive, reverse bool) *Value {
	if !g.check("CumSum", x) {
		return g.invalid
	}
	i, err := axis(a, x.Rank())
	if err != nil {
		return g.fail("CumSum", []*Value{x}, err)
	}
	in := []*Value{x, g.ScalarOf(tensor.Int64, float64(i))}
	return g.add1("CumSum", in, x.dtype, x.shape,
		onnx.IntAttr("exclusive", boolInt(exclusive)), onnx.IntAttr("reverse", boolInt(reverse)))
}
