package gonum

import (
	"fmt"

	"espalier/tensor"
)

func linearKernels() map[string]forms {
	return map[string]forms{"MatMul": versions(1, 13, matMul), "Gemm": versions(7, 13, gemm, "alpha", "beta", "transA", "transB"), "Conv": versions(1, 22, conv, "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"), "ConvTranspose": versions(1, 22, convTranspose, "auto_pad", "dilations", "group", "kernel_shape", "output_padding", "output_shape", "pads", "strides")}
}

func matMul(c *call) error {
	a, err := c.input(0)
	if err != nil {
		return err
	}
	b, err := c.input(1)
	if err != nil {
		return err
	}
	if a.DType() != b.DType() || a.Rank() == 0 || b.Rank() == 0 {
		return fmt.Errorf("operands are %v and %v", a, b)
	}
	as, bs := a.Shape(), b.Shape()
	// A vector is a matrix of one row on the left and one column on the right.
	vectorA, vectorB := a.Rank() == 1, b.Rank() == 1
	if vectorA {
		as = tensor.Shape{1, as[0]}
	}
	if vectorB {
		bs = tensor.Shape{bs[0], 1}
	}
	m, k, n := as[len(as)-2], as[len(as)-1], bs[len(bs)-1]
	if bs[len(bs)-2] != k {
		return fmt.Errorf("operands %v and %v have different inner dimensions", a, b)
	}
	batch, err := broadcastShapes(as[:len(as)-2], bs[:len(bs)-2])
	if err != nil {
		return err
	}
	shape := append(tensor.Shape{}, batch...)
	if !vectorA {
		shape = append(shape, m)
	}
	if !vectorB {
		shape = append(shape, n)
	}
	y, err := c.make(0, a.DType(), shape)
	if err != nil {
		return err
	}
	switch d := a.Any().(type) {
	case []float32:
		return stacked(c, d, b.Float32s(), y.Float32s(), as, bs, batch)
	case []float64:
		return stacked(c, d, b.Float64s(), y.Float64s(), as, bs, batch)
	case []int32:
		whole(d, b.Any().([]int32), y.Any().([]int32), as, bs, batch)
	case []int64:
		whole(d, b.Int64s(), y.Int64s(), as, bs, batch)
	default:
		return refuse(a)
	}
	return nil
}

// stacks calls do for every pair of matrices in two stacks: their offsets, in
// elements.
func stacks(as, bs, batch tensor.Shape, do func(a, b, y int)) {
	m, k, n := int(as[len(as)-2]), int(as[len(as)-1]), int(bs[len(bs)-1])
	sa, sb := stretch(as[:len(as)-2], batch), stretch(bs[:len(bs)-2], batch)
	// walk goes along the last dimension in one step; here every element counts.
	one := append(append(tensor.Shape{}, batch...), 1)
	walk(one, [][]int{append(sa, 0), append(sb, 0)}, func(at int, from []int) {
		do(from[0]*m*k, from[1]*k*n, at*m*n)
	})
}

// stacked multiplies stacks of matrices, in parallel where there are several.
func stacked[T float](c *call, a, b, y []T, as, bs, batch tensor.Shape) error {
	m, k, n := int(as[len(as)-2]), int(as[len(as)-1]), int(bs[len(bs)-1])
	if len(b) == k*n && len(a)*n == len(y)*k && k > 0 { // one right side: all rows are one matrix
		return product(c, 1, matrix[T]{data: a, rows: len(a) / k, cols: k}, matrix[T]{data: b, rows: k, cols: n}, 0, y)
	}
	if m*n*k == 0 {
		clear(y)
		return nil
	}
	right := matrix[T]{rows: k, cols: n}
	if m >= dotsFrom {
		turned, err := scratch[T](c.memory, len(b))
		if err != nil {
			return err
		}
		defer giveBack(c.memory, turned)
		for at := 0; at < len(b); at += k * n {
			transposeInto(turned[at:at+k*n], b[at:at+k*n], k, n)
		}
		b, right = turned, matrix[T]{rows: n, cols: k, trans: true}
	}
	var pairs []panels[T]
	stacks(as, bs, batch, func(i, j, o int) {
		p := panels[T]{a: matrix[T]{data: a[i : i+m*k]}, b: right, out: y[o : o+m*n], m: m, n: n, k: k, alpha: 1}
		p.b.data = b[j : j+k*n]
		pairs = append(pairs, p)
	})
	workers := min(c.threads, len(pairs))
	if len(pairs)*m*n*k < parallelFrom {
		workers = 1
	}
	parallel(max(workers, 1), func(w int) {
		for i := w; i < len(pairs); i += max(workers, 1) {
			for j := range pairs[i].count() {
				pairs[i].compute(j)
			}
		}
	})
	return nil
}

func whole[T integer](a, b, y []T, as, bs, batch tensor.Shape) {
	m, k, n := int(as[len(as)-2]), int(as[len(as)-1]), int(bs[len(bs)-1])
	stacks(as, bs, batch, func(i, j, o int) {
		for r := range m {
			for q := range n {
				var sum T
				for l := range k {
					sum += a[i+r*k+l] * b[j+l*n+q]
				}
				y[o+r*n+q] = sum
			}
		}
	})
}

func gemm(c *call) error {
	a, err := c.input(0)
	if err != nil {
		return err
	}
	b, err := c.input(1)
	if err != nil {
		return err
	}
	if a.Rank() != 2 || b.Rank() != 2 || a.DType() != b.DType() {
		return fmt.Errorf("operands are %v and %v", a, b)
	}
	switch d := a.Any().(type) {
	case []float32:
		return gemmOf(c, a, b, d, b.Float32s())
	case []float64:
		return gemmOf(c, a, b, d, b.Float64s())
	}
	return refuse(a)
}

func gemmOf[T float](c *call, a, b *tensor.Tensor, ad, bd []T) error {
	ma := matrix[T]{data: ad, rows: int(a.Shape()[0]), cols: int(a.Shape()[1]), trans: c.attrs.int("transA", 0) != 0}
	mb := matrix[T]{data: bd, rows: int(b.Shape()[0]), cols: int(b.Shape()[1]), trans: c.attrs.int("transB", 0) != 0}
	m, k := ma.shape()
	k2, n := mb.shape()
	if k != k2 {
		return fmt.Errorf("operands %v and %v have different inner dimensions", a, b)
	}
	shape := tensor.Shape{int64(m), int64(n)}
	y, err := c.make(0, a.DType(), shape)
	if err != nil {
		return err
	}
	out := y.Any().([]T)
	beta := T(c.attrs.float("beta", 1))
	bias := c.optional(2)
	if bias == nil || beta == 0 {
		clear(out)
		beta = 0
	} else {
		full, err := broadcastShapes(shape, bias.Shape())
		if err != nil || !full.Equal(shape) || bias.DType() != a.DType() {
			return fmt.Errorf("%v does not broadcast to %v", bias, shape)
		}
		if err := copyBy(bias, y, stretch(bias.Shape(), shape), 0); err != nil {
			return err
		}
	}
	return product(c, T(c.attrs.float("alpha", 1)), ma, mb, beta, out)
}
