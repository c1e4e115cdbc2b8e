package gonum

import (
	"fmt"
	"slices"
)

// window is the geometry of a convolution or pooling over any number of
// spatial axes.
type window struct {
	kernel, strides, dilations, before, after []int
	in, out                                   []int // spatial sizes
}

// maxWindow bounds kernels, strides, dilations and pads far above any use, so
// that their products stay small numbers.
const maxWindow = 1 << 20

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
			if x < -maxWindow || x > maxWindow {
				return nil, fmt.Errorf("%s %v has an entry beyond %d", name, xs, maxWindow)
			}
			out[i] = int(x)
		}
		return out, nil
	}
	var err error
	if auto := c.attrs.text("auto_pad", "NOTSET"); !slices.Contains([]string{"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}, auto) {
		return nil, fmt.Errorf("auto_pad %q is not one of NOTSET, SAME_UPPER, SAME_LOWER, VALID", auto)
	}
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
		if w.strides[i] < 1 || w.dilations[i] < 1 || kernel[i] < 1 || kernel[i] > maxWindow || w.before[i] < 0 || w.after[i] < 0 {
			return nil, fmt.Errorf("strides, dilations and kernel must be at least 1, pads at least 0, and the kernel at most %d", maxWindow)
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
