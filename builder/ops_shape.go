package builder

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/onnx"
	"espalier/tensor"
)

// Size returns a dimension as an int64 vector of one element, computed from
// the graph's inputs where it is not an integer.
func (g *Graph) Size(d Dim) *Value {
	if g.err != nil {
		return g.invalid
	}
	if n, ok := d.Size(); ok {
		return g.Ints(n)
	}
	if v := g.sizes[d.String()]; v != nil {
		return v
	}
	v := g.size(d)
	if g.err == nil {
		g.sizes[d.String()] = v
	}
	return v
}

func (g *Graph) size(d Dim) *Value {
	if d.simple() {
		for _, in := range g.inputs {
			if i := slices.Index(in.shape, d); i >= 0 {
				return g.Gather(g.ShapeOf(in), g.Ints(int64(i)), 0)
			}
		}
		return g.fail("Size", nil, fmt.Errorf("no input has a dimension named %q", d.names))
	}
	v := g.Ints(d.coef)
	for i, name := range strings.Split(d.names, "*") {
		if n := g.Size(Named(name)); i == 0 && d.coef == 1 {
			v = n
		} else {
			v = g.Mul(v, n)
		}
	}
	if d.offset != 0 {
		v = g.Add(v, g.Ints(d.offset))
	}
	return v
}

// Sizes returns a shape as an int64 vector.
func (g *Graph) Sizes(s Shape) *Value {
	if sizes, ok := s.Sizes(); ok {
		return g.Ints(sizes...)
	}
	parts := make([]*Value, 0, len(s))
	var run []int64
	flush := func() {
		if len(run) > 0 {
			parts = append(parts, g.Ints(run...))
			run = nil
		}
	}
	for _, d := range s {
		if n, ok := d.Size(); ok {
			run = append(run, n)
			continue
		}
		flush()
		parts = append(parts, g.Size(d))
	}
	flush()
	if len(parts) == 1 {
		return parts[0]
	}
	return g.Concat(0, parts...)
}

// ShapeOf returns the sizes of x as an int64 vector.
func (g *Graph) ShapeOf(x *Value) *Value {
	if !g.check("Shape", x) {
		return g.invalid
	}
	return g.add1("Shape", []*Value{x}, tensor.Int64, Dims(int64(x.Rank())))
}

// Reshape returns the elements of x in another shape, which must provably have
// as many.
func (g *Graph) Reshape(x *Value, dims ...Dim) *Value {
	if !g.check("Reshape", x) {
		return g.invalid
	}
	to := append(Shape{}, dims...)
	if x.shape.Equal(to) {
		return x
	}
	from, err := x.shape.Product()
	if err == nil {
		var n Dim
		if n, err = to.Product(); err == nil && n != from {
			err = fmt.Errorf("%v has %v elements, %v has %v", x.shape, from, to, n)
		}
	}
	if err != nil {
		return g.fail("Reshape", []*Value{x}, err)
	}
	if target := reshapeTarget(x, to); target != nil {
		return g.add1("Reshape", []*Value{x, g.Ints(target...)}, x.dtype, to)
	}
	// A size that turns out to be 0 means 0, not the size x has there.
	return g.add1("Reshape", []*Value{x, g.Sizes(to)}, x.dtype, to, onnx.IntAttr("allowzero", 1))
}

// reshapeTarget spells the target with 0 (as in x) and -1 (what is left) where
// that is enough, so that no sizes are computed when the graph runs, and
// returns nil where it is not. A -1 does not stand beside another size that
// can be 0: what is left of an empty batch is 0/0.
func reshapeTarget(x *Value, to Shape) []int64 {
	target := make([]int64, len(to))
	left, copied := 0, 0
	for i, d := range to {
		n, ok := d.Size()
		switch {
		case ok && n != 0:
			target[i] = n
		case i < x.Rank() && x.shape[i] == d:
			copied++
		default:
			target[i] = -1
			left++
		}
	}
	if left == 0 || left == 1 && copied == 0 {
		return target
	}
	return nil
}

// Transpose returns x with its dimensions in the order perm names them.
func (g *Graph) Transpose(x *Value, perm ...int64) *Value {
	if !g.check("Transpose", x) {
		return g.invalid
	}
	seen := make([]bool, x.Rank())
	shape := make(Shape, x.Rank())
	ok := len(perm) == x.Rank()
	for i, p := range perm {
		if !ok || p < 0 || int(p) >= x.Rank() || seen[p] {
			return g.fail("Transpose", []*Value{x}, fmt.Errorf("%v is not an order of %d dimensions", perm, x.Rank()))
		}
		seen[p] = true
		shape[i] = x.shape[p]
	}
	if !ok {
		return g.fail("Transpose", []*Value{x}, fmt.Errorf("%v is not an order of %d dimensions", perm, x.Rank()))
	}
	return g.add1("Transpose", []*Value{x}, x.dtype, shape, onnx.IntsAttr("perm", perm))
}

// Concat joins values along the axis.
func (g *Graph) Concat(a int64, xs ...*Value) *Value {
	if !g.check("Concat", xs...) {
		return g.invalid
	}
	if len(xs) == 0 {
		return g.fail("Concat", nil, fmt.Errorf("joins nothing"))
	}
	i, err := axis(a, xs[0].Rank())
	if err != nil {
		return g.fail("Concat", xs, err)
	}
	shape := append(Shape{}, xs[0].shape...)
	for _, x := range xs[1:] {
		if x.Rank() != len(shape) || x.dtype != xs[0].dtype {
			return g.fail("Concat", xs, fmt.Errorf("operands differ in rank or type"))
		}
		for j := range shape {
			if j != i && x.shape[j] != shape[j] {
				return g.fail("Concat", xs, fmt.Errorf("operands differ in dimension %d: %v and %v", j, shape[j], x.shape[j]))
			}
		}
		if shape[i], err = sum(shape[i], x.shape[i]); err != nil {
			return g.fail("Concat", xs, err)
		}
	}
	return g.add1("Concat", xs, xs[0].dtype, shape, onnx.IntAttr("axis", int64(i)))
}

func sum(a, b Dim) (Dim, error) {
	switch {
	case b.names == "":
		return a.Plus(b.offset), nil
	case a.names == "":
		return b.Plus(a.offset), nil
	case a.names == b.names:
		return Dim{names: a.names, coef: a.coef + b.coef, offset: a.offset + b.offset}, nil
	}
	return Dim{}, fmt.Errorf("cannot express the sum of %v and %v", a, b)
}

// Split cuts x along the axis into parts of the given sizes, which must add up
// to the axis.
func (g *Graph) Split(x *Value, a int64, sizes ...int64) []*Value {
	bad := make([]*Value, len(sizes))
	for i := range bad {
		bad[i] = g.invalid
	}
	if !g.check("Split", x) {
		return bad
	}
	i, err := axis(a, x.Rank())
	var total int64
	results := make([]result, len(sizes))
	for j, n := range sizes {
		total += n
		shape := append(Shape{}, x.shape...)
		if err == nil {
			shape[i] = Fixed(n)
		}
		results[j] = result{x.dtype, shape}
	}
	if err == nil && !x.shape[i].Is(total) {
		err = fmt.Errorf("sizes %v add up to %d, axis %d is %v", sizes, total, i, x.shape[i])
	}
	if err != nil {
		g.fail("Split", []*Value{x}, err)
		return bad
	}
	// The caller may put other values into what it gets.
	return slices.Clone(g.add("Split", []*Value{x, g.Ints(sizes...)}, results, onnx.IntAttr("axis", int64(i))))
}

// Slice returns x[start : size-end] along the axis: start elements are dropped
// in front and end elements behind.
func (g *Graph) Slice(x *Value, a, start, end int64) *Value {
	if !g.check("Slice", x) {
		return g.invalid
	}
	i, err := axis(a, x.Rank())
	if err == nil && (start < 0 || end < 0) {
		err = fmt.Errorf("cannot drop %d elements in front and %d behind", start, end)
	}
	if err != nil {
		return g.fail("Slice", []*Value{x}, err)
	}
	shape := append(Shape{}, x.shape...)
	shape[i] = shape[i].Plus(-start - end)
	if n, ok := shape[i].Size(); ok && n < 0 {
		return g.fail("Slice", []*Value{x}, fmt.Errorf("axis %d is %v, it has no %d elements to drop", i, x.shape[i], start+end))
	}
	stop := int64(math.MaxInt64) // what stands for the end: runtimes look for it
	if end > 0 {
		stop = -end
	}
	in := []*Value{x, g.Ints(start), g.Ints(stop), g.Ints(int64(i))}
	return g.add1("Slice", in, x.dtype, shape)
}

// SliceTo returns the first d elements of x along the axis, where d may be
// known by name only. The axis of x has a known size, which d must not exceed
// when the graph runs.
func (g *Graph) SliceTo(x *Value, a int64, d Dim) *Value {
	if !g.check("Slice", x) {
		return g.invalid
	}
	i, err := axis(a, x.Rank())
	if err == nil {
		if _, ok := x.shape[i].Size(); !ok {
			err = fmt.Errorf("axis %d is %v, it must have a known size", i, x.shape[i])
		}
	}
	if err != nil {
		return g.fail("Slice", []*Value{x}, err)
	}
	shape := append(Shape{}, x.shape...)
	shape[i] = d
	return g.add1("Slice", []*Value{x, g.Ints(0), g.Size(d), g.Ints(int64(i))}, x.dtype, shape)
}

// PadTo adds zeros behind x along the axis until it has n elements.
func (g *Graph) PadTo(x *Value, a, n int64) *Value {
	if !g.check("Pad", x) {
		return g.invalid
	}
	i, err := axis(a, x.Rank())
	if err != nil {
		return g.fail("Pad", []*Value{x}, err)
	}
	pads := make([]*Value, 2*x.Rank())
	for j := range pads {
		pads[j] = g.Ints(0)
	}
	pads[x.Rank()+i] = g.Sub(g.Ints(n), g.Size(x.shape[i]))
	shape := append(Shape{}, x.shape...)
	shape[i] = Fixed(n)
	return g.add1("Pad", []*Value{x, g.Concat(0, pads...)}, x.dtype, shape, onnx.StringAttr("mode", "constant"))
}

// Pad adds zeros along the axis, before in front and after behind.
func (g *Graph) Pad(x *Value, a, before, after int64) *Value {
	if !g.check("Pad", x) {
		return g.invalid
	}
	i, err := axis(a, x.Rank())
	if err == nil && (before < 0 || after < 0) {
		err = fmt.Errorf("cannot pad by %d and %d", before, after)
	}
	if err != nil {
		return g.fail("Pad", []*Value{x}, err)
	}
	pads := make([]int64, 2*x.Rank())
	pads[i], pads[x.Rank()+i] = before, after
	shape := append(Shape{}, x.shape...)
	shape[i] = shape[i].Plus(before + after)
	return g.add1("Pad", []*Value{x, g.Ints(pads...)}, x.dtype, shape, onnx.StringAttr("mode", "constant"))
}

// Squeeze drops dimensions of size 1.
func (g *Graph) Squeeze(x *Value, axes ...int64) *Value {
	if !g.check("Squeeze", x) {
		return g.invalid
	}
	sorted, shape, err := reduced(x, false, axes)
	for _, a := range sorted {
		if !x.shape[a].Is(1) {
			err = fmt.Errorf("dimension %d is %v, not 1", a, x.shape[a])
		}
	}
	if err != nil {
		return g.fail("Squeeze", []*Value{x}, err)
	}
	return g.add1("Squeeze", []*Value{x, g.Ints(sorted...)}, x.dtype, shape)
}

// Unsqueeze adds dimensions of size 1, which stand at the given axes of the
// result.
func (g *Graph) Unsqueeze(x *Value, axes ...int64) *Value {
	if !g.check("Unsqueeze", x) {
		return g.invalid
	}
	rank := x.Rank() + len(axes)
	shape := make(Shape, rank)
	isNew := make([]bool, rank)
	sorted := make([]int64, 0, len(axes))
	for _, a := range axes {
		i, err := axis(a, rank)
		if err != nil || isNew[i] {
			return g.fail("Unsqueeze", []*Value{x}, fmt.Errorf("axes %v do not fit a result of rank %d", axes, rank))
		}
		isNew[i] = true
		sorted = append(sorted, int64(i))
	}
	slices.Sort(sorted)
	old := x.shape
	for i := range shape {
		if isNew[i] {
			shape[i] = Fixed(1)
			continue
		}
		shape[i], old = old[0], old[1:]
	}
	return g.add1("Unsqueeze", []*Value{x, g.Ints(sorted...)}, x.dtype, shape)
}

// Expand returns x broadcast to a shape.
func (g *Graph) Expand(x *Value, dims ...Dim) *Value {
	if !g.check("Expand", x) {
		return g.invalid
	}
	to := append(Shape{}, dims...)
	if x.shape.Equal(to) {
		return x
	}
	if s, err := broadcast(x.shape, to); err != nil || !s.Equal(to) {
		return g.fail("Expand", []*Value{x}, fmt.Errorf("%v does not broadcast to %v", x.shape, to))
	}
	return g.add1("Expand", []*Value{x, g.Sizes(to)}, x.dtype, to)
}

// ZerosLike returns zeros of the shape and type of x.
func (g *Graph) ZerosLike(x *Value) *Value {
	if !g.check("ConstantOfShape", x) {
		return g.invalid
	}
	zero, err := tensor.New(x.dtype, 1)
	if err != nil {
		return g.fail("ConstantOfShape", []*Value{x}, err)
	}
	return g.add1("ConstantOfShape", []*Value{g.Sizes(x.shape)}, x.dtype, x.shape,
		onnx.TensorAttr("value", onnx.TensorOf("", zero)))
}
