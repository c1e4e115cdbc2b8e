package builder

import (
	"fmt"

	"espalier/onnx"
	"espalier/tensor"
)

// MatMul returns the matrix product over the last two dimensions; those in
// front broadcast. A vector operand is treated as numpy.matmul does.
func (g *Graph) MatMul(a, b *Value) *Value {
	in := []*Value{a, b}
	if !g.check("MatMul", in...) {
		return g.invalid
	}
	if a.dtype != b.dtype || !a.dtype.IsFloat() && a.dtype != tensor.Int64 {
		return g.fail("MatMul", in, fmt.Errorf("needs two operands of one type, float or int64"))
	}
	if a.Rank() < 2 || b.Rank() < 2 {
		return g.fail("MatMul", in, fmt.Errorf("needs operands of rank 2 or more; Unsqueeze a vector"))
	}
	if a.Dim(-1) != b.Dim(-2) {
		return g.fail("MatMul", in, fmt.Errorf("inner dimensions %v and %v differ", a.Dim(-1), b.Dim(-2)))
	}
	shape, err := broadcast(a.shape[:a.Rank()-2], b.shape[:b.Rank()-2])
	if err != nil {
		return g.fail("MatMul", in, err)
	}
	return g.add1("MatMul", in, a.dtype, append(shape, a.Dim(-2), b.Dim(-1)))
}

// Gemm returns op(a) op(b) + c for matrices, where op transposes its operand
// when told to. c broadcasts to the result and may be nil.
func (g *Graph) Gemm(a, b, c *Value, transA, transB bool) *Value {
	in := []*Value{a, b}
	if c != nil {
		in = append(in, c)
	}
	if !g.check("Gemm", in...) {
		return g.invalid
	}
	if a.dtype != b.dtype || !a.dtype.IsFloat() || (c != nil && c.dtype != a.dtype) {
		return g.fail("Gemm", in, fmt.Errorf("needs float operands of one type"))
	}
	if a.Rank() != 2 || b.Rank() != 2 {
		return g.fail("Gemm", in, fmt.Errorf("needs operands of rank 2"))
	}
	m, k := transposed(a, transA)
	k2, n := transposed(b, transB)
	if k != k2 {
		return g.fail("Gemm", in, fmt.Errorf("inner dimensions %v and %v differ", k, k2))
	}
	shape := Shape{m, n}
	if c != nil {
		if s, err := broadcast(shape, c.shape); err != nil || !s.Equal(shape) {
			return g.fail("Gemm", in, fmt.Errorf("%v does not broadcast to %v", c.shape, shape))
		}
	}
	var attrs []onnx.Attribute
	if transA {
		attrs = append(attrs, onnx.IntAttr("transA", 1))
	}
	if transB {
		attrs = append(attrs, onnx.IntAttr("transB", 1))
	}
	return g.add1("Gemm", in, a.dtype, shape, attrs...)
}

// GemmStored returns a w + bias of matrices where w is kept in float16 or bfloat16. It is
// widened to the type of a when a is there, and again for the gradient by a, so that no
// engine holds the wide ones of several layers at a time. bias may be nil.
func (g *Graph) GemmStored(a, w, bias *Value) *Value {
	y := g.Gemm(a, g.WidenAfter(w, a), bias, false, false)
	if g.err == nil {
		y.node.Composite = &Composite{Op: "GemmStored", Inputs: []*Value{a, w}}
		if bias != nil {
			y.node.Composite.Inputs = append(y.node.Composite.Inputs, bias)
		}
	}
	return y
}

// WidenAfter returns w, which is kept in 16 bits, in the type of x, and no sooner than x
// is there.
func (g *Graph) WidenAfter(w, x *Value) *Value {
	if !g.check("WidenAfter", w, x) {
		return g.invalid
	}
	return g.Cast(g.After(w, x), x.dtype)
}

func transposed(v *Value, t bool) (rows, cols Dim) {
	if t {
		return v.shape[1], v.shape[0]
	}
	return v.shape[0], v.shape[1]
}

// ConvOptions are the attributes of Conv and ConvTranspose. Empty lists mean
// stride 1, dilation 1 and no padding. Pads are the begins of all spatial axes
// and then the ends.
type ConvOptions struct {
	Strides, Dilations, Pads []int64
}

func (o ConvOptions) withDefaults(spatial int) ConvOptions {
	fill := func(xs []int64, n int, def int64) []int64 {
		if len(xs) > 0 {
			return xs
		}
		xs = make([]int64, n)
		for i := range xs {
			xs[i] = def
		}
		return xs
	}
	o.Strides = fill(o.Strides, spatial, 1)
	o.Dilations = fill(o.Dilations, spatial, 1)
	o.Pads = fill(o.Pads, 2*spatial, 0)
	return o
}

func (o ConvOptions) check(spatial int) error {
	if len(o.Strides) != spatial || len(o.Dilations) != spatial || len(o.Pads) != 2*spatial {
		return fmt.Errorf("strides, dilations and pads have %d, %d and %d entries for %d spatial axes",
			len(o.Strides), len(o.Dilations), len(o.Pads), spatial)
	}
	for i := range o.Strides {
		if o.Strides[i] < 1 || o.Dilations[i] < 1 {
			return fmt.Errorf("strides and dilations must be at least 1")
		}
	}
	return nil
}

func (o ConvOptions) attrs() []onnx.Attribute {
	return []onnx.Attribute{
		onnx.IntsAttr("dilations", o.Dilations), onnx.IntsAttr("pads", o.Pads), onnx.IntsAttr("strides", o.Strides),
	}
}

// Conv returns the cross-correlation of x [batch, in, spatial...] with weights
// w [out, in, kernel...]. The bias [out] may be nil. A spatial axis whose size
// is a name needs stride 1.
func (g *Graph) Conv(x, w, bias *Value, opts ConvOptions) *Value {
	in := []*Value{x, w}
	if bias != nil {
		in = append(in, bias)
	}
	if !g.check("Conv", in...) {
		return g.invalid
	}
	spatial := x.Rank() - 2
	if spatial < 1 || w.Rank() != x.Rank() || x.Dim(1) != w.Dim(1) || x.dtype != w.dtype || !x.dtype.IsFloat() {
		return g.fail("Conv", in, fmt.Errorf("needs x [batch, in, spatial...] and w [out, in, kernel...] of one float type"))
	}
	opts = opts.withDefaults(spatial)
	if err := opts.check(spatial); err != nil {
		return g.fail("Conv", in, err)
	}
	shape := Shape{x.Dim(0), w.Dim(0)}
	for i := range spatial {
		k, ok := w.Dim(2 + i).Size()
		if !ok {
			// A gradient convolves with a value whose length is a name.
			d, err := convByName(x.Dim(2+i), w.Dim(2+i), opts, i)
			if err != nil {
				return g.fail("Conv", in, err)
			}
			shape = append(shape, d)
			continue
		}
		padded := x.Dim(2 + i).Plus(opts.Pads[i] + opts.Pads[spatial+i] - opts.Dilations[i]*(k-1) - 1)
		n, known := padded.Size()
		switch {
		case known && n < 0:
			return g.fail("Conv", in, fmt.Errorf("kernel does not fit the padded input"))
		case known:
			shape = append(shape, Fixed(n/opts.Strides[i]+1))
		case opts.Strides[i] == 1:
			shape = append(shape, padded.Plus(1))
		default:
			return g.fail("Conv", in, fmt.Errorf("axis %d is %v, a stride needs a known size", 2+i, x.Dim(2+i)))
		}
	}
	return g.add1("Conv", in, x.dtype, shape, opts.attrs()...)
}

// convByName sizes an output axis whose kernel is as long as its input but for
// a known difference, so that the names cancel.
func convByName(x, k Dim, o ConvOptions, i int) (Dim, error) {
	spatial := len(o.Strides)
	if o.Dilations[i] != 1 || x.names != k.names || x.coef != k.coef {
		return Dim{}, fmt.Errorf("kernel length %v against %v gives no known size", k, x)
	}
	n := x.offset - k.offset + o.Pads[i] + o.Pads[spatial+i]
	if n < 0 {
		return Dim{}, fmt.Errorf("kernel does not fit the padded input")
	}
	return Fixed(n/o.Strides[i] + 1), nil
}

// ConvTranspose returns the transposed convolution of x [batch, in,
// spatial...] with weights w [in, out, kernel...] and no bias, the gradient of
// Conv towards its input. outputPadding lengthens the end of each spatial axis.
func (g *Graph) ConvTranspose(x, w *Value, opts ConvOptions, outputPadding []int64) *Value {
	in := []*Value{x, w}
	if !g.check("ConvTranspose", in...) {
		return g.invalid
	}
	spatial := x.Rank() - 2
	if spatial < 1 || w.Rank() != x.Rank() || x.Dim(1) != w.Dim(0) || x.dtype != w.dtype || !x.dtype.IsFloat() {
		return g.fail("ConvTranspose", in, fmt.Errorf("needs x [batch, in, spatial...] and w [in, out, kernel...] of one float type"))
	}
	opts = opts.withDefaults(spatial)
	if err := opts.check(spatial); err != nil {
		return g.fail("ConvTranspose", in, err)
	}
	if len(outputPadding) == 0 {
		outputPadding = make([]int64, spatial)
	}
	shape := Shape{x.Dim(0), w.Dim(1)}
	for i := range spatial {
		k, ok := w.Dim(2 + i).Size()
		if !ok {
			return g.fail("ConvTranspose", in, fmt.Errorf("kernel size %v is not known", w.Dim(2+i)))
		}
		strided, err := x.Dim(2 + i).Plus(-1).Times(Fixed(opts.Strides[i]))
		if err != nil {
			return g.fail("ConvTranspose", in, err)
		}
		shape = append(shape, strided.Plus(opts.Dilations[i]*(k-1)+1-opts.Pads[i]-opts.Pads[spatial+i]+outputPadding[i]))
	}
	attrs := append(opts.attrs(), onnx.IntsAttr("output_padding", outputPadding))
	return g.add1("ConvTranspose", in, x.dtype, shape, attrs...)
}

// OneHot returns a float tensor with a further last dimension of the given
// depth that is 1 at the index and 0 elsewhere. Indices are int64 and must lie
// in 0..depth-1.
func (g *Graph) OneHot(indices *Value, depth int64) *Value {
	if !g.check("OneHot", indices) {
		return g.invalid
	}
	if indices.dtype != tensor.Int64 || depth < 1 {
		return g.fail("OneHot", []*Value{indices}, fmt.Errorf("needs int64 indices and a depth of at least 1, not %d", depth))
	}
	values := tensor.Must(tensor.Of([]float32{0, 1}, 2))
	if g.float == tensor.Float64 {
		values = tensor.Must(tensor.Of([]float64{0, 1}, 2))
	}
	in := []*Value{indices, g.ScalarOf(tensor.Int64, float64(depth)), g.Constant(values)}
	shape := append(append(Shape{}, indices.shape...), Fixed(depth))
	return g.add1("OneHot", in, g.float, shape, onnx.IntAttr("axis", -1))
}
