package gonum

import (
	"fmt"

	"espalier/tensor"
)

func indexKernels() map[string]forms {
	return map[string]forms{
		"Gather": versions(1, 13, gather, "axis"), "GatherElements": versions(11, 13, gatherElements, "axis"), "GatherND": versions(11, 11, gatherND).and(12, 13, gatherND, "batch_dims"),
		"ScatterElements": versions(11, 13, scatterElements, "axis").and(16, 18, scatterElements, "axis", "reduction"),
		"ScatterND":       versions(11, 13, scatterND).and(16, 18, scatterND, "reduction"),
		"OneHot":          versions(9, 28, oneHot, "axis"), "NonZero": versions(9, 13, nonZero),
	}
}

// place turns an index into 0..n-1.
func place(i int64, n int) (int, error) {
	if i < 0 {
		i += int64(n)
	}
	if i < 0 || i >= int64(n) {
		return 0, fmt.Errorf("index %d is outside of %d", i, n)
	}
	return int(i), nil
}

// indices returns operand 1 as int64.
func (c *call) indices() (*tensor.Tensor, []int64, error) {
	t, err := c.input(1)
	if err != nil {
		return nil, nil, err
	}
	xs, err := toInts(t)
	return t, xs, err
}

func gather(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	t, xs, err := c.indices()
	if err != nil {
		return err
	}
	a, err := axisOf(c.attrs.int("axis", 0), x.Rank())
	if err != nil {
		return err
	}
	shape := append(tensor.Shape{}, x.Shape()[:a]...)
	shape = append(append(shape, t.Shape()...), x.Shape()[a+1:]...)
	y, err := c.make(0, x.DType(), shape)
	if err != nil {
		return err
	}
	_, n, _ := around(x.Shape(), a)
	at := make([]int, len(xs))
	for i, v := range xs {
		if at[i], err = place(v, n); err != nil {
			return err
		}
	}
	switch d := x.Any().(type) {
	case []float32:
		take(d, x.Shape(), a, at, y)
	case []float64:
		take(d, x.Shape(), a, at, y)
	case []int8:
		take(d, x.Shape(), a, at, y)
	case []int32:
		take(d, x.Shape(), a, at, y)
	case []int64:
		take(d, x.Shape(), a, at, y)
	case []uint8:
		take(d, x.Shape(), a, at, y)
	case []bool:
		take(d, x.Shape(), a, at, y)
	case []string:
		take(d, x.Shape(), a, at, y)
	default:
		return refuse(x)
	}
	return nil
}

func take[T any](x []T, shape tensor.Shape, axis int, at []int, y *tensor.Tensor) {
	outer, n, inner := around(shape, axis)
	out := y.Any().([]T)
	to := 0
	for o := range outer {
		for _, i := range at {
			from := (o*n + i) * inner
			copy(out[to:to+inner], x[from:from+inner])
			to += inner
		}
	}
}

// elementwiseIndex calls do for every element of indices with its number and
// the number of the element of x that it names along the axis.
func elementwiseIndex(xs []int64, shape, x tensor.Shape, axis int, do func(i, at int)) error {
	st := stridesOf(x)
	strides := append([]int{}, st...)
	strides[axis] = 0
	n := int(x[axis])
	last := int(shape[len(shape)-1])
	step := strides[len(shape)-1]
	var err error
	walk(shape, [][]int{strides}, func(at int, from []int) {
		base := from[0]
		for k := at; k < at+last; k++ {
			p, e := place(xs[k], n)
			if e != nil {
				err = e
				return
			}
			do(k, base+p*st[axis])
			base += step
		}
	})
	return err
}

// fits reports whether indices stay inside x outside the axis.
func fits(x, indices tensor.Shape, axis int) error {
	if len(x) != len(indices) || len(x) == 0 {
		return fmt.Errorf("data %v and indices %v differ in rank", x, indices)
	}
	for i := range x {
		if i != axis && indices[i] > x[i] {
			return fmt.Errorf("indices %v reach outside data %v", indices, x)
		}
	}
	return nil
}

func gatherElements(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	t, xs, err := c.indices()
	if err != nil {
		return err
	}
	a, err := axisOf(c.attrs.int("axis", 0), x.Rank())
	if err == nil {
		err = fits(x.Shape(), t.Shape(), a)
	}
	if err != nil {
		return err
	}
	y, err := c.make(0, x.DType(), t.Shape())
	if err != nil {
		return err
	}
	switch d := x.Any().(type) {
	case []float32:
		return pick(d, xs, t, x, a, y)
	case []float64:
		return pick(d, xs, t, x, a, y)
	case []int64:
		return pick(d, xs, t, x, a, y)
	case []int32:
		return pick(d, xs, t, x, a, y)
	case []bool:
		return pick(d, xs, t, x, a, y)
	}
	return refuse(x)
}

func pick[T any](d []T, xs []int64, t, x *tensor.Tensor, a int, y *tensor.Tensor) error {
	out := y.Any().([]T)
	return elementwiseIndex(xs, t.Shape(), x.Shape(), a, func(i, at int) { out[i] = d[at] })
}

// merge is what a scatter does with the element that is there.
func merge[T number](reduction string) (func(old, update T) T, error) {
	switch reduction {
	case "none":
		return func(_, u T) T { return u }, nil
	case "add":
		return func(o, u T) T { return o + u }, nil
	case "mul":
		return func(o, u T) T { return o * u }, nil
	case "max":
		return func(o, u T) T { return max(o, u) }, nil
	case "min":
		return func(o, u T) T { return min(o, u) }, nil
	}
	return nil, fmt.Errorf("reduction %q is not one of none, add, mul, max, min", reduction)
}

// scatterInto copies data to output 0 and returns it with the updates.
func (c *call) scatterInto() (x, updates, y *tensor.Tensor, err error) {
	if x, err = c.input(0); err != nil {
		return nil, nil, nil, err
	}
	if updates, err = c.input(2); err != nil {
		return nil, nil, nil, err
	}
	if updates.DType() != x.DType() {
		return nil, nil, nil, fmt.Errorf("data is %v, updates are %v", x.DType(), updates.DType())
	}
	if y, err = c.make(0, x.DType(), x.Shape()); err != nil {
		return nil, nil, nil, err
	}
	return x, updates, y, copyBy(x, y, stridesOf(x.Shape()), 0)
}

func scatterElements(c *call) error {
	t, xs, err := c.indices()
	if err != nil {
		return err
	}
	x, updates, y, err := c.scatterInto()
	if err != nil {
		return err
	}
	a, err := axisOf(c.attrs.int("axis", 0), x.Rank())
	if err == nil {
		err = fits(x.Shape(), t.Shape(), a)
	}
	if err == nil && !updates.Shape().Equal(t.Shape()) {
		err = fmt.Errorf("updates %v do not have the shape of indices %v", updates, t)
	}
	if err != nil {
		return err
	}
	reduction := c.attrs.text("reduction", "none")
	switch d := updates.Any().(type) {
	case []float32:
		return scatterBy(d, y, xs, t, a, reduction)
	case []float64:
		return scatterBy(d, y, xs, t, a, reduction)
	case []int64:
		return scatterBy(d, y, xs, t, a, reduction)
	case []int32:
		return scatterBy(d, y, xs, t, a, reduction)
	}
	return refuse(x)
}

func scatterBy[T number](updates []T, y *tensor.Tensor, xs []int64, t *tensor.Tensor, a int, reduction string) error {
	f, err := merge[T](reduction)
	if err != nil {
		return err
	}
	out := y.Any().([]T)
	return elementwiseIndex(xs, t.Shape(), y.Shape(), a, func(i, at int) { out[at] = f(out[at], updates[i]) })
}

// tuples turns the last dimension of indices into offsets into x from axis
// batch on, each of a block of elements.
func tuples(xs []int64, indices, x tensor.Shape, batch int) (offsets []int, block int, err error) {
	if len(indices) == 0 {
		return nil, 0, fmt.Errorf("indices are a scalar")
	}
	k := int(indices[len(indices)-1])
	if batch < 0 || batch+k > len(x) || batch > len(indices)-1 {
		return nil, 0, fmt.Errorf("indices %v name %d of the dimensions of %v behind %d", indices, k, x, batch)
	}
	st := stridesOf(x)
	block = 1
	for _, d := range x[batch+k:] {
		block *= int(d)
	}
	groups, perGroup, groupSize := 1, 1, 1
	for i, d := range indices[:len(indices)-1] {
		if i < batch {
			if d != x[i] {
				return nil, 0, fmt.Errorf("indices %v and data %v differ in batch dimension %d", indices, x, i)
			}
			groups *= int(d)
		} else {
			perGroup *= int(d)
		}
	}
	for _, d := range x[batch:] {
		groupSize *= int(d)
	}
	for g := range groups {
		for i := range perGroup {
			at := g * groupSize
			for j := range k {
				p, err := place(xs[(g*perGroup+i)*k+j], int(x[batch+j]))
				if err != nil {
					return nil, 0, err
				}
				at += p * st[batch+j]
			}
			offsets = append(offsets, at)
		}
	}
	return offsets, block, nil
}

func gatherND(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	t, xs, err := c.indices()
	if err != nil {
		return err
	}
	batch := int(c.attrs.int("batch_dims", 0))
	offsets, _, err := tuples(xs, t.Shape(), x.Shape(), batch)
	if err != nil {
		return err
	}
	k := int(t.Shape()[t.Rank()-1])
	shape := append(append(tensor.Shape{}, t.Shape()[:t.Rank()-1]...), x.Shape()[batch+k:]...)
	y, err := c.make(0, x.DType(), shape)
	if err != nil {
		return err
	}
	switch d := x.Any().(type) {
	case []float32:
		blocks(d, y, offsets)
	case []float64:
		blocks(d, y, offsets)
	case []int64:
		blocks(d, y, offsets)
	case []int32:
		blocks(d, y, offsets)
	case []bool:
		blocks(d, y, offsets)
	default:
		return refuse(x)
	}
	return nil
}

func blocks[T any](x []T, y *tensor.Tensor, offsets []int) {
	if len(offsets) == 0 {
		return
	}
	out := y.Any().([]T)
	n := len(out) / len(offsets)
	for i, at := range offsets {
		copy(out[i*n:(i+1)*n], x[at:at+n])
	}
}

func scatterND(c *call) error {
	t, xs, err := c.indices()
	if err != nil {
		return err
	}
	x, updates, y, err := c.scatterInto()
	if err != nil {
		return err
	}
	offsets, n, err := tuples(xs, t.Shape(), x.Shape(), 0)
	if err != nil {
		return err
	}
	if updates.Len() != len(offsets)*n {
		return fmt.Errorf("updates %v do not fit indices %v into %v", updates, t, x)
	}
	reduction := c.attrs.text("reduction", "none")
	switch d := updates.Any().(type) {
	case []float32:
		return scatterBlocks(d, y, offsets, n, reduction)
	case []float64:
		return scatterBlocks(d, y, offsets, n, reduction)
	case []int64:
		return scatterBlocks(d, y, offsets, n, reduction)
	case []int32:
		return scatterBlocks(d, y, offsets, n, reduction)
	}
	return refuse(x)
}

func scatterBlocks[T number](updates []T, y *tensor.Tensor, offsets []int, n int, reduction string) error {
	f, err := merge[T](reduction)
	if err != nil {
		return err
	}
	out := y.Any().([]T)
	for i, at := range offsets {
		for j := range n {
			out[at+j] = f(out[at+j], updates[i*n+j])
		}
	}
	return nil
}

func oneHot(c *call) error {
	t, err := c.input(0)
	if err != nil {
		return err
	}
	xs, err := toFloats(t)
	if err != nil {
		return err
	}
	depths, err := c.input(1)
	if err != nil {
		return err
	}
	depth, err := toFloats(depths)
	if err != nil || len(depth) != 1 || depth[0] < 0 || depth[0] > MaxElements {
		return fmt.Errorf("the depth is not one number of at least 0")
	}
	values, err := c.input(2)
	if err != nil || values.Len() != 2 {
		return fmt.Errorf("values are not two elements")
	}
	n := int(depth[0])
	a := int(c.attrs.int("axis", -1))
	if a < 0 {
		a += t.Rank() + 1
	}
	if a < 0 || a > t.Rank() {
		return fmt.Errorf("axis is outside rank %d", t.Rank()+1)
	}
	shape := append(tensor.Shape{}, t.Shape()[:a]...)
	shape = append(append(shape, int64(n)), t.Shape()[a:]...)
	y, err := c.make(0, values.DType(), shape)
	if err != nil {
		return err
	}
	switch d := values.Any().(type) {
	case []float32:
		hot(d, xs, y, a, n)
	case []float64:
		hot(d, xs, y, a, n)
	case []int64:
		hot(d, xs, y, a, n)
	case []int32:
		hot(d, xs, y, a, n)
	case []bool:
		hot(d, xs, y, a, n)
	default:
		return refuse(values)
	}
	return nil
}

func hot[T any](values []T, xs []float64, y *tensor.Tensor, axis, n int) {
	out := y.Any().([]T)
	for i := range out {
		out[i] = values[0]
	}
	_, _, inner := around(y.Shape(), axis)
	for i, v := range xs {
		k := int(v)
		if k < 0 {
			k += n
		}
		if k >= 0 && k < n {
			out[(i/inner*n+k)*inner+i%inner] = values[1]
		}
	}
}

func nonZero(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	var found []int
	if b := x.Bools(); b != nil {
		for i, v := range b {
			if v {
				found = append(found, i)
			}
		}
	} else {
		f, err := toFloats(x)
		if err != nil {
			return err
		}
		for i, v := range f {
			if v != 0 {
				found = append(found, i)
			}
		}
	}
	st := stridesOf(x.Shape())
	out := make([]int64, x.Rank()*len(found))
	for j := range st {
		for i, at := range found {
			out[j*len(found)+i] = int64(at / st[j] % int(x.Shape()[j]))
		}
	}
	c.out[0], err = tensor.Of(out, int64(x.Rank()), int64(len(found)))
	return err
}
