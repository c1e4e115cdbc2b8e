package gonum

import (
	"fmt"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

func shapeKernels() map[string]forms {
	return map[string]forms{
		"Identity": versions(1, 25, func(c *call) error {
			x, err := c.input(0)
			if err != nil {
				return err
			}
			return c.view(x, x.Shape())
		}),
		"Dropout": versions(7, 7, unmasked(false)).ignoring("ratio").and(10, 10, unmasked(true)).ignoring("ratio").and(12, 22, dropout).ignoring("seed"),
		"Shape":   versions(1, 13, shapeOf).and(15, 25, shapeOf, "end", "start"),
		"Size": versions(1, 25, func(c *call) error {
			x, err := c.input(0)
			if err != nil {
				return err
			}
			c.out[0] = tensor.Scalar(int64(x.Len()))
			return nil
		}),
		"Constant": versions(1, 11, constant, "value").
			and(12, 25, constant, "value", "value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings"),
		"ConstantOfShape": versions(9, 25, constantOfShape, "value"),
		"Range":           versions(11, 11, rangeOf).and(27, 27, rangeOf).ignoring("stash_type"),
		"Reshape":         versions(1, 1, reshape, "shape").ignoring("consumed_inputs").and(5, 13, reshape).and(14, 25, reshape, "allowzero"),
		"Flatten":         versions(1, 25, flatten, "axis"),
		"Squeeze":         versions(1, 11, squeeze, "axes").and(13, 25, squeeze),
		"Unsqueeze":       versions(1, 11, unsqueeze, "axes").and(13, 25, unsqueeze),
		"Transpose":       versions(1, 25, transpose, "perm"),
		"Expand":          versions(8, 13, expand),
		"Tile":            versions(6, 13, tile),
		"Concat":          versions(4, 13, concat, "axis"),
		"Split":           versions(2, 11, split, "axis", "split").and(13, 13, split, "axis").and(18, 18, split, "axis", "num_outputs"),
		"Slice":           versions(1, 1, slice, "axes", "ends", "starts").and(10, 13, slice),
		"Pad":             versions(2, 2, padByAttributes, "mode", "pads", "value").and(11, 25, pad, "mode"),
		"Trilu":           versions(14, 14, trilu, "upper"),
	}
}

// unmasked are the versions before 12, which have no training mode. A mask is of
// bools, or in version 7 of the operand's type; ONNX Runtime leaves it empty.
func unmasked(bools bool) kernel {
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		if len(c.out) > 1 && c.slots[1] >= 0 {
			dtype := tensor.Bool
			if !bools {
				dtype = x.DType()
			}
			m, err := c.make(1, dtype, x.Shape())
			if err != nil {
				return err
			}
			zero, err := tensor.New(dtype, 1)
			if err != nil {
				return err
			}
			spreadTo(m, zero)
		}
		return c.view(x, x.Shape())
	}
}

// dropout passes its input: a file that is run does not train. The mask is all
// true.
func dropout(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	if t := c.optional(2); t != nil && len(t.Bools()) == 1 && t.Bools()[0] {
		if r := c.optional(1); r == nil || r.Len() != 1 || r.Any() == nil || !isZero(r) {
			return fmt.Errorf("%w: dropout in training mode draws random numbers that no run could repeat; feed the mask as an input", runtime.ErrUnsupported)
		}
	}
	if len(c.out) > 1 && c.slots[1] >= 0 {
		m, err := c.make(1, tensor.Bool, x.Shape())
		if err != nil {
			return err
		}
		for i := range m.Bools() {
			m.Bools()[i] = true
		}
	}
	return c.view(x, x.Shape())
}

func isZero(t *tensor.Tensor) bool {
	f, err := toFloats(t)
	return err == nil && len(f) == 1 && f[0] == 0
}

func shapeOf(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	rank := int64(x.Rank())
	bound := func(i int64) int64 {
		if i < 0 {
			i += rank
		}
		return min(max(i, 0), rank)
	}
	start, end := bound(c.attrs.int("start", 0)), bound(c.attrs.int("end", rank))
	sizes := append([]int64{}, x.Shape()[start:max(start, end)]...)
	c.out[0], err = tensor.Of(sizes, int64(len(sizes)))
	return err
}

func constant(c *call) error {
	var err error
	for name := range c.attrs {
		switch name {
		case "value":
			c.out[0], err = c.attrs.get(name, onnx.AttrTensor).Tensor.Value()
		case "value_float":
			c.out[0] = tensor.Scalar(c.attrs.float(name, 0))
		case "value_int":
			c.out[0] = tensor.Scalar(c.attrs.int(name, 0))
		case "value_string":
			c.out[0] = tensor.Scalar(c.attrs.text(name, ""))
		case "value_floats":
			xs := c.attrs.floats(name)
			c.out[0], err = tensor.Of(append([]float32{}, xs...), int64(len(xs)))
		case "value_ints":
			xs := c.attrs.ints(name)
			c.out[0], err = tensor.Of(append([]int64{}, xs...), int64(len(xs)))
		case "value_strings":
			xs := c.attrs.texts(name)
			c.out[0], err = tensor.Of(xs, int64(len(xs)))
		default:
			err = fmt.Errorf("attribute %q is not supported", name)
		}
	}
	return err
}

func constantOfShape(c *call) error {
	s, err := c.input(0)
	if err != nil {
		return err
	}
	sizes, err := toInts(s)
	if err != nil {
		return err
	}
	fill := tensor.Must(tensor.Of([]float32{0}, 1))
	if a := c.attrs.get("value", onnx.AttrTensor); a != nil {
		if fill, err = a.Tensor.Value(); err != nil {
			return err
		}
	}
	if fill.Len() != 1 {
		return fmt.Errorf("the value is %v, not one element", fill)
	}
	y, err := c.make(0, fill.DType(), sizes)
	if err != nil {
		return err
	}
	spreadTo(y, fill)
	return nil
}

// spreadTo sets every element of y to the one of x.
func spreadTo(y, x *tensor.Tensor) {
	switch d := x.Any().(type) {
	case []float32:
		set(y, d)
	case []float64:
		set(y, d)
	case []int8:
		set(y, d)
	case []int16:
		set(y, d)
	case []int32:
		set(y, d)
	case []int64:
		set(y, d)
	case []uint8:
		set(y, d)
	case []uint16:
		set(y, d)
	case []uint32:
		set(y, d)
	case []uint64:
		set(y, d)
	case []bool:
		set(y, d)
	case []string:
		set(y, d)
	}
}

func set[T any](y *tensor.Tensor, x []T) {
	out := y.Any().([]T)
	for i := range out {
		out[i] = x[0]
	}
}

func rangeOf(c *call) error {
	var ends [3]*tensor.Tensor
	for i := range ends {
		t, err := c.input(i)
		if err != nil {
			return err
		}
		if t.Len() != 1 || t.DType() != c.in[0].DType() {
			return fmt.Errorf("start, limit and delta must be three numbers of one type")
		}
		ends[i] = t
	}
	switch d := ends[0].Any().(type) {
	case []float32:
		return ranged(c, d[0], ends[1].Float32s()[0], ends[2].Float32s()[0])
	case []float64:
		return ranged(c, d[0], ends[1].Float64s()[0], ends[2].Float64s()[0])
	case []int64:
		return ranged(c, d[0], ends[1].Int64s()[0], ends[2].Int64s()[0])
	case []int32:
		return ranged(c, d[0], ends[1].Any().([]int32)[0], ends[2].Any().([]int32)[0])
	}
	return refuse(ends[0])
}

func ranged[T number](c *call, start, limit, delta T) error {
	if delta == 0 {
		return fmt.Errorf("delta is 0")
	}
	n := int64(0)
	if f := (float64(limit) - float64(start)) / float64(delta); f > MaxElements {
		return fmt.Errorf("the range has more than %d elements", MaxElements)
	} else if f > 0 {
		n = int64(f)
		if float64(n) < f {
			n++
		}
	}
	y, err := c.make(0, c.in[0].DType(), tensor.Shape{n})
	if err != nil {
		return err
	}
	out, _ := tensor.Data[T](y)
	for i := range out {
		out[i] = start + T(i)*delta
	}
	return nil
}

func reshape(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	target, ok, err := c.integers("shape", 1)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("there is no shape")
	}
	shape := append(tensor.Shape{}, target...)
	left, known := -1, int64(1)
	for i, d := range shape {
		switch {
		case d == 0 && c.attrs.int("allowzero", 0) == 0:
			if i >= x.Rank() {
				return fmt.Errorf("shape %v copies dimension %d of %v", shape, i, x.Shape())
			}
			shape[i] = x.Shape()[i]
		case d == -1 && left < 0:
			left = i
			continue
		case d < 0:
			return fmt.Errorf("shape %v has a negative size", shape)
		}
		known *= shape[i]
	}
	if left >= 0 {
		if known == 0 || int64(x.Len())%known != 0 {
			return fmt.Errorf("%v does not have a multiple of %d elements", x.Shape(), known)
		}
		shape[left] = int64(x.Len()) / known
	}
	return c.view(x, shape)
}

func flatten(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	shape, err := matrixAt(x, c.attrs.int("axis", 1))
	if err != nil {
		return err
	}
	return c.view(x, shape)
}

// matrixAt returns the shape of a tensor as a matrix, whose columns begin at an
// axis.
func matrixAt(x *tensor.Tensor, axis int64) (tensor.Shape, error) {
	a := axis
	if a < 0 {
		a += int64(x.Rank())
	}
	if a < 0 || a > int64(x.Rank()) {
		return nil, fmt.Errorf("axis %d is outside rank %d", axis, x.Rank())
	}
	rows, cols := int64(1), int64(1)
	for i, d := range x.Shape() {
		if int64(i) < a {
			rows *= d
		} else {
			cols *= d
		}
	}
	return tensor.Shape{rows, cols}, nil
}

func squeeze(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	axes, ok, err := c.integers("axes", 1)
	if err != nil {
		return err
	}
	drop := make([]bool, x.Rank())
	for _, a := range axes {
		i, err := axisOf(a, x.Rank())
		if err != nil {
			return err
		}
		if x.Shape()[i] != 1 {
			return fmt.Errorf("dimension %d of %v is not 1", i, x.Shape())
		}
		drop[i] = true
	}
	shape := tensor.Shape{}
	for i, d := range x.Shape() {
		if drop[i] || !ok && d == 1 {
			continue
		}
		shape = append(shape, d)
	}
	return c.view(x, shape)
}

func unsqueeze(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	axes, _, err := c.integers("axes", 1)
	if err != nil {
		return err
	}
	rank := x.Rank() + len(axes)
	isNew := make([]bool, rank)
	for _, a := range axes {
		i, err := axisOf(a, rank)
		if err != nil {
			return err
		}
		if isNew[i] {
			return fmt.Errorf("axes %v name one dimension twice", axes)
		}
		isNew[i] = true
	}
	shape := make(tensor.Shape, rank)
	old := x.Shape()
	for i := range shape {
		if isNew[i] {
			shape[i] = 1
			continue
		}
		shape[i], old = old[0], old[1:]
	}
	return c.view(x, shape)
}

// gatherBy copies x into output 0 of the given shape, reading with the given
// strides from an offset.
func (c *call) gatherBy(x *tensor.Tensor, shape tensor.Shape, strides []int, offset int) error {
	y, err := c.make(0, x.DType(), shape)
	if err != nil {
		return err
	}
	return copyBy(x, y, strides, offset)
}

func copyBy(x, y *tensor.Tensor, strides []int, offset int) error {
	switch d := x.Any().(type) {
	case []float32:
		strided(d, y, strides, offset)
	case []float64:
		strided(d, y, strides, offset)
	case []int8:
		strided(d, y, strides, offset)
	case []int16:
		strided(d, y, strides, offset)
	case []int32:
		strided(d, y, strides, offset)
	case []int64:
		strided(d, y, strides, offset)
	case []uint8:
		strided(d, y, strides, offset)
	case []uint16:
		strided(d, y, strides, offset)
	case []uint32:
		strided(d, y, strides, offset)
	case []uint64:
		strided(d, y, strides, offset)
	case []bool:
		strided(d, y, strides, offset)
	case []string:
		strided(d, y, strides, offset)
	default:
		return refuse(x)
	}
	return nil
}

func strided[T any](x []T, y *tensor.Tensor, strides []int, offset int) {
	out, shape := y.Any().([]T), y.Shape()
	last, step := 1, 1
	if n := len(shape); n > 0 {
		last, step = int(shape[n-1]), strides[n-1]
	}
	walk(shape, [][]int{strides}, func(at int, from []int) {
		i := from[0] + offset
		if step == 1 {
			copy(out[at:at+last], x[i:i+last])
			return
		}
		for k := at; k < at+last; k++ {
			out[k] = x[i]
			i += step
		}
	})
}

func transpose(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	perm := c.attrs.ints("perm")
	if perm == nil {
		for i := x.Rank() - 1; i >= 0; i-- {
			perm = append(perm, int64(i))
		}
	}
	if len(perm) != x.Rank() {
		return fmt.Errorf("%v is not an order of %d dimensions", perm, x.Rank())
	}
	st := stridesOf(x.Shape())
	shape, strides := make(tensor.Shape, len(perm)), make([]int, len(perm))
	seen := make([]bool, len(perm))
	for i, p := range perm {
		a, err := axisOf(p, x.Rank())
		if err != nil || seen[a] {
			return fmt.Errorf("%v is not an order of %d dimensions", perm, x.Rank())
		}
		seen[a] = true
		shape[i], strides[i] = x.Shape()[a], st[a]
	}
	return c.gatherBy(x, shape, strides, 0)
}

func expand(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	t, err := c.input(1)
	if err != nil {
		return err
	}
	sizes, err := toInts(t)
	if err != nil {
		return err
	}
	shape, err := broadcastShapes(x.Shape(), tensor.Shape(sizes))
	if err != nil {
		return err
	}
	return c.gatherBy(x, shape, stretch(x.Shape(), shape), 0)
}

// tile repeats: every axis becomes two, the repeats with stride 0.
func tile(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	t, err := c.input(1)
	if err != nil {
		return err
	}
	repeats, err := toInts(t)
	if err != nil || len(repeats) != x.Rank() {
		return fmt.Errorf("%v repeats for rank %d", repeats, x.Rank())
	}
	st := stridesOf(x.Shape())
	var wide, shape tensor.Shape
	var strides []int
	for i, d := range x.Shape() {
		if repeats[i] < 0 {
			return fmt.Errorf("repeats %v are negative", repeats)
		}
		wide = append(wide, repeats[i], d)
		strides = append(strides, 0, st[i])
		shape = append(shape, repeats[i]*d)
	}
	if err := c.gatherBy(x, wide, strides, 0); err != nil {
		return err
	}
	c.out[0], err = c.out[0].Reshape(shape...)
	return err
}

// block is a part of a tensor: n elements along an axis from start on.
func copyBlock(dst, src *tensor.Tensor, axis, dstStart, srcStart, n int) error {
	switch d := src.Any().(type) {
	case []float32:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	case []float64:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	case []int8:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	case []int16:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	case []int32:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	case []int64:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	case []uint8:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	case []uint16:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	case []uint32:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	case []uint64:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	case []bool:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	case []string:
		moveBlock(dst, src, d, axis, dstStart, srcStart, n)
	default:
		return refuse(src)
	}
	return nil
}

func moveBlock[T any](dst, src *tensor.Tensor, d []T, axis, dstStart, srcStart, n int) {
	outer, from, inner := around(src.Shape(), axis)
	_, to, _ := around(dst.Shape(), axis)
	out := dst.Any().([]T)
	for o := range outer {
		at, read := (o*to+dstStart)*inner, (o*from+srcStart)*inner
		copy(out[at:at+n*inner], d[read:read+n*inner])
	}
}

func concat(c *call) error {
	first, err := c.input(0)
	if err != nil {
		return err
	}
	a, err := axisOf(c.attrs.int("axis", 0), first.Rank())
	if err != nil {
		return err
	}
	shape := append(tensor.Shape{}, first.Shape()...)
	shape[a] = 0
	for i := range c.in {
		t, err := c.input(i)
		if err != nil {
			return err
		}
		if t.Rank() != first.Rank() || t.DType() != first.DType() {
			return fmt.Errorf("operands %v and %v do not join", first, t)
		}
		for j := range shape {
			if j != a && t.Shape()[j] != shape[j] {
				return fmt.Errorf("operands %v and %v do not join along axis %d", first, t, a)
			}
		}
		shape[a] += t.Shape()[a]
	}
	y, err := c.make(0, first.DType(), shape)
	if err != nil {
		return err
	}
	at := 0
	for _, t := range c.in {
		n := int(t.Shape()[a])
		if err := copyBlock(y, t, a, at, 0, n); err != nil {
			return err
		}
		at += n
	}
	return nil
}

func split(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	a, err := axisOf(c.attrs.int("axis", 0), x.Rank())
	if err != nil {
		return err
	}
	sizes, ok, err := c.integers("split", 1)
	if err != nil {
		return err
	}
	total := x.Shape()[a]
	if n := c.attrs.int("num_outputs", int64(len(c.out))); n != int64(len(c.out)) {
		return fmt.Errorf("num_outputs is %d, there are %d outputs", n, len(c.out))
	}
	if !ok {
		parts := int64(len(c.out))
		each := (total + parts - 1) / parts
		for i := range parts {
			sizes = append(sizes, max(min(each, total-i*each), 0))
		}
	}
	if len(sizes) != len(c.out) {
		return fmt.Errorf("%d sizes for %d outputs", len(sizes), len(c.out))
	}
	at := int64(0)
	for i, n := range sizes {
		if n < 0 || at+n > total {
			return fmt.Errorf("sizes %v do not divide an axis of %d", sizes, total)
		}
		shape := append(tensor.Shape{}, x.Shape()...)
		shape[a] = n
		y, err := c.make(i, x.DType(), shape)
		if err != nil {
			return err
		}
		if err := copyBlock(y, x, a, 0, int(at), int(n)); err != nil {
			return err
		}
		at += n
	}
	if at != total {
		return fmt.Errorf("sizes %v do not add up to %d", sizes, total)
	}
	return nil
}

func slice(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	var lists [4][]int64
	var given [4]bool
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		if lists[i], given[i], err = c.integers(name, i+1); err != nil {
			return err
		}
	}
	starts, ends, axes, steps := lists[0], lists[1], lists[2], lists[3]
	if !given[2] {
		for i := range starts {
			axes = append(axes, int64(i))
		}
	}
	if !given[3] {
		for range starts {
			steps = append(steps, 1)
		}
	}
	if len(starts) != len(ends) || len(starts) != len(axes) || len(starts) != len(steps) {
		return fmt.Errorf("starts, ends, axes and steps have %d, %d, %d and %d entries", len(starts), len(ends), len(axes), len(steps))
	}
	shape, strides := append(tensor.Shape{}, x.Shape()...), stridesOf(x.Shape())
	offset := 0
	for i := range starts {
		a, err := axisOf(axes[i], x.Rank())
		if err != nil {
			return err
		}
		from, n, err := sliceRange(starts[i], ends[i], steps[i], x.Shape()[a])
		if err != nil {
			return err
		}
		shape[a] = n
		offset += int(from) * strides[a]
		strides[a] *= int(steps[i])
	}
	return c.gatherBy(x, shape, strides, offset)
}

// sliceRange returns where a slice starts and how many elements it has, by the
// operator's rules for negative and out-of-range positions.
func sliceRange(start, end, step, size int64) (from, n int64, err error) {
	if step == 0 {
		return 0, 0, fmt.Errorf("a step is 0")
	}
	if start < 0 {
		start += size
	}
	if end < 0 && end > -1<<62 {
		end += size
	}
	step = min(max(step, -size-1), size+1) // longer ones reach one element, too
	if step > 0 {
		start, end = min(max(start, 0), size), min(max(end, 0), size)
		n = (end - start + step - 1) / step
	} else {
		start, end = min(max(start, 0), size-1), min(max(end, -1), size-1)
		n = (start - end - step - 1) / -step
	}
	if n <= 0 || size == 0 {
		return 0, 0, nil
	}
	return start, n, nil
}

// padByAttributes is version 2, which has numbers for attributes.
func padByAttributes(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	fill, err := tensor.New(x.DType(), 1)
	if err != nil {
		return err
	}
	castTo(fill, []float32{c.attrs.float("value", 0)})
	return padAxes(c, x, c.attrs.ints("pads"), everyAxis(x), fill)
}

func pad(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	pads, ok, err := c.integers("", 1)
	if err != nil || !ok {
		return fmt.Errorf("there are no pads")
	}
	axes, given, err := c.integers("", 3)
	if err != nil {
		return err
	}
	if !given {
		axes = everyAxis(x)
	}
	fill, err := tensor.New(x.DType(), 1)
	if err != nil {
		return err
	}
	if t := c.optional(2); t != nil && t.Len() == 1 {
		fill = t
	}
	return padAxes(c, x, pads, axes, fill)
}

func everyAxis(x *tensor.Tensor) []int64 {
	axes := make([]int64, x.Rank())
	for i := range axes {
		axes[i] = int64(i)
	}
	return axes
}

// padAxes pads some axes, first before and then behind them.
func padAxes(c *call, x *tensor.Tensor, pads, axes []int64, fill *tensor.Tensor) error {
	if len(pads) != 2*len(axes) {
		return fmt.Errorf("%d pads for %d axes", len(pads), len(axes))
	}
	before, after := make([]int64, x.Rank()), make([]int64, x.Rank())
	for i, axis := range axes {
		a, err := axisOf(axis, x.Rank())
		if err != nil {
			return err
		}
		before[a], after[a] = pads[i], pads[len(axes)+i]
	}
	return padBy(c, x, before, after, fill, c.attrs.text("mode", "constant"))
}

// padBy pads axis by axis: negative amounts cut.
func padBy(c *call, x *tensor.Tensor, before, after []int64, fill *tensor.Tensor, mode string) error {
	for a := range before {
		if before[a] == 0 && after[a] == 0 {
			continue
		}
		shape := append(tensor.Shape{}, x.Shape()...)
		n := shape[a]
		if shape[a] += before[a] + after[a]; shape[a] < 0 {
			return fmt.Errorf("pads cut more than there is along axis %d", a)
		}
		y, err := c.new(x.DType(), shape)
		if err != nil {
			return err
		}
		if mode == "constant" {
			spreadTo(y, fill)
			keep := n + min(before[a], 0) + min(after[a], 0)
			if keep > 0 {
				err = copyBlock(y, x, a, int(max(before[a], 0)), int(max(-before[a], 0)), int(keep))
			}
		} else {
			err = mirror(y, x, a, before[a], mode)
		}
		if err != nil {
			return err
		}
		if x != c.in[0] {
			c.release(x)
		}
		x = y
	}
	if c.out[0] = x; x == c.in[0] {
		return c.view(x, x.Shape())
	}
	return nil
}

// mirror fills an axis from the operand by reflection, its edge, or round.
func mirror(y, x *tensor.Tensor, a int, before int64, mode string) error {
	n := x.Shape()[a]
	if n == 0 {
		return fmt.Errorf("axis %d is empty, there is nothing to %s", a, mode)
	}
	for i := range y.Shape()[a] {
		j := i - before
		switch mode {
		case "edge":
			j = min(max(j, 0), n-1)
		case "wrap":
			j = ((j % n) + n) % n
		case "reflect":
			if n == 1 {
				j = 0
				break
			}
			period := 2 * (n - 1)
			if j = ((j % period) + period) % period; j >= n {
				j = period - j
			}
		default:
			return fmt.Errorf("mode %q is not one of constant, edge, reflect, wrap", mode)
		}
		if err := copyBlock(y, x, a, int(i), int(j), 1); err != nil {
			return err
		}
	}
	return nil
}

func trilu(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	if x.Rank() < 2 {
		return fmt.Errorf("needs a matrix, not %v", x)
	}
	k := int64(0)
	if ks, ok, err := c.integers("", 1); err != nil {
		return err
	} else if ok && len(ks) == 1 {
		k = ks[0]
	}
	y, err := c.make(0, x.DType(), x.Shape())
	if err != nil {
		return err
	}
	rows, cols := x.Shape()[x.Rank()-2], x.Shape()[x.Rank()-1]
	upper := c.attrs.int("upper", 1) == 1
	keep := func(i int) bool {
		r, q := int64(i)/cols%rows, int64(i)%cols
		if upper {
			return q-r >= k
		}
		return q-r <= k
	}
	switch d := x.Any().(type) {
	case []float32:
		mask(d, y, keep)
	case []float64:
		mask(d, y, keep)
	case []int64:
		mask(d, y, keep)
	case []int32:
		mask(d, y, keep)
	case []bool:
		mask(d, y, keep)
	default:
		return refuse(x)
	}
	return nil
}

func mask[T any](x []T, y *tensor.Tensor, keep func(int) bool) {
	out := y.Any().([]T)
	var zero T
	for i, v := range x {
		if out[i] = zero; keep(i) {
			out[i] = v
		}
	}
}
