package gonum

import (
	"fmt"
	"math"
	"slices"

	"github.com/viterin/vek/vek32"

	"espalier/tensor"
)

// broadcastShapes returns the shape of an elementwise operation, by ONNX's
// multidirectional rule.
func broadcastShapes(shapes ...tensor.Shape) (tensor.Shape, error) {
	var out tensor.Shape
	for _, s := range shapes {
		if len(s) > len(out) {
			grown := make(tensor.Shape, len(s))
			for i := range grown {
				grown[i] = 1
			}
			copy(grown[len(s)-len(out):], out)
			out = grown
		}
		shift := len(out) - len(s)
		for i, d := range s {
			switch o := &out[shift+i]; {
			case *o == d || d == 1:
			case *o == 1:
				*o = d
			default:
				return nil, fmt.Errorf("shapes %v do not broadcast", shapes)
			}
		}
	}
	return slices.Clip(out), nil
}

// stretch returns the strides by which an operand of shape s is read over the
// result's shape: 0 along what is repeated.
func stretch(s, to tensor.Shape) []int {
	st := stridesOf(s)
	out := make([]int, len(to))
	shift := len(to) - len(s)
	for i := range s {
		if s[i] != 1 {
			out[shift+i] = st[i]
		}
	}
	return out
}

// walk calls do for every run of the last dimension: where it starts in the
// result and in each operand.
func walk(shape tensor.Shape, strides [][]int, do func(at int, from []int)) {
	total, _ := shape.Elements()
	if total == 0 {
		return
	}
	if len(shape) == 0 {
		do(0, make([]int, len(strides)))
		return
	}
	last := int(shape[len(shape)-1])
	index := make([]int64, len(shape)-1)
	from := make([]int, len(strides))
	for at := 0; at < total; at += last {
		do(at, from)
		for i := len(index) - 1; i >= 0; i-- {
			index[i]++
			for j := range from {
				from[j] += strides[j][i]
			}
			if index[i] < shape[i] {
				break
			}
			for j := range from {
				from[j] -= strides[j][i] * int(shape[i])
			}
			index[i] = 0
		}
	}
}

// combine writes f(a, b) over the broadcast shape.
func combine[T, R any](out []R, shape tensor.Shape, a []T, as tensor.Shape, b []T, bs tensor.Shape, f func(T, T) R) {
	switch {
	case len(a) == len(out) && len(b) == len(out):
		for i := range out {
			out[i] = f(a[i], b[i])
		}
		return
	case len(b) == 1 && len(a) == len(out):
		for i, x := range a {
			out[i] = f(x, b[0])
		}
		return
	case len(a) == 1 && len(b) == len(out):
		for i, x := range b {
			out[i] = f(a[0], x)
		}
		return
	}
	sa, sb := stretch(as, shape), stretch(bs, shape)
	n := len(shape)
	last, da, db := int(shape[n-1]), sa[n-1], sb[n-1]
	walk(shape, [][]int{sa, sb}, func(at int, from []int) {
		i, j := from[0], from[1]
		for k := at; k < at+last; k++ {
			out[k] = f(a[i], b[j])
			i += da
			j += db
		}
	})
}

// vector is the float32 form of an arithmetic operator.
type vector struct {
	both   func(dst, a, b []float32) []float32
	right  func(dst, a []float32, b float32) []float32 // a op number
	single func(dst []float32, a float32, b []float32) // number op b
}

// combine32 takes the vectorised way where runs are long: equal shapes,
// numbers, and rows against a repeated row or column.
func (v *vector) combine(out []float32, shape tensor.Shape, a []float32, as tensor.Shape, b []float32, bs tensor.Shape) {
	if len(out) == 0 {
		return
	}
	if len(a) == len(out) && len(b) == len(out) {
		v.both(out, a, b)
		return
	}
	n := len(shape)
	if n == 0 {
		v.both(out, a, b)
		return
	}
	sa, sb := stretch(as, shape), stretch(bs, shape)
	last, da, db := int(shape[n-1]), sa[n-1], sb[n-1]
	walk(shape, [][]int{sa, sb}, func(at int, from []int) {
		dst, i, j := out[at:at+last], from[0], from[1]
		switch {
		case da == 1 && db == 1:
			v.both(dst, a[i:i+last], b[j:j+last])
		case da == 1:
			v.right(dst, a[i:i+last], b[j])
		case db == 1:
			v.single(dst, a[i], b[j:j+last])
		default: // both are one number along the row, or the row is one long
			v.both(dst[:1], a[i:i+1], b[j:j+1])
			for k := 1; k < last; k++ {
				dst[k] = dst[0]
			}
		}
	})
}

// arithmetic makes the kernel of an operator with a result of the operands'
// type.
func arithmetic(v *vector, f64 func(a, b float64) float64, i64 func(a, b int64) int64) kernel {
	return func(c *call) error {
		a, b, y, err := operands(c, tensor.Undefined)
		if err != nil {
			return err
		}
		as, bs, ys := a.Shape(), b.Shape(), y.Shape()
		switch d := a.Any().(type) {
		case []float32:
			if v != nil {
				v.combine(y.Float32s(), ys, d, as, b.Float32s(), bs)
			} else {
				combine(y.Float32s(), ys, d, as, b.Float32s(), bs, func(p, q float32) float32 { return float32(f64(float64(p), float64(q))) })
			}
		case []float64:
			combine(y.Float64s(), ys, d, as, b.Float64s(), bs, f64)
		default:
			if i64 == nil {
				return refuse(a)
			}
			return integers(a, b, y, i64)
		}
		return nil
	}
}

func integers(a, b, y *tensor.Tensor, f func(a, b int64) int64) error {
	switch d := a.Any().(type) {
	case []int64:
		combine(y.Int64s(), y.Shape(), d, a.Shape(), b.Int64s(), b.Shape(), f)
	case []int32:
		small(d, a, b, y, f)
	case []int16:
		small(d, a, b, y, f)
	case []int8:
		small(d, a, b, y, f)
	case []uint8:
		small(d, a, b, y, f)
	case []uint16:
		if a.DType() != tensor.Uint16 {
			return refuse(a)
		}
		small(d, a, b, y, f)
	case []uint32:
		small(d, a, b, y, f)
	case []uint64:
		small(d, a, b, y, f)
	default:
		return refuse(a)
	}
	return nil
}

func small[T integer](d []T, a, b, y *tensor.Tensor, f func(a, b int64) int64) {
	combine(y.Any().([]T), y.Shape(), d, a.Shape(), b.Any().([]T), b.Shape(), func(p, q T) T { return T(f(int64(p), int64(q))) })
}

// operands returns two operands of one type and the output for them.
func operands(c *call, result tensor.DType) (a, b, y *tensor.Tensor, err error) {
	if a, err = c.input(0); err != nil {
		return nil, nil, nil, err
	}
	if b, err = c.input(1); err != nil {
		return nil, nil, nil, err
	}
	if a.DType() != b.DType() {
		return nil, nil, nil, fmt.Errorf("operands are %v and %v", a, b)
	}
	shape, err := broadcastShapes(a.Shape(), b.Shape())
	if err != nil {
		return nil, nil, nil, err
	}
	if result == tensor.Undefined {
		result = a.DType()
	}
	y, err = c.make(0, result, shape)
	return a, b, y, err
}

// comparison makes the kernel of an operator whose result is bool.
func comparison(floats func(a, b float64) bool, ints func(a, b int64) bool) kernel {
	return func(c *call) error {
		a, b, y, err := operands(c, tensor.Bool)
		if err != nil {
			return err
		}
		out, ys, as, bs := y.Bools(), y.Shape(), a.Shape(), b.Shape()
		switch d := a.Any().(type) {
		case []float32:
			combine(out, ys, d, as, b.Float32s(), bs, func(p, q float32) bool { return floats(float64(p), float64(q)) })
		case []float64:
			combine(out, ys, d, as, b.Float64s(), bs, floats)
		case []int64:
			combine(out, ys, d, as, b.Int64s(), bs, ints)
		case []int32:
			compareSmall(d, a, b, y, ints)
		case []int16:
			compareSmall(d, a, b, y, ints)
		case []int8:
			compareSmall(d, a, b, y, ints)
		case []uint8:
			compareSmall(d, a, b, y, ints)
		case []uint16:
			if a.DType() != tensor.Uint16 {
				return refuse(a)
			}
			compareSmall(d, a, b, y, ints)
		case []uint32:
			compareSmall(d, a, b, y, ints)
		case []uint64:
			// The order of unsigned numbers is that of signed ones with the top
			// bit turned over.
			const top = 1 << 63
			combine(out, ys, d, as, b.Any().([]uint64), bs, func(p, q uint64) bool { return ints(int64(p^top), int64(q^top)) })
		default:
			return refuse(a)
		}
		return nil
	}
}

func compareSmall[T integer](d []T, a, b, y *tensor.Tensor, f func(a, b int64) bool) {
	combine(y.Bools(), y.Shape(), d, a.Shape(), b.Any().([]T), b.Shape(), func(p, q T) bool { return f(int64(p), int64(q)) })
}

// logical makes the kernel of an operator on bools.
func logical(f func(a, b bool) bool) kernel {
	return func(c *call) error {
		a, b, y, err := operands(c, tensor.Bool)
		if err != nil {
			return err
		}
		if a.DType() != tensor.Bool {
			return refuse(a)
		}
		combine(y.Bools(), y.Shape(), a.Bools(), a.Shape(), b.Bools(), b.Shape(), f)
		return nil
	}
}

// variadic folds an operator over any number of operands.
func variadic(pair kernel) kernel {
	return func(c *call) error {
		operands := slices.Clone(c.in)
		if len(operands) == 0 || slices.Contains(operands, nil) {
			return fmt.Errorf("needs at least one operand")
		}
		if len(operands) == 1 {
			return c.view(operands[0], operands[0].Shape())
		}
		sum := operands[0]
		for _, next := range operands[1:] {
			c.in = append(c.in[:0], sum, next)
			if err := pair(c); err != nil {
				return err
			}
			sum = c.out[0]
		}
		return nil
	}
}

func binaryKernels() map[string]forms {
	add := arithmetic(
		&vector{vek32.Add_Into, vek32.AddNumber_Into, func(dst []float32, a float32, b []float32) { vek32.AddNumber_Into(dst, b, a) }},
		func(a, b float64) float64 { return a + b }, func(a, b int64) int64 { return a + b })
	return map[string]forms{
		"Add": versions(7, 14, add),
		"Sub": versions(7, 14, arithmetic(
			&vector{vek32.Sub_Into, vek32.SubNumber_Into, func(dst []float32, a float32, b []float32) {
				for i, x := range b {
					dst[i] = a - x
				}
			}},
			func(a, b float64) float64 { return a - b }, func(a, b int64) int64 { return a - b })),
		"Mul": versions(7, 14, arithmetic(
			&vector{vek32.Mul_Into, vek32.MulNumber_Into, func(dst []float32, a float32, b []float32) { vek32.MulNumber_Into(dst, b, a) }},
			func(a, b float64) float64 { return a * b }, func(a, b int64) int64 { return a * b })),
		"Div": versions(7, 14, div()),
		"Pow": versions(7, 15, pow),
		"Max": versions(6, 13, variadic(withUnsigned(arithmetic(nil, math.Max, func(a, b int64) int64 { return max(a, b) }),
			func(a, b uint64) uint64 { return max(a, b) }))),
		"Min": versions(6, 13, variadic(withUnsigned(arithmetic(nil, math.Min, func(a, b int64) int64 { return min(a, b) }),
			func(a, b uint64) uint64 { return min(a, b) }))),
		"Sum": versions(6, 13, variadic(add)),
		"Mean": versions(6, 13, func(c *call) error {
			n := float64(len(c.in))
			if err := variadic(add)(c); err != nil {
				return err
			}
			y := c.out[0].Clone()
			for i := range y.Float32s() {
				y.Float32s()[i] = float32(float64(y.Float32s()[i]) / n)
			}
			for i := range y.Float64s() {
				y.Float64s()[i] /= n
			}
			c.release(c.out[0])
			c.out[0] = y
			return nil
		}),
		"Mod":            versions(10, 28, mod(), "fmod"),
		"Equal":          versions(7, 19, equal),
		"Greater":        versions(7, 13, comparison(func(a, b float64) bool { return a > b }, func(a, b int64) bool { return a > b })),
		"GreaterOrEqual": versions(12, 16, comparison(func(a, b float64) bool { return a >= b }, func(a, b int64) bool { return a >= b })),
		"Less":           versions(7, 13, comparison(func(a, b float64) bool { return a < b }, func(a, b int64) bool { return a < b })),
		"LessOrEqual":    versions(12, 16, comparison(func(a, b float64) bool { return a <= b }, func(a, b int64) bool { return a <= b })),
		"And":            versions(7, 7, logical(func(a, b bool) bool { return a && b })),
		"Or":             versions(7, 7, logical(func(a, b bool) bool { return a || b })),
		"Xor":            versions(7, 7, logical(func(a, b bool) bool { return a != b })),
		"PRelu": versions(7, 16, arithmetic(nil, func(a, b float64) float64 {
			if a < 0 {
				return a * b
			}
			return a
		}, nil)),
		"Where": versions(9, 16, where),
	}
}

func div() kernel {
	floats := arithmetic(
		&vector{vek32.Div_Into, func(dst, a []float32, b float32) []float32 {
			for i, x := range a {
				dst[i] = x / b
			}
			return dst
		}, func(dst []float32, a float32, b []float32) {
			for i, x := range b {
				dst[i] = a / x
			}
		}},
		func(a, b float64) float64 { return a / b }, func(a, b int64) int64 {
			if b == 0 {
				return 0 // undefined in ONNX; it must not stop the program
			}
			return a / b
		})
	return withUnsigned(floats, func(a, b uint64) uint64 {
		if b == 0 {
			return 0
		}
		return a / b
	})
}

// mod has the sign of the divisor, or with fmod that of the dividend.
func mod() kernel {
	dividend := arithmetic(nil, math.Mod, func(a, b int64) int64 {
		if b == 0 {
			return 0 // undefined in ONNX; it must not stop the program
		}
		return a % b
	})
	divisor := arithmetic(nil,
		func(a, b float64) float64 {
			if r := math.Mod(a, b); r != 0 && (r < 0) != (b < 0) {
				return r + b
			} else if r == 0 {
				return math.Copysign(0, b)
			} else {
				return r
			}
		},
		func(a, b int64) int64 {
			if b == 0 {
				return 0
			}
			if r := a % b; r != 0 && (r < 0) != (b < 0) {
				return r + b
			}
			return a % b
		})
	signed := func(c *call) error {
		if c.attrs.int("fmod", 0) == 1 {
			return dividend(c)
		}
		return divisor(c)
	}
	return withUnsigned(signed, func(a, b uint64) uint64 {
		if b == 0 {
			return 0
		}
		return a % b
	})
}

// unsigned computes an operator on uint64.
func unsigned(c *call, f func(a, b uint64) uint64) error {
	a, b, y, err := operands(c, tensor.Undefined)
	if err != nil {
		return err
	}
	out, _ := tensor.Data[uint64](y)
	p, _ := tensor.Data[uint64](a)
	q, _ := tensor.Data[uint64](b)
	combine(out, y.Shape(), p, a.Shape(), q, b.Shape(), f)
	return nil
}

// withUnsigned is a kernel with a form of its own for uint64, whose top bit is
// not a sign.
func withUnsigned(k kernel, f func(a, b uint64) uint64) kernel {
	return func(c *call) error {
		if t := c.optional(0); t != nil && t.DType() == tensor.Uint64 {
			return unsigned(c, f)
		}
		return k(c)
	}
}

func equal(c *call) error {
	if t := c.optional(0); t != nil && t.DType() == tensor.Bool {
		return logical(func(a, b bool) bool { return a == b })(c)
	}
	if t := c.optional(0); t != nil && t.DType() == tensor.String {
		a, b, y, err := operands(c, tensor.Bool)
		if err != nil {
			return err
		}
		combine(y.Bools(), y.Shape(), a.Strings(), a.Shape(), b.Strings(), b.Shape(), func(p, q string) bool { return p == q })
		return nil
	}
	return comparison(func(a, b float64) bool { return a == b }, func(a, b int64) bool { return a == b })(c)
}

// pow takes an exponent of another type than the base, as ONNX allows.
func pow(c *call) error {
	a, err := c.input(0)
	if err != nil {
		return err
	}
	b, err := c.input(1)
	if err != nil {
		return err
	}
	shape, err := broadcastShapes(a.Shape(), b.Shape())
	if err != nil {
		return err
	}
	p, err := toFloats(a)
	if err != nil {
		return err
	}
	q, err := toFloats(b)
	if err != nil {
		return err
	}
	y, err := c.make(0, a.DType(), shape)
	if err != nil {
		return err
	}
	n, _ := shape.Elements()
	out := make([]float64, n)
	combine(out, shape, p, a.Shape(), q, b.Shape(), math.Pow)
	castTo(y, out)
	return nil
}

func toFloats(t *tensor.Tensor) ([]float64, error) {
	if d, ok := tensor.Data[float64](t); ok {
		return d, nil
	}
	out := make([]float64, t.Len())
	return out, widenTo(out, t)
}

// floats is toFloats in memory of the run's; give it back. Elements that need no
// copy are shared, which giving back undoes.
func (c *call) floats(t *tensor.Tensor) ([]float64, error) {
	if d, ok := tensor.Data[float64](t); ok {
		c.share(t)
		return d, nil
	}
	out, err := scratch[float64](c.memory, t.Len())
	if err != nil {
		return nil, err
	}
	return out, widenTo(out, t)
}

// widenTo writes a tensor's numbers, which are not float64, to out.
func widenTo(out []float64, t *tensor.Tensor) error {
	switch d := t.Any().(type) {
	case []float32:
		apply(out, d, func(v float32) float64 { return float64(v) })
	case []int64:
		apply(out, d, func(v int64) float64 { return float64(v) })
	case []int32:
		apply(out, d, func(v int32) float64 { return float64(v) })
	case []uint32:
		apply(out, d, func(v uint32) float64 { return float64(v) })
	case []uint64:
		apply(out, d, func(v uint64) float64 { return float64(v) })
	default:
		return refuse(t)
	}
	return nil
}

func where(c *call) error {
	cond, err := c.input(0)
	if err != nil {
		return err
	}
	a, err := c.input(1)
	if err != nil {
		return err
	}
	b, err := c.input(2)
	if err != nil {
		return err
	}
	if cond.DType() != tensor.Bool || a.DType() != b.DType() {
		return fmt.Errorf("operands are %v, %v and %v", cond, a, b)
	}
	shape, err := broadcastShapes(cond.Shape(), a.Shape(), b.Shape())
	if err != nil {
		return err
	}
	y, err := c.make(0, a.DType(), shape)
	if err != nil {
		return err
	}
	switch d := a.Any().(type) {
	case []float32:
		choose(cond, a, b, y, d)
	case []float64:
		choose(cond, a, b, y, d)
	case []int64:
		choose(cond, a, b, y, d)
	case []int8:
		choose(cond, a, b, y, d)
	case []int16:
		choose(cond, a, b, y, d)
	case []int32:
		choose(cond, a, b, y, d)
	case []uint8:
		choose(cond, a, b, y, d)
	case []uint16:
		choose(cond, a, b, y, d)
	case []uint32:
		choose(cond, a, b, y, d)
	case []uint64:
		choose(cond, a, b, y, d)
	case []bool:
		choose(cond, a, b, y, d)
	case []string:
		choose(cond, a, b, y, d)
	}
	return nil
}

func choose[T any](cond, a, b, y *tensor.Tensor, d []T) {
	shape := y.Shape()
	out, e, yes := y.Any().([]T), b.Any().([]T), cond.Bools()
	sc, sa, sb := stretch(cond.Shape(), shape), stretch(a.Shape(), shape), stretch(b.Shape(), shape)
	last, dc, da, db := 1, 0, 0, 0
	if n := len(shape); n > 0 {
		last, dc, da, db = int(shape[n-1]), sc[n-1], sa[n-1], sb[n-1]
	}
	walk(shape, [][]int{sc, sa, sb}, func(at int, from []int) {
		i, j, k := from[0], from[1], from[2]
		for l := at; l < at+last; l++ {
			if yes[i] {
				out[l] = d[j]
			} else {
				out[l] = e[k]
			}
			i, j, k = i+dc, j+da, k+db
		}
	})
}
