package gonum

import (
	"fmt"
	"slices"
	"strings"

	"espalier/runtime"
	"espalier/tensor"
)

// tap is a meeting of an output position with an input position.
type tap struct{ out, in int }

// maxTaps bounds the meetings of one window with its input.
const maxTaps = 1 << 26

// list lists the meetings within one channel.
func (w *window) list() ([]tap, error) {
	outs, kernels := sizesOf(w.out), sizesOf(w.kernel)
	if outs.total > maxTaps/max(kernels.total, 1) {
		return nil, fmt.Errorf("%d windows of %d positions are more than %d together", outs.total, kernels.total, maxTaps)
	}
	var taps []tap
	for o := range outs.total {
		for k := range kernels.total {
			if in, ok := w.meet(outs, kernels, o, k); ok {
				taps = append(taps, tap{o, in})
			}
		}
	}
	return taps, nil
}

func poolKernels() map[string]forms {
	mean := func(s float64, n int) float64 { return s / float64(n) }
	return map[string]forms{
		"MaxPool": versions(1, 1, maxPool, "auto_pad", "kernel_shape", "pads", "strides").
			and(8, 8, maxPool, "auto_pad", "kernel_shape", "pads", "storage_order", "strides").
			andMade(10, 22, dilated(maxPool), "auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"),
		"AveragePool": versions(7, 7, averagePool, "auto_pad", "count_include_pad", "kernel_shape", "pads", "strides").
			and(10, 11, averagePool, "auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides").
			andMade(19, 22, dilated(averagePool), "auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"),
		"GlobalMaxPool": versions(1, 22, globalPool(reduction{fold: foldMax})), "GlobalAveragePool": versions(1, 22, globalPool(reduction{foldSum, mean})),
	}
}

// dilated makes a pooling whose windows may have gaps. Where the padding is to be
// found by the operator itself, ONNX Runtime finds that of windows without.
func dilated(k kernel) maker {
	return func(a attributes, _ int64) (kernel, error) {
		auto := a.text("auto_pad", "NOTSET")
		if strings.HasPrefix(auto, "SAME_") && slices.ContainsFunc(a.ints("dilations"), func(d int64) bool { return d != 1 }) {
			return nil, fmt.Errorf("%w: dilations %v with auto_pad %s, for which ONNX Runtime pads differently from the standard; set pads", runtime.ErrUnsupported, a.ints("dilations"), auto)
		}
		return k, nil
	}
}

// poolOver returns the operand, the window over it and output 0.
func poolOver(c *call) (x *tensor.Tensor, win *window, y *tensor.Tensor, err error) {
	if x, err = c.input(0); err != nil {
		return nil, nil, nil, err
	}
	kernel := c.attrs.ints("kernel_shape")
	if x.Rank() < 3 || len(kernel) != x.Rank()-2 {
		return nil, nil, nil, fmt.Errorf("kernel_shape %v does not fit %v, which is to be [batch, channels, spatial...]", kernel, x)
	}
	if win, err = newWindow(c, x.Shape()[2:], kernel); err != nil {
		return nil, nil, nil, err
	}
	if err := win.size(c.attrs.text("auto_pad", "NOTSET"), c.attrs.int("ceil_mode", 0) == 1); err != nil {
		return nil, nil, nil, err
	}
	shape := append(tensor.Shape{}, x.Shape()[:2]...)
	for _, n := range win.out {
		shape = append(shape, int64(n))
	}
	y, err = c.make(0, x.DType(), shape)
	return x, win, y, err
}

// maxPool returns the largest elements and, where asked for, their places.
func maxPool(c *call) error {
	x, win, y, err := poolOver(c)
	if err != nil {
		return err
	}
	var places []int64
	if len(c.out) > 1 {
		t, err := c.make(1, tensor.Int64, y.Shape())
		if err != nil {
			return err
		}
		places = t.Int64s()
	}
	byColumn := c.attrs.int("storage_order", 0) == 1
	switch d := x.Any().(type) {
	case []float32:
		return maxPoolOf(win, d, y.Float32s(), places, byColumn)
	case []float64:
		return maxPoolOf(win, d, y.Float64s(), places, byColumn)
	case []int8:
		out, _ := tensor.Data[int8](y)
		return maxPoolOf(win, d, out, places, byColumn)
	case []uint8:
		out, _ := tensor.Data[uint8](y)
		return maxPoolOf(win, d, out, places, byColumn)
	}
	return refuse(x)
}

func maxPoolOf[T number](win *window, x, y []T, places []int64, byColumn bool) error {
	positions, size := sizesOf(win.out).total, sizesOf(win.in)
	if len(y) == 0 {
		return nil
	}
	taps, err := win.list()
	if err != nil {
		return err
	}
	best := make([]int, positions) // the input that is largest, -1 for none yet
	for plane := range len(y) / positions {
		for i := range best {
			best[i] = -1
		}
		from := x[plane*size.total : (plane+1)*size.total]
		for _, t := range taps {
			if b := best[t.out]; b < 0 || from[t.in] > from[b] || from[t.in] != from[t.in] {
				best[t.out] = t.in
			}
		}
		for i, b := range best {
			if b < 0 {
				return fmt.Errorf("a window lies wholly in the padding")
			}
			at := plane*positions + i
			y[at] = from[b]
			if places == nil {
				continue
			}
			if byColumn {
				b = size.byColumn(b)
			}
			places[at] = int64(plane*size.total + b)
		}
	}
	return nil
}

// byColumn turns a row-major offset into a column-major one.
func (g grid) byColumn(n int) int {
	at, stride := 0, 1
	for i := range g.sizes {
		at += g.index(n, i) * stride
		stride *= g.sizes[i]
	}
	return at
}

func averagePool(c *call) error {
	x, win, y, err := poolOver(c)
	if err != nil {
		return err
	}
	padded := c.attrs.int("count_include_pad", 0) == 1
	switch d := x.Any().(type) {
	case []float32:
		return averagePoolOf(win, d, y.Float32s(), padded)
	case []float64:
		return averagePoolOf(win, d, y.Float64s(), padded)
	}
	return refuse(x)
}

func averagePoolOf[T float](win *window, x, y []T, padded bool) error {
	positions, size := sizesOf(win.out).total, sizesOf(win.in).total
	if len(y) == 0 {
		return nil
	}
	taps, err := win.list()
	if err != nil {
		return err
	}
	counts, sums := make([]int, positions), make([]float64, positions)
	for _, t := range taps {
		counts[t.out]++
	}
	if padded {
		win.paddedCounts(counts)
	}
	for plane := range len(y) / positions {
		clear(sums)
		from, to := x[plane*size:(plane+1)*size], y[plane*positions:(plane+1)*positions]
		for _, t := range taps {
			sums[t.out] += float64(from[t.in])
		}
		for i, n := range counts {
			to[i] = T(sums[i] / float64(max(n, 1)))
		}
	}
	return nil
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

// globalPool folds all axes behind the second.
func globalPool(r reduction) kernel {
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		if x.Rank() < 2 {
			return fmt.Errorf("needs [batch, channels, spatial...], not %v", x)
		}
		mark := make([]bool, x.Rank())
		for i := range mark {
			mark[i] = i >= 2
		}
		return c.reduce(r, x, mark, true)
	}
}
