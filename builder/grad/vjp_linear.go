package grad

import (
	"espalier/builder"
)

func linear() map[string]rule {
	return map[string]rule{"MatMul": matMul, "Gemm": gemm, "GemmStored": gemmStored, "Conv": conv, "ConvTranspose": convTranspose}
}

// gemmStored: dA = dY W^T, with W widened again. W is frozen.
func gemmStored(c call) []*builder.Value {
	g, w, dy := c.g, c.x(1), c.dy[0]
	out := make([]*builder.Value, len(c.inputs))
	if c.need[0] {
		out[0] = g.Gemm(dy, g.WidenAfter(w, dy), nil, false, true)
	}
	if len(out) > 2 && c.need[2] {
		out[2] = sumTo(g, dy, c.x(2).Shape())
	}
	return out
}

// matMul: dA = dY B^T and dB = A^T dY. A stack of matrices times one matrix is
// flattened, so that the gradient of the one matrix is a single product.
func matMul(c call) []*builder.Value {
	g, a, b, dy := c.g, c.x(0), c.x(1), c.dy[0]
	out := make([]*builder.Value, 2)
	if b.Rank() == 2 && a.Rank() > 2 {
		flat := flatten(g, dy)
		if c.need[0] {
			out[0] = g.Reshape(g.Gemm(flat, b, nil, false, true), a.Shape()...)
		}
		if c.need[1] {
			out[1] = weightGradient(g, flatten(g, a), flat)
		}
		return out
	}
	if c.need[0] {
		out[0] = sumTo(g, g.MatMul(dy, swapLast(g, b)), a.Shape())
	}
	if c.need[1] {
		out[1] = sumTo(g, g.MatMul(swapLast(g, a), dy), b.Shape())
	}
	return out
}

// flatten views x as a matrix: all dimensions but the last become rows.
func flatten(g *builder.Graph, x *builder.Value) *builder.Value {
	rows, err := x.Shape()[:x.Rank()-1].Product()
	if err != nil {
		return g.Fail("flatten", []*builder.Value{x}, err)
	}
	return g.Reshape(x, rows, x.Dim(-1))
}

// swapLast exchanges the last two dimensions; of a value that is such an
// exchange it returns the original.
func swapLast(g *builder.Graph, x *builder.Value) *builder.Value {
	if n := x.Node(); n != nil && n.Op == "Transpose" && swapsLast(n.Attr("perm").Ints) {
		return n.Inputs[0]
	}
	perm := make([]int64, x.Rank())
	for i := range perm {
		perm[i] = int64(i)
	}
	n := len(perm)
	perm[n-1], perm[n-2] = perm[n-2], perm[n-1]
	return g.Transpose(x, perm...)
}

// gemm: with A' and B' the operands as they are multiplied, dA' = dY B'^T and
// dB' = A'^T dY, transposed back where the operand was.
func gemm(c call) []*builder.Value {
	g, a, b, dy := c.g, c.x(0), c.x(1), c.dy[0]
	ta, tb := c.n.Int("transA", 0) == 1, c.n.Int("transB", 0) == 1
	out := make([]*builder.Value, len(c.n.Inputs))
	switch {
	case !c.need[0]:
	case ta:
		out[0] = g.Gemm(b, dy, nil, tb, true)
	default:
		out[0] = g.Gemm(dy, b, nil, false, !tb)
	}
	switch {
	case !c.need[1]:
	case tb:
		out[1] = g.Gemm(dy, a, nil, true, ta)
	case ta:
		out[1] = g.Gemm(a, dy, nil, false, false)
	default:
		out[1] = weightGradient(g, a, dy)
	}
	if len(out) > 2 && c.need[2] {
		out[2] = sumTo(g, dy, c.x(2).Shape())
	}
	return out
}

// weightGradient is A^T dY of matrices of many rows. Runtimes transpose the left
// operand anew for every block of the right one's columns, so the wider stands
// on the left, and the small result is transposed where that is dY. It is so as
// a stack of one: the transpose of a mere product they would undo.
func weightGradient(g *builder.Graph, a, dy *builder.Value) *builder.Value {
	in, known := a.Dim(-1).Size()
	out, too := dy.Dim(-1).Size()
	if !known || !too || in >= out {
		return g.Gemm(a, dy, nil, true, false)
	}
	t := g.Reshape(g.Gemm(dy, a, nil, true, false), builder.Dims(1, out, in)...)
	return g.Reshape(g.Transpose(t, 0, 2, 1), builder.Dims(in, out)...)
}

func convOptions(n *builder.Node) builder.ConvOptions {
	return builder.ConvOptions{
		Strides: n.Attr("strides").Ints, Dilations: n.Attr("dilations").Ints, Pads: n.Attr("pads").Ints,
	}
}

// kernelGradient is the gradient of a convolution's weights [out, in,
// kernel...] where small [batch, out, ...] is the side that the kernel maps
// to: batch and channels change places, strides and dilations too.
func kernelGradient(g *builder.Graph, large, small *builder.Value, o builder.ConvOptions, kernel builder.Shape) *builder.Value {
	perm := make([]int64, large.Rank())
	for i := range perm {
		perm[i] = int64(i)
	}
	perm[0], perm[1] = 1, 0
	swapped := builder.ConvOptions{Strides: o.Dilations, Dilations: o.Strides, Pads: o.Pads}
	dw := g.Transpose(g.Conv(g.Transpose(large, perm...), g.Transpose(small, perm...), nil, swapped), perm...)
	if g.Err() != nil {
		return dw
	}
	// Where a stride does not divide the input, the last positions belong to
	// no kernel element.
	for i := 2; i < dw.Rank(); i++ {
		have, _ := dw.Dim(i).Size()
		want, _ := kernel[i].Size()
		if have > want {
			dw = g.Slice(dw, int64(i), 0, have-want)
		}
	}
	return dw
}

func conv(c call) []*builder.Value {
	g, x, w, dy := c.g, c.x(0), c.x(1), c.dy[0]
	o := convOptions(c.n)
	out := make([]*builder.Value, len(c.n.Inputs))
	if c.need[0] {
		out[0] = g.ConvTranspose(dy, w, o, strideRest(x, w, dy, o))
	}
	if c.need[1] {
		out[1] = kernelGradient(g, x, dy, o, w.Shape())
	}
	if len(out) > 2 && c.need[2] {
		axes := []int64{0}
		for i := 2; i < dy.Rank(); i++ {
			axes = append(axes, int64(i))
		}
		out[2] = g.ReduceSum(dy, false, axes...)
	}
	return out
}

// strideRest is how many last input positions of each spatial axis a strided
// convolution did not reach.
func strideRest(x, w, dy *builder.Value, o builder.ConvOptions) []int64 {
	spatial := x.Rank() - 2
	rest := make([]int64, spatial)
	for i := range spatial {
		in, known := x.Dim(2 + i).Size()
		if !known {
			continue // a named size has stride 1, which reaches everything
		}
		n, _ := dy.Dim(2 + i).Size()
		k, _ := w.Dim(2 + i).Size()
		reached := (n-1)*o.Strides[i] + o.Dilations[i]*(k-1) + 1
		rest[i] = in + o.Pads[i] + o.Pads[spatial+i] - reached
	}
	return rest
}

func convTranspose(c call) []*builder.Value {
	g, x, w, dy := c.g, c.x(0), c.x(1), c.dy[0]
	o := convOptions(c.n)
	out := make([]*builder.Value, 2)
	if c.need[0] {
		out[0] = g.Conv(dy, w, nil, o)
	}
	if c.need[1] {
		out[1] = kernelGradient(g, dy, x, o, w.Shape())
	}
	return out
}
