package gonum

import (
	"fmt"

	"espalier/tensor"
)

// tap is one meeting of an output position, a kernel position and an input
// position.
type tap struct{ out, k, in int }

func (w *window) list() []tap {
	var taps []tap
	w.taps(func(out, k, in int) { taps = append(taps, tap{out, k, in}) })
	return taps
}

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
	positions, kernel, size := sizesOf(win.out).total, sizesOf(win.kernel).total, sizesOf(win.in).total
	in, out := int(xs[1])/group, int(ws[0])/group
	taps := win.list()
	unfolded := make([]T, in*kernel*positions)
	for b := range int(xs[0]) {
		for g := range group {
			clear(unfolded)
			for ch := range in {
				from := x[(b*group*in+g*in+ch)*size:]
				to := unfolded[ch*kernel*positions:]
				for _, t := range taps {
					to[t.k*positions+t.out] = from[t.in]
				}
			}
			product(1, matrix[T]{data: w[g*out*in*kernel : (g+1)*out*in*kernel], rows: out, cols: in * kernel},
				matrix[T]{data: unfolded, rows: in * kernel, cols: positions}, 0,
				y[(b*group+g)*out*positions:(b*group+g+1)*out*positions])
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
	positions, kernel, size := sizesOf(win.out).total, sizesOf(win.kernel).total, sizesOf(win.in).total
	in, out := int(xs[1])/group, int(ws[1])
	taps := win.list()
	spread := make([]T, out*kernel*positions)
	clear(y)
	for b := range int(xs[0]) {
		for g := range group {
			product(1, matrix[T]{data: w[g*in*out*kernel : (g+1)*in*out*kernel], rows: in, cols: out * kernel, trans: true},
				matrix[T]{data: x[(b*group+g)*in*positions : (b*group+g+1)*in*positions], rows: in, cols: positions}, 0, spread)
			for ch := range out {
				to := y[(b*group*out+g*out+ch)*size:]
				from := spread[ch*kernel*positions:]
				for _, t := range taps {
					to[t.in] += from[t.k*positions+t.out]
				}
			}
		}
	}
	return addBias(c, y, group*out, size)
}
