package gonum

import (
	"fmt"

	"espalier/tensor"
)

// bitKernels are the operators on the bits of integers.
func bitKernels() map[string]forms {
	return map[string]forms{
		"BitwiseAnd": versions(18, 18, bitwise(bitAnd)), "BitwiseOr": versions(18, 18, bitwise(bitOr)), "BitwiseXor": versions(18, 18, bitwise(bitXor)),
		"BitwiseNot": versions(18, 18, bitwiseNot),
		"BitShift": versions(11, 28, func(c *call) error {
			switch d := c.attrs.text("direction", ""); d {
			case "LEFT":
				return bitwise(bitLeft)(c)
			case "RIGHT":
				return bitwise(bitRight)(c)
			default:
				return fmt.Errorf("direction %q is not one of LEFT, RIGHT", d)
			}
		}, "direction"),
	}
}

type bitOp int

const (
	bitAnd bitOp = iota
	bitOr
	bitXor
	bitLeft
	bitRight
)

func bitwise(op bitOp) kernel {
	return func(c *call) error {
		a, b, y, err := operands(c, tensor.Undefined)
		if err != nil {
			return err
		}
		if a.DType() == tensor.Float16 || a.DType() == tensor.BFloat16 {
			return refuse(a)
		}
		switch d := a.Any().(type) {
		case []int8:
			onBits(op, d, a, b, y)
		case []int16:
			onBits(op, d, a, b, y)
		case []int32:
			onBits(op, d, a, b, y)
		case []int64:
			onBits(op, d, a, b, y)
		case []uint8:
			onBits(op, d, a, b, y)
		case []uint16:
			onBits(op, d, a, b, y)
		case []uint32:
			onBits(op, d, a, b, y)
		case []uint64:
			onBits(op, d, a, b, y)
		default:
			return refuse(a)
		}
		return nil
	}
}

func onBits[T integer](op bitOp, d []T, a, b, y *tensor.Tensor) {
	e, _ := tensor.Data[T](b)
	out, _ := tensor.Data[T](y)
	combine(out, y.Shape(), d, a.Shape(), e, b.Shape(), func(p, q T) T {
		switch op {
		case bitAnd:
			return p & q
		case bitOr:
			return p | q
		case bitXor:
			return p ^ q
		case bitLeft:
			return p << uint64(q)
		default:
			return p >> uint64(q)
		}
	})
}

func bitwiseNot(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	if x.DType() == tensor.Float16 || x.DType() == tensor.BFloat16 {
		return refuse(x)
	}
	y, err := c.make(0, x.DType(), x.Shape())
	if err != nil {
		return err
	}
	switch d := x.Any().(type) {
	case []int8:
		complement(d, y)
	case []int16:
		complement(d, y)
	case []int32:
		complement(d, y)
	case []int64:
		complement(d, y)
	case []uint8:
		complement(d, y)
	case []uint16:
		complement(d, y)
	case []uint32:
		complement(d, y)
	case []uint64:
		complement(d, y)
	default:
		return refuse(x)
	}
	return nil
}

func complement[T integer](x []T, y *tensor.Tensor) {
	out, _ := tensor.Data[T](y)
	apply(out, x, func(v T) T { return ^v })
}
