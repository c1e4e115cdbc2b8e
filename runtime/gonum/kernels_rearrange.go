package gonum

import (
	"fmt"

	"espalier/tensor"
)

// rearrangeKernels are operators that move elements in ways of their own.
func rearrangeKernels() map[string]forms {
	return map[string]forms{
		"Compress": versions(9, 28, compress, "axis"), "ReverseSequence": versions(10, 28, reverseSequence, "batch_axis", "time_axis"), "EyeLike": versions(9, 22, eyeLike, "dtype", "k"),
		"DepthToSpace": versions(1, 1, depthToSpace, "blocksize").and(11, 28, depthToSpace, "blocksize", "mode"),
		"SpaceToDepth": versions(1, 13, spaceToDepth, "blocksize").and(28, 28, spaceToDepth, "blocksize", "mode"),
	}
}

// compress keeps what the condition marks along an axis, or of all elements.
func compress(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	marks, err := c.input(1)
	if err != nil {
		return err
	}
	if marks.DType() != tensor.Bool || marks.Rank() != 1 {
		return fmt.Errorf("the condition is %v, not a list of bools", marks)
	}
	a := 0
	if c.attrs["axis"] == nil {
		if x, err = x.Reshape(int64(x.Len())); err != nil {
			return err
		}
	} else if a, err = axisOf(c.attrs.int("axis", 0), x.Rank()); err != nil {
		return err
	}
	if marks.Len() > int(x.Shape()[a]) {
		return fmt.Errorf("the condition %v is longer than the axis of %d", marks, x.Shape()[a])
	}
	var at []int
	for i, m := range marks.Bools() {
		if m {
			at = append(at, i)
		}
	}
	shape := append(tensor.Shape{}, x.Shape()...)
	shape[a] = int64(len(at))
	y, err := c.make(0, x.DType(), shape)
	if err != nil {
		return err
	}
	for to, from := range at {
		if err := copyBlock(y, x, a, to, from, 1); err != nil {
			return err
		}
	}
	return nil
}

// reverseSequence turns round the first elements of every sequence of a batch.
func reverseSequence(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	t, err := c.input(1)
	if err != nil {
		return err
	}
	lengths, err := toInts(t)
	if err != nil {
		return err
	}
	batch, time := c.attrs.int("batch_axis", 1), c.attrs.int("time_axis", 0)
	if x.Rank() < 2 || batch+time != 1 || batch*time != 0 || int64(len(lengths)) != x.Shape()[batch] {
		return fmt.Errorf("lengths %v do not fit %v with batch axis %d and time axis %d", t, x, batch, time)
	}
	st := stridesOf(x.Shape())
	for b, n := range lengths {
		if n < 0 || n > x.Shape()[time] {
			return fmt.Errorf("length %d of sequence %d is outside of %d", n, b, x.Shape()[time])
		}
	}
	y, err := c.make(0, x.DType(), x.Shape())
	if err != nil {
		return err
	}
	flatX, flatY, err := inBlocks(x, y, int(x.Shape()[0]*x.Shape()[1]))
	if err != nil {
		return err
	}
	block := max(st[1], 1)
	for b, n := range lengths {
		for i := range x.Shape()[time] {
			from := i
			if i < n {
				from = n - 1 - i
			}
			to := (b*st[batch] + int(i)*st[time]) / block
			if err := copyBlock(flatY, flatX, 0, to, (b*st[batch]+int(from)*st[time])/block, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// inBlocks sees two tensors of one shape as lists of blocks.
func inBlocks(x, y *tensor.Tensor, blocks int) (p, q *tensor.Tensor, err error) {
	n := int64(x.Len() / max(blocks, 1))
	if p, err = x.Reshape(int64(blocks), n); err != nil {
		return nil, nil, err
	}
	q, err = y.Reshape(int64(blocks), n)
	return p, q, err
}

// eyeLike is a matrix of the operand's shape with ones on a diagonal.
func eyeLike(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	if x.Rank() != 2 {
		return fmt.Errorf("needs a matrix, not %v", x)
	}
	ones := make([]uint8, x.Len())
	rows, cols, k := x.Shape()[0], x.Shape()[1], c.attrs.int("k", 0)
	for r := range rows {
		if q := r + k; q >= 0 && q < cols {
			ones[r*cols+q] = 1
		}
	}
	dtype := tensor.DType(c.attrs.int("dtype", int64(x.DType())))
	y, err := c.make(0, dtype, x.Shape())
	if err != nil {
		return err
	}
	if dtype == tensor.String || dtype == tensor.Float16 || dtype == tensor.BFloat16 {
		return refuse(y)
	}
	castTo(y, ones)
	return nil
}

func depthToSpace(c *call) error {
	x, block, err := imageBlocks(c)
	if err != nil {
		return err
	}
	if x.Shape()[1]%(block*block) != 0 {
		return fmt.Errorf("%d channels are no multiple of %d squared", x.Shape()[1], block)
	}
	n, h, w := x.Shape()[0], x.Shape()[2], x.Shape()[3]
	depth := x.Shape()[1] / (block * block)
	s := stridesOf(x.Shape())
	b, d := int(block), int(depth)
	row, col, channel := d*b*s[1], d*s[1], s[1] // DCR: block row, block column, depth
	switch mode := c.attrs.text("mode", "DCR"); mode {
	case "DCR":
	case "CRD":
		row, col, channel = b*s[1], s[1], b*b*s[1]
	default:
		return fmt.Errorf("mode %q is not one of DCR, CRD", mode)
	}
	err = c.gatherBy(x, tensor.Shape{n, depth, h, block, w, block}, []int{s[0], channel, s[2], row, s[3], col}, 0)
	if err != nil {
		return err
	}
	c.out[0], err = c.out[0].Reshape(n, depth, h*block, w*block)
	return err
}

func spaceToDepth(c *call) error {
	x, block, err := imageBlocks(c)
	if err != nil {
		return err
	}
	n, depth, h, w := x.Shape()[0], x.Shape()[1], x.Shape()[2], x.Shape()[3]
	if h%block != 0 || w%block != 0 {
		return fmt.Errorf("%v cannot be cut into blocks of %d", x, block)
	}
	s := stridesOf(x.Shape())
	b := int(block)
	switch mode := c.attrs.text("mode", "DCR"); mode {
	case "DCR":
		err = c.gatherBy(x, tensor.Shape{n, block, block, depth, h / block, w / block}, []int{s[0], s[2], s[3], s[1], b * s[2], b * s[3]}, 0)
	case "CRD":
		err = c.gatherBy(x, tensor.Shape{n, depth, block, block, h / block, w / block}, []int{s[0], s[1], s[2], s[3], b * s[2], b * s[3]}, 0)
	default:
		err = fmt.Errorf("mode %q is not one of DCR, CRD", mode)
	}
	if err != nil {
		return err
	}
	c.out[0], err = c.out[0].Reshape(n, depth*block*block, h/block, w/block)
	return err
}

func imageBlocks(c *call) (x *tensor.Tensor, block int64, err error) {
	if x, err = c.input(0); err != nil {
		return nil, 0, err
	}
	block = c.attrs.int("blocksize", 0)
	if x.Rank() != 4 || block < 1 || block > maxWindow {
		return nil, 0, fmt.Errorf("blocks of %d do not fit %v, which is to be [batch, channels, height, width]", block, x)
	}
	return x, block, nil
}
