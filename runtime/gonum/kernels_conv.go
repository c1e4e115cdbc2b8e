package gonum

import (
	"fmt"

	"espalier/tensor"
)

// convOperands checks x [batch, channels, spatial...] and w of the same rank.
func convOperands(c *call) (x, w *tensor.Tensor, group int64, err error) {
	if x, err = c.input(0); err != nil {
		return nil, nil, 0, err
	}
	if w, err = c.input(1); err != nil {
		return nil, nil, 0, err
	}
	group = c.attrs.int("group", 1)
	if x.Rank() < 3 || w.Rank() != x.Rank() || x.DType() != w.DType() || group < 1 ||
		x.Shape()[1]%group != 0 || w.Shape()[0]%group != 0 {
		return nil, nil, 0, fmt.Errorf("operands are %v and %v in %d groups", x, w, group)
	}
	if kernel := c.attrs.ints("kernel_shape"); kernel != nil && !w.Shape()[2:].Equal(kernel) {
		return nil, nil, 0, fmt.Errorf("kernel_shape %v is not that of the weights %v", kernel, w)
	}
	return x, w, group, nil
}

// conv is a product of the weights [out, in*kernel] with the unfolded input
// [in*kernel, positions], group by group.
func conv(c *call) error {
	x, w, group, err := convOperands(c)
	if err != nil {
		return err
	}
	if w.Shape()[1]*group != x.Shape()[1] {
		return fmt.Errorf("weights %v do not fit %v in %d groups", w, x, group)
	}
	win, err := newWindow(c, x.Shape()[2:], w.Shape()[2:])
	if err != nil {
		return err
	}
	if err := win.size(c.attrs.text("auto_pad", "NOTSET"), false); err != nil {
		return err
	}
	shape := tensor.Shape{x.Shape()[0], w.Shape()[0]}
	for _, n := range win.out {
		shape = append(shape, int64(n))
	}
	y, err := c.make(0, x.DType(), shape)
	if err != nil {
		return err
	}
	switch d := x.Any().(type) {
	case []float32:
		return convOf(c, win, d, w.Float32s(), y.Float32s(), x.Shape(), w.Shape(), int(group))
	case []float64:
		return convOf(c, win, d, w.Float64s(), y.Float64s(), x.Shape(), w.Shape(), int(group))
	}
	return refuse(x)
}

func convOf[T float](c *call, win *window, x, w, y []T, xs, ws tensor.Shape, group int) error {
	positions, size := sizesOf(win.out).total, sizesOf(win.in).total
	in, out := int(xs[1])/group, int(ws[0])/group
	rows := in * sizesOf(win.kernel).total
	columns, err := scratch[T](c.memory, rows*positions)
	if err != nil {
		return err
	}
	defer giveBack(c.memory, columns)
	for part := range int(xs[0]) * group { // every group of every row of the batch
		g := part % group
		unfold(win, columns, x[part*in*size:(part+1)*in*size], in)
		err := product(c, 1, matrix[T]{data: w[g*out*rows : (g+1)*out*rows], rows: out, cols: rows},
			matrix[T]{data: columns, rows: rows, cols: positions}, 0, y[part*out*positions:(part+1)*out*positions])
		if err != nil {
			return err
		}
	}
	return addBias(c, y, int(ws[0]), positions)
}

func addBias[T float](c *call, y []T, channels, positions int) error {
	t := c.optional(2)
	if t == nil {
		return nil
	}
	bias, ok := t.Any().([]T)
	if !ok || len(bias) != channels {
		return fmt.Errorf("the bias is %v for %d channels", t, channels)
	}
	for i := range y {
		y[i] += bias[i/positions%channels]
	}
	return nil
}

// convTranspose adds every input element, times the kernel, to the outputs it
// reaches: the gradient of conv towards its input.
func convTranspose(c *call) error {
	x, w, group, err := convOperands(c)
	if err != nil {
		return err
	}
	if w.Shape()[0] != x.Shape()[1] {
		return fmt.Errorf("weights %v do not fit %v", w, x)
	}
	win, shape, err := transposedWindow(c, x, w, group)
	if err != nil {
		return err
	}
	y, err := c.make(0, x.DType(), shape)
	if err != nil {
		return err
	}
	switch d := x.Any().(type) {
	case []float32:
		return convTransposeOf(c, win, d, w.Float32s(), y.Float32s(), x.Shape(), w.Shape(), int(group))
	case []float64:
		return convTransposeOf(c, win, d, w.Float64s(), y.Float64s(), x.Shape(), w.Shape(), int(group))
	}
	return refuse(x)
}

// transposedWindow is the window of the convolution whose gradient this is:
// its input is our output.
func transposedWindow(c *call, x, w *tensor.Tensor, group int64) (*window, tensor.Shape, error) {
	spatial := x.Shape()[2:]
	win, err := newWindow(c, spatial, w.Shape()[2:])
	if err != nil {
		return nil, nil, err
	}
	extra := c.attrs.ints("output_padding")
	wanted := c.attrs.ints("output_shape")
	auto := c.attrs.text("auto_pad", "NOTSET")
	shape := tensor.Shape{x.Shape()[0], w.Shape()[1] * group}
	win.out, win.in = win.in, nil
	for i := range spatial {
		full := (win.out[i]-1)*win.strides[i] + win.reach(i)
		if i < len(extra) {
			full += int(extra[i])
		}
		size := full - win.before[i] - win.after[i]
		if same := auto == "SAME_UPPER" || auto == "SAME_LOWER"; same || i < len(wanted) {
			if size = win.out[i] * win.strides[i]; i < len(wanted) {
				size = int(wanted[i])
			}
			total := max(full-size, 0)
			if win.before[i] = total - total/2; auto != "SAME_LOWER" {
				win.before[i] = total / 2
			}
		}
		if size < 0 {
			return nil, nil, fmt.Errorf("pads are larger than the output along axis %d", i)
		}
		win.in = append(win.in, size)
		shape = append(shape, int64(size))
	}
	return win, shape, nil
}

func convTransposeOf[T float](c *call, win *window, x, w, y []T, xs, ws tensor.Shape, group int) error {
	positions, size := sizesOf(win.out).total, sizesOf(win.in).total
	in, out := int(xs[1])/group, int(ws[1])
	rows := out * sizesOf(win.kernel).total
	columns, err := scratch[T](c.memory, rows*positions)
	if err != nil {
		return err
	}
	defer giveBack(c.memory, columns)
	clear(y)
	for part := range int(xs[0]) * group {
		g := part % group
		err := product(c, 1, matrix[T]{data: w[g*in*rows : (g+1)*in*rows], rows: in, cols: rows, trans: true},
			matrix[T]{data: x[part*in*positions : (part+1)*in*positions], rows: in, cols: positions}, 0, columns)
		if err != nil {
			return err
		}
		foldBack(win, columns, y[part*out*size:(part+1)*out*size], out)
	}
	return addBias(c, y, group*out, size)
}

// unfold writes, for every channel and kernel position, the inputs that it
// meets at all output positions, and 0 in the padding.
func unfold[T float](w *window, columns, x []T, channels int) {
	w.rows(channels, func(to, from, first, n, step, width int) {
		row := columns[to : to+width]
		clear(row[:first])
		for i := range n {
			row[first+i] = x[from+i*step]
		}
		clear(row[first+n:])
	})
}

// foldBack is unfold's transpose: it adds the columns to the inputs that they
// meet.
func foldBack[T float](w *window, columns, x []T, channels int) {
	w.rows(channels, func(to, from, first, n, step, width int) {
		row := columns[to : to+width]
		for i := range n {
			x[from+i*step] += row[first+i]
		}
	})
}

// rows calls do for every row of output positions (along the last axis) of
// every channel and kernel position. The row starts at to in the columns and
// has width elements, of which n from first on meet the inputs at from,
// from+step, ....
func (w *window) rows(channels int, do func(to, from, first, n, step, width int)) {
	last := len(w.in) - 1
	width, size, to := w.out[last], sizesOf(w.in).total, 0
	if sizesOf(w.out).total == 0 {
		return
	}
	tap, position := make([]int, last+1), make([]int, last)
	for ch := range channels {
		clear(tap)
		for more := true; more; more = count(tap, w.kernel) {
			first, n, at := w.overlap(last, tap[last])
			clear(position)
			for inner := true; inner; inner = count(position, w.out[:last]) {
				from, inside := w.meets(position, tap)
				if inside {
					do(to, ch*size+from*w.in[last]+at, first, n, w.strides[last], width)
				} else {
					do(to, 0, 0, 0, 0, width)
				}
				to += width
			}
		}
	}
}

// count counts one on, last digit first, and reports false after the last.
func count(digits, sizes []int) bool {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i]++; digits[i] < sizes[i] {
			return true
		}
		digits[i] = 0
	}
	return false
}

// overlap returns the first output position along an axis at which a kernel
// position meets the input, the number of such positions, and the input there.
func (w *window) overlap(axis, tap int) (first, n, at int) {
	start, stride := tap*w.dilations[axis]-w.before[axis], w.strides[axis]
	if start < 0 {
		first = (stride - start - 1) / stride
	}
	at = start + first*stride
	if first >= w.out[axis] || at >= w.in[axis] {
		return 0, 0, 0
	}
	return first, min(w.out[axis]-first, (w.in[axis]-1-at)/stride+1), at
}

// meets returns the row of inputs that a kernel position sees at an output
// position, the last axis left out, and whether there is one.
func (w *window) meets(position, tap []int) (row int, inside bool) {
	for i, p := range position {
		v := p*w.strides[i] - w.before[i] + tap[i]*w.dilations[i]
		if v < 0 || v >= w.in[i] {
			return 0, false
		}
		row = row*w.in[i] + v
	}
	return row, true
}
