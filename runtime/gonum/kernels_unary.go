package gonum

import (
	"fmt"
	"math"

	"github.com/viterin/vek/vek32"

	"espalier/runtime"
	"espalier/tensor"
)

type float interface{ float32 | float64 }

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

type number interface{ float | integer }

// refuse is the error of an operator on a type that it has no kernel for.
func refuse(t *tensor.Tensor) error {
	return fmt.Errorf("%w: the pure-Go engine does not compute it for %v", runtime.ErrUnsupported, t.DType())
}

// each makes the kernel of an elementwise function of float64; float32 is
// computed in float64 and rounded once.
func each(f func(float64) float64) kernel {
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		y, err := c.make(0, x.DType(), x.Shape())
		if err != nil {
			return err
		}
		switch d := x.Any().(type) {
		case []float32:
			out := y.Float32s()
			for i, v := range d {
				out[i] = float32(f(float64(v)))
			}
		case []float64:
			out := y.Float64s()
			for i, v := range d {
				out[i] = f(v)
			}
		default:
			return refuse(x)
		}
		return nil
	}
}

// fast is each with a vectorised float32 form.
func fast(f func(float64) float64, f32 func(dst, x []float32)) kernel {
	slow := each(f)
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		d, ok := x.Any().([]float32)
		if !ok {
			return slow(c)
		}
		y, err := c.make(0, x.DType(), x.Shape())
		if err == nil && len(d) > 0 {
			f32(y.Float32s(), d)
		}
		return err
	}
}

// apply writes f of every element.
func apply[T, R any](dst []R, x []T, f func(T) R) {
	for i, v := range x {
		dst[i] = f(v)
	}
}

// signed makes the kernel of a function that integers have, too.
func signed(f func(float64) float64, fi func(int64) int64) kernel {
	floats := each(f)
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		if x.DType().IsFloat() {
			return floats(c)
		}
		y, err := c.make(0, x.DType(), x.Shape())
		if err != nil {
			return err
		}
		switch d := x.Any().(type) {
		case []int64:
			apply(y.Int64s(), d, fi)
		case []int32:
			apply(y.Any().([]int32), d, func(v int32) int32 { return int32(fi(int64(v))) })
		case []int16:
			apply(y.Any().([]int16), d, func(v int16) int16 { return int16(fi(int64(v))) })
		case []int8:
			apply(y.Any().([]int8), d, func(v int8) int8 { return int8(fi(int64(v))) })
		case []uint8:
			apply(y.Any().([]uint8), d, func(v uint8) uint8 { return uint8(fi(int64(v))) })
		case []uint16:
			if x.DType() != tensor.Uint16 {
				return refuse(x)
			}
			apply(y.Any().([]uint16), d, func(v uint16) uint16 { return uint16(fi(int64(v))) })
		case []uint32:
			apply(y.Any().([]uint32), d, func(v uint32) uint32 { return uint32(fi(int64(v))) })
		case []uint64:
			apply(y.Any().([]uint64), d, func(v uint64) uint64 { return uint64(fi(int64(v))) })
		default:
			return refuse(x)
		}
		return nil
	}
}

func unaryKernels() map[string]forms {
	sign := func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x // 0 and NaN are their own signs
	}
	return map[string]forms{
		"Exp": versions(6, 13, fast(math.Exp, func(dst, x []float32) {
			apply(dst, x, func(v float32) float32 { return float32(quickExp(float64(v))) })
		})),
		"Tanh": versions(6, 13, fast(math.Tanh, func(dst, x []float32) { apply(dst, x, tanh32) })),
		"Log":  versions(6, 13, each(math.Log)), "Erf": versions(9, 13, each(math.Erf)),
		"Sin": versions(7, 22, each(math.Sin)), "Cos": versions(7, 22, each(math.Cos)), "Tan": versions(7, 22, each(math.Tan)),
		"Asin": versions(7, 22, each(math.Asin)), "Acos": versions(7, 22, each(math.Acos)), "Atan": versions(7, 22, each(math.Atan)),
		"Sinh": versions(9, 22, each(math.Sinh)), "Cosh": versions(9, 22, each(math.Cosh)), "Asinh": versions(9, 22, each(math.Asinh)), "Acosh": versions(9, 22, each(math.Acosh)), "Atanh": versions(9, 22, each(math.Atanh)),
		"Floor": versions(6, 13, each(math.Floor)), "Ceil": versions(6, 13, each(math.Ceil)), "Round": versions(11, 22, each(math.RoundToEven)),
		"Sqrt":       versions(6, 13, fast(math.Sqrt, func(dst, x []float32) { vek32.Sqrt_Into(dst, x) })),
		"Reciprocal": versions(6, 13, each(func(x float64) float64 { return 1 / x })),
		"Sigmoid":    versions(6, 13, fast(sigmoid, func(dst, x []float32) { apply(dst, x, sigmoid32) })),
		"Softplus":   versions(1, 22, each(softplus)),
		"Softsign":   versions(1, 22, each(func(x float64) float64 { return x / (1 + math.Abs(x)) })),
		"Relu":       versions(6, 14, fast(func(x float64) float64 { return math.Max(x, 0) }, func(dst, x []float32) { vek32.MaximumNumber_Into(dst, x, 0) })),
		"Neg":        versions(6, 13, signed(func(x float64) float64 { return -x }, func(x int64) int64 { return -x })),
		"Abs": versions(6, 13, signed(math.Abs, func(x int64) int64 {
			if x < 0 {
				return -x
			}
			return x
		})),
		"Sign": versions(9, 13, signed(sign, func(x int64) int64 { return int64(sign(float64(x))) })),
		"LeakyRelu": versions(6, 16, func(c *call) error {
			alpha := float64(c.attrs.float("alpha", 0.01))
			return each(func(x float64) float64 {
				if x < 0 {
					return alpha * x
				}
				return x
			})(c)
		}, "alpha"),
		"HardSwish": versions(14, 22, each(func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) })),
		"Mish":      versions(18, 22, each(func(x float64) float64 { return x * math.Tanh(softplus(x)) })),
		"HardSigmoid": versions(6, 22, func(c *call) error {
			alpha, beta := float64(c.attrs.float("alpha", 0.2)), float64(c.attrs.float("beta", 0.5))
			return each(func(x float64) float64 { return max(0, min(1, alpha*x+beta)) })(c)
		}, "alpha", "beta"),
		"Swish": versions(24, 24, func(c *call) error {
			alpha := float64(c.attrs.float("alpha", 1))
			return each(func(x float64) float64 { return x * sigmoid(alpha*x) })(c)
		}, "alpha"),
		"Selu": versions(6, 22, func(c *call) error {
			alpha, gamma := float64(c.attrs.float("alpha", 1.6732632)), float64(c.attrs.float("gamma", 1.050701))
			return each(func(x float64) float64 { return gamma * (max(0, x) + min(0, alpha*math.Expm1(x))) })(c)
		}, "alpha", "gamma"),
		"Celu": versions(12, 28, func(c *call) error {
			alpha := float64(c.attrs.float("alpha", 1))
			return each(func(x float64) float64 { return max(0, x) + min(0, alpha*math.Expm1(x/alpha)) })(c)
		}, "alpha"),
		"ThresholdedRelu": versions(10, 22, func(c *call) error {
			alpha := float64(c.attrs.float("alpha", 1))
			return each(func(x float64) float64 {
				if x > alpha {
					return x
				}
				return 0
			})(c)
		}, "alpha"),
		"Shrink": versions(9, 9, func(c *call) error {
			bias, lambda := float64(c.attrs.float("bias", 0)), float64(c.attrs.float("lambd", 0.5))
			return each(func(x float64) float64 {
				switch {
				case x < -lambda:
					return x + bias
				case x > lambda:
					return x - bias
				}
				return 0
			})(c)
		}, "bias", "lambd"),
		"Elu": versions(6, 22, func(c *call) error {
			alpha := float64(c.attrs.float("alpha", 1))
			return each(func(x float64) float64 {
				if x < 0 {
					return alpha * math.Expm1(x)
				}
				return x
			})(c)
		}, "alpha"),
		"Gelu": versions(20, 20, func(c *call) error {
			switch how := c.attrs.text("approximate", "none"); how {
			case "none":
				return each(func(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) })(c)
			case "tanh":
				return each(func(x float64) float64 {
					return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
				})(c)
			default:
				return fmt.Errorf("approximate %q is not one of none, tanh", how)
			}
		}, "approximate"),
		"Not": versions(1, 1, func(c *call) error {
			x, err := c.input(0)
			if err != nil {
				return err
			}
			y, err := c.make(0, tensor.Bool, x.Shape())
			if err != nil {
				return err
			}
			if x.DType() != tensor.Bool {
				return refuse(x)
			}
			apply(y.Bools(), x.Bools(), func(b bool) bool { return !b })
			return nil
		}),
		"IsNaN": versions(9, 20, test(math.IsNaN)),
		"IsInf": versions(10, 20, func(c *call) error {
			low, high := c.attrs.int("detect_negative", 1) == 1, c.attrs.int("detect_positive", 1) == 1
			return test(func(v float64) bool { return low && math.IsInf(v, -1) || high && math.IsInf(v, 1) })(c)
		}, "detect_negative", "detect_positive"),
		"Clip": versions(6, 6, clipByAttributes, "max", "min").and(11, 13, clip),
		"Cast": versions(6, 13, cast, "to").and(19, 23, cast, "to").ignoring("saturate").
			and(24, 28, cast, "to").ignoring("round_mode", "saturate"), // they are about floats of 8 bits
		"CastLike": versions(15, 15, castLike).and(19, 23, castLike).ignoring("saturate").and(24, 25, castLike).ignoring("round_mode", "saturate"),
	}
}

// test makes the kernel of a question about floats.
func test(f func(float64) bool) kernel {
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		y, err := c.make(0, tensor.Bool, x.Shape())
		if err != nil {
			return err
		}
		switch d := x.Any().(type) {
		case []float32:
			apply(y.Bools(), d, func(v float32) bool { return f(float64(v)) })
		case []float64:
			apply(y.Bools(), d, f)
		default:
			return refuse(x)
		}
		return nil
	}
}

func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

func softplus(x float64) float64 {
	if x > 0 {
		return x + math.Log1p(math.Exp(-x))
	}
	return math.Log1p(math.Exp(x))
}

// clipByAttributes is version 6, whose limits are attributes.
func clipByAttributes(c *call) error {
	low, high := float64(c.attrs.float("min", -math.MaxFloat32)), float64(c.attrs.float("max", math.MaxFloat32))
	return each(func(x float64) float64 {
		if x < low {
			x = low
		}
		if x > high {
			x = high
		}
		return x
	})(c)
}

func clip(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	y, err := c.make(0, x.DType(), x.Shape())
	if err != nil {
		return err
	}
	switch d := x.Any().(type) {
	case []float32:
		return clipTo(c, d, y.Float32s())
	case []float64:
		return clipTo(c, d, y.Float64s())
	case []int64:
		return clipTo(c, d, y.Int64s())
	case []int32:
		return clipTo(c, d, y.Any().([]int32))
	case []int8:
		return clipTo(c, d, y.Any().([]int8))
	case []uint8:
		return clipTo(c, d, y.Any().([]uint8))
	}
	return refuse(x)
}

func clipTo[T number](c *call, x, y []T) error {
	limit := func(i int) (T, bool, error) {
		t := c.optional(i)
		if t == nil {
			return 0, false, nil
		}
		d, ok := t.Any().([]T)
		if !ok || len(d) != 1 {
			return 0, false, fmt.Errorf("limit %v is not a scalar of the operand's type", t)
		}
		return d[0], true, nil
	}
	low, hasLow, err := limit(1)
	if err != nil {
		return err
	}
	high, hasHigh, err := limit(2)
	if err != nil {
		return err
	}
	for i, v := range x {
		if hasLow && v < low {
			v = low
		}
		if hasHigh && v > high {
			v = high
		}
		y[i] = v
	}
	return nil
}

func cast(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	return c.cast(x, tensor.DType(c.attrs.int("to", 0)))
}

func castLike(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	target, err := c.input(1)
	if err != nil {
		return err
	}
	return c.cast(x, target.DType())
}

// cast sets output 0 to x in another type. Floats lose what follows the point.
func (c *call) cast(x *tensor.Tensor, to tensor.DType) error {
	if to == x.DType() {
		return c.view(x, x.Shape())
	}
	half := x.DType() == tensor.Float16 || x.DType() == tensor.BFloat16
	if to == tensor.Float16 || to == tensor.BFloat16 || half && to != tensor.Float32 && to != tensor.Float64 ||
		to == tensor.String || x.DType() == tensor.String || to.Size() == 0 {
		return fmt.Errorf("%w: the pure-Go engine does not cast %v to %v", runtime.ErrUnsupported, x.DType(), to)
	}
	y, err := c.make(0, to, x.Shape())
	if err != nil {
		return err
	}
	switch d := x.Any().(type) {
	case []float32:
		castTo(y, d)
	case []float64:
		castTo(y, d)
	case []int8:
		castTo(y, d)
	case []int16:
		castTo(y, d)
	case []int32:
		castTo(y, d)
	case []int64:
		castTo(y, d)
	case []uint8:
		castTo(y, d)
	case []uint16:
		if half {
			wide := make([]float32, len(d))
			tensor.Widen(wide, x)
			castTo(y, wide)
			return nil
		}
		castTo(y, d)
	case []uint32:
		castTo(y, d)
	case []uint64:
		castTo(y, d)
	case []bool:
		bits := make([]uint8, len(d))
		for i, b := range d {
			if b {
				bits[i] = 1
			}
		}
		castTo(y, bits)
	}
	return nil
}

func castTo[T number](y *tensor.Tensor, x []T) {
	switch d := y.Any().(type) {
	case []float32:
		apply(d, x, func(v T) float32 { return float32(v) })
	case []float64:
		apply(d, x, func(v T) float64 { return float64(v) })
	case []int8:
		apply(d, x, func(v T) int8 { return int8(v) })
	case []int16:
		apply(d, x, func(v T) int16 { return int16(v) })
	case []int32:
		apply(d, x, func(v T) int32 { return int32(v) })
	case []int64:
		apply(d, x, func(v T) int64 { return int64(v) })
	case []uint8:
		apply(d, x, func(v T) uint8 { return uint8(v) })
	case []uint16:
		apply(d, x, func(v T) uint16 { return uint16(v) })
	case []uint32:
		apply(d, x, func(v T) uint32 { return uint32(v) })
	case []uint64:
		apply(d, x, func(v T) uint64 { return uint64(v) })
	case []bool:
		apply(d, x, func(v T) bool { return v != 0 })
	}
}
