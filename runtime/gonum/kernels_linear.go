package gonum

import (
	"fmt"
	"sync"

	"gonum.org/v1/gonum/blas"
	gonumblas "gonum.org/v1/gonum/blas/gonum"

	"espalier/tensor"
)

func linearKernels() map[string]kernel {
	return map[string]kernel{"MatMul": matMul, "Gemm": gemm, "Conv": conv, "ConvTranspose": convTranspose}
}

// matrix is a row-major matrix in a slice, read transposed when trans is set.
type matrix[T float] struct {
	data       []T
	rows, cols int // as stored
	trans      bool
}

func (m matrix[T]) shape() (rows, cols int) {
	if m.trans {
		return m.cols, m.rows
	}
	return m.rows, m.cols
}

// plain returns the matrix stored as it is read. gonum's product of a
// transposed left side with a plain right one uses one core; a transposition
// in front costs little beside it.
func (m matrix[T]) plain() matrix[T] {
	if !m.trans {
		return m
	}
	out := make([]T, len(m.data))
	const tile = 32
	for i0 := 0; i0 < m.rows; i0 += tile {
		for j0 := 0; j0 < m.cols; j0 += tile {
			for i := i0; i < min(i0+tile, m.rows); i++ {
				for j := j0; j < min(j0+tile, m.cols); j++ {
					out[j*m.rows+i] = m.data[i*m.cols+j]
				}
			}
		}
	}
	return matrix[T]{data: out, rows: m.cols, cols: m.rows}
}

// product sets c = alpha*a*b + beta*c.
func product[T float](alpha T, a, b matrix[T], beta T, c []T) {
	a = a.plain()
	m, k := a.shape()
	_, n := b.shape()
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		for i := range c {
			c[i] *= beta
		}
		return
	}
	tb := blas.NoTrans
	if b.trans {
		tb = blas.Trans
	}
	var impl gonumblas.Implementation
	switch x := any(a.data).(type) {
	case []float32:
		impl.Sgemm(blas.NoTrans, tb, m, n, k, float32(alpha), x, a.cols, any(b.data).([]float32), b.cols, float32(beta), any(c).([]float32), n)
	case []float64:
		impl.Dgemm(blas.NoTrans, tb, m, n, k, float64(alpha), x, a.cols, any(b.data).([]float64), b.cols, float64(beta), any(c).([]float64), n)
	}
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
		stacked(d, b.Float32s(), y.Float32s(), as, bs, batch)
	case []float64:
		stacked(d, b.Float64s(), y.Float64s(), as, bs, batch)
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
func stacked[T float](a, b, y []T, as, bs, batch tensor.Shape) {
	m, k, n := int(as[len(as)-2]), int(as[len(as)-1]), int(bs[len(bs)-1])
	if len(bs) == 2 && len(as) > 2 { // one matrix for the whole stack
		rows := len(y) / max(n, 1)
		product(1, matrix[T]{data: a, rows: rows, cols: k}, matrix[T]{data: b, rows: k, cols: n}, 0, y)
		return
	}
	type pair struct{ a, b, y int }
	var pairs []pair
	stacks(as, bs, batch, func(i, j, o int) { pairs = append(pairs, pair{i, j, o}) })
	run := func(part []pair) {
		for _, p := range part {
			product(1, matrix[T]{data: a[p.a : p.a+m*k], rows: m, cols: k},
				matrix[T]{data: b[p.b : p.b+k*n], rows: k, cols: n}, 0, y[p.y:p.y+m*n])
		}
	}
	// Large matrices are split by gonum itself.
	if len(pairs) < 2 || m*n*k > 1<<18 || len(pairs)*m*n*k < 1<<16 {
		run(pairs)
		return
	}
	var wait sync.WaitGroup
	half := len(pairs) / 2
	wait.Go(func() { run(pairs[:half]) })
	run(pairs[half:])
	wait.Wait()
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
	product(T(c.attrs.float("alpha", 1)), ma, mb, beta, out)
	return nil
}

// window is the geometry of a convolution or pooling over any number of
// spatial axes.
type window struct {
	kernel, strides, dilations, before, after []int
	in, out                                   []int // spatial sizes
}

// newWindow reads the attributes; in and kernel are spatial sizes.
func newWindow(c *call, in, kernel []int64) (*window, error) {
	n := len(in)
	w := &window{}
	list := func(name string, size int, def int) ([]int, error) {
		xs := c.attrs.ints(name)
		out := make([]int, size)
		for i := range out {
			out[i] = def
		}
		if xs == nil {
			return out, nil
		}
		if len(xs) != size {
			return nil, fmt.Errorf("%s has %d entries for %d spatial axes", name, len(xs), n)
		}
		for i, x := range xs {
			out[i] = int(x)
		}
		return out, nil
	}
	var err error
	if w.strides, err = list("strides", n, 1); err != nil {
		return nil, err
	}
	if w.dilations, err = list("dilations", n, 1); err != nil {
		return nil, err
	}
	pads, err := list("pads", 2*n, 0)
	if err != nil {
		return nil, err
	}
	w.before, w.after = pads[:n], pads[n:]
	for i := range n {
		if w.strides[i] < 1 || w.dilations[i] < 1 || kernel[i] < 1 {
			return nil, fmt.Errorf("strides, dilations and kernel must be at least 1")
		}
		w.in, w.kernel = append(w.in, int(in[i])), append(w.kernel, int(kernel[i]))
	}
	return w, nil
}

// reach is how many positions the kernel covers along an axis.
func (w *window) reach(i int) int { return w.dilations[i]*(w.kernel[i]-1) + 1 }

// size computes the output sizes, and the pads that auto_pad asks for.
func (w *window) size(autoPad string, ceil bool) error {
	for i := range w.in {
		switch autoPad {
		case "SAME_UPPER", "SAME_LOWER":
			out := (w.in[i] + w.strides[i] - 1) / w.strides[i]
			total := max((out-1)*w.strides[i]+w.reach(i)-w.in[i], 0)
			if w.before[i] = total / 2; autoPad == "SAME_LOWER" {
				w.before[i] = total - total/2
			}
			w.after[i] = total - w.before[i]
		case "VALID":
			w.before[i], w.after[i] = 0, 0
		}
		room := w.in[i] + w.before[i] + w.after[i] - w.reach(i)
		if room < 0 {
			return fmt.Errorf("the kernel is larger than the padded input along axis %d", i)
		}
		out := room/w.strides[i] + 1
		// A last window that starts in the padding behind does not count.
		if ceil && room%w.strides[i] != 0 && out*w.strides[i] < w.in[i]+w.before[i] {
			out++
		}
		w.out = append(w.out, out)
	}
	return nil
}

// taps calls do for every pair of an output position, a kernel position and
// the input position they meet at, all within one channel.
func (w *window) taps(do func(out, tap, in int)) {
	outs, kernels := sizesOf(w.out), sizesOf(w.kernel)
	for o := range outs.total {
		for k := range kernels.total {
			if in, ok := w.meet(outs, kernels, o, k); ok {
				do(o, k, in)
			}
		}
	}
}

// meet returns the input position that output position o sees through kernel
// position k, and false in the padding.
func (w *window) meet(outs, kernels grid, o, k int) (int, bool) {
	at, stride := 0, 1
	for i := len(w.in) - 1; i >= 0; i-- {
		p := outs.index(o, i)*w.strides[i] - w.before[i] + kernels.index(k, i)*w.dilations[i]
		if p < 0 || p >= w.in[i] {
			return 0, false
		}
		at += p * stride
		stride *= w.in[i]
	}
	return at, true
}

type grid struct {
	sizes, strides []int
	total          int
}

func sizesOf(sizes []int) grid {
	g := grid{sizes: sizes, strides: make([]int, len(sizes)), total: 1}
	for i := len(sizes) - 1; i >= 0; i-- {
		g.strides[i] = g.total
		g.total *= sizes[i]
	}
	return g
}

func (g grid) index(n, axis int) int { return n / g.strides[axis] % g.sizes[axis] }
