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

func poolKernels() map[string]kernel {
	return map[string]kernel{
		"MaxPool": pool(true), "AveragePool": pool(false),
		"GlobalMaxPool": globalPool("ReduceMax"), "GlobalAveragePool": globalPool("ReduceMean"),
	}
}

func poolOver(c *call, x *tensor.Tensor) (*window, *tensor.Tensor, error) {
	if x.Rank() < 3 {
		return nil, nil, fmt.Errorf("needs [batch, channels, spatial...], not %v", x)
	}
	if len(c.out) > 1 && c.slots[1] >= 0 {
		return nil, nil, fmt.Errorf("the pure-Go engine does not return indices")
	}
	kernel := c.attrs.ints("kernel_shape")
	if len(kernel) != x.Rank()-2 {
		return nil, nil, fmt.Errorf("kernel_shape %v does not fit %v", kernel, x)
	}
	win, err := newWindow(c, x.Shape()[2:], kernel)
	if err != nil {
		return nil, nil, err
	}
	if err := win.size(c.attrs.text("auto_pad", "NOTSET"), c.attrs.int("ceil_mode", 0) == 1); err != nil {
		return nil, nil, err
	}
	shape := append(tensor.Shape{}, x.Shape()[:2]...)
	for _, n := range win.out {
		shape = append(shape, int64(n))
	}
	y, err := c.make(0, x.DType(), shape)
	return win, y, err
}

func pool(largest bool) kernel {
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		win, y, err := poolOver(c, x)
		if err != nil {
			return err
		}
		countPads := c.attrs.int("count_include_pad", 0) == 1
		switch d := x.Any().(type) {
		case []float32:
			poolOf(win, d, y.Float32s(), largest, countPads)
		case []float64:
			poolOf(win, d, y.Float64s(), largest, countPads)
		default:
			return refuse(x)
		}
		return nil
	}
}

func poolOf[T float](win *window, x, y []T, largest, countPads bool) {
	positions, size := sizesOf(win.out).total, sizesOf(win.in).total
	if positions == 0 || size == 0 {
		return
	}
	taps := win.list()
	counts := make([]int, positions)
	for _, t := range taps {
		counts[t.out]++
	}
	if countPads {
		win.paddedCounts(counts)
	}
	for plane := range len(y) / positions {
		from, to := x[plane*size:(plane+1)*size], y[plane*positions:(plane+1)*positions]
		clear(to)
		seen := make([]bool, positions)
		for _, t := range taps {
			switch {
			case !largest:
				to[t.out] += from[t.in]
			case !seen[t.out] || from[t.in] > to[t.out]:
				to[t.out], seen[t.out] = from[t.in], true
			}
		}
		if !largest {
			for i, n := range counts {
				to[i] /= T(max(n, 1))
			}
		}
	}
}

// paddedCounts counts the kernel positions that lie within the padded input:
// rounding up can put the last windows partly outside even of that.
func (w *window) paddedCounts(counts []int) {
	outs := sizesOf(w.out)
	for o := range counts {
		n := 1
		for i := range w.in {
			start := outs.index(o, i) * w.strides[i]
			limit := w.in[i] + w.before[i] + w.after[i]
			inside := 0
			for k := range w.kernel[i] {
				if start+k*w.dilations[i] < limit {
					inside++
				}
			}
			n *= inside
		}
		counts[o] = n
	}
}

func globalPool(op string) kernel {
	k := reduceKernels()[op]
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		var axes []int64
		for i := 2; i < x.Rank(); i++ {
			axes = append(axes, int64(i))
		}
		list, err := tensor.Of(axes, int64(len(axes)))
		if err != nil {
			return err
		}
		c.in = append(c.in[:1], list)
		return k(c)
	}
}
