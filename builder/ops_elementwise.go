package builder

import (
	"fmt"
	"math"

	"espalier/onnx"
	"espalier/tensor"
)

// binary adds an operator on two operands of one type whose shapes broadcast.
func (g *Graph) binary(op string, a, b *Value, result tensor.DType, ok func(tensor.DType) bool) *Value {
	in := []*Value{a, b}
	if !g.check(op, in...) {
		return g.invalid
	}
	if a.dtype != b.dtype {
		return g.fail(op, in, fmt.Errorf("operands have types %v and %v; Cast one", a.dtype, b.dtype))
	}
	if !ok(a.dtype) {
		return g.fail(op, in, fmt.Errorf("not defined for %v", a.dtype))
	}
	shape, err := broadcast(a.shape, b.shape)
	if err != nil {
		return g.fail(op, in, err)
	}
	if result == tensor.Undefined {
		result = a.dtype
	}
	return g.add1(op, in, result, shape)
}

func numeric(d tensor.DType) bool {
	return d.IsFloat() || d == tensor.Int64 || d == tensor.Int32
}

func isBool(d tensor.DType) bool { return d == tensor.Bool }

func anyType(tensor.DType) bool { return true }

// Add returns a + b, broadcast.
func (g *Graph) Add(a, b *Value) *Value { return g.binary("Add", a, b, 0, numeric) }

// Sub returns a - b, broadcast.
func (g *Graph) Sub(a, b *Value) *Value { return g.binary("Sub", a, b, 0, numeric) }

// Mul returns a * b elementwise, broadcast.
func (g *Graph) Mul(a, b *Value) *Value { return g.binary("Mul", a, b, 0, numeric) }

// Div returns a / b elementwise, broadcast.
func (g *Graph) Div(a, b *Value) *Value { return g.binary("Div", a, b, 0, numeric) }

// Pow returns a to the power of b elementwise, broadcast.
func (g *Graph) Pow(a, b *Value) *Value { return g.binary("Pow", a, b, 0, tensor.DType.IsFloat) }

// Max returns the larger of a and b elementwise, broadcast.
func (g *Graph) Max(a, b *Value) *Value { return g.binary("Max", a, b, 0, numeric) }

// Min returns the smaller of a and b elementwise, broadcast.
func (g *Graph) Min(a, b *Value) *Value { return g.binary("Min", a, b, 0, numeric) }

// Equal returns a == b elementwise as bool, broadcast.
func (g *Graph) Equal(a, b *Value) *Value { return g.binary("Equal", a, b, tensor.Bool, anyType) }

// Greater returns a > b elementwise as bool, broadcast.
func (g *Graph) Greater(a, b *Value) *Value { return g.binary("Greater", a, b, tensor.Bool, numeric) }

// GreaterOrEqual returns a >= b elementwise as bool, broadcast.
func (g *Graph) GreaterOrEqual(a, b *Value) *Value {
	return g.binary("GreaterOrEqual", a, b, tensor.Bool, numeric)
}

// Less returns a < b elementwise as bool, broadcast.
func (g *Graph) Less(a, b *Value) *Value { return g.binary("Less", a, b, tensor.Bool, numeric) }

// LessOrEqual returns a <= b elementwise as bool, broadcast.
func (g *Graph) LessOrEqual(a, b *Value) *Value {
	return g.binary("LessOrEqual", a, b, tensor.Bool, numeric)
}

// And returns the conjunction of two bool values, broadcast.
func (g *Graph) And(a, b *Value) *Value { return g.binary("And", a, b, 0, isBool) }

// Or returns the disjunction of two bool values, broadcast.
func (g *Graph) Or(a, b *Value) *Value { return g.binary("Or", a, b, 0, isBool) }

// IsNaN says for each element whether it is no number.
func (g *Graph) IsNaN(x *Value) *Value {
	if !g.check("IsNaN", x) {
		return g.invalid
	}
	if !x.dtype.IsFloat() {
		return g.fail("IsNaN", []*Value{x}, fmt.Errorf("needs floats"))
	}
	return g.add1("IsNaN", []*Value{x}, tensor.Bool, x.shape)
}

// Where returns a where cond is true and b elsewhere, all three broadcast.
func (g *Graph) Where(cond, a, b *Value) *Value {
	in := []*Value{cond, a, b}
	if !g.check("Where", in...) {
		return g.invalid
	}
	if cond.dtype != tensor.Bool || a.dtype != b.dtype {
		return g.fail("Where", in, fmt.Errorf("needs a bool condition and two operands of one type"))
	}
	shape, err := broadcast(a.shape, b.shape)
	if err == nil {
		shape, err = broadcast(shape, cond.shape)
	}
	if err != nil {
		return g.fail("Where", in, err)
	}
	return g.add1("Where", in, a.dtype, shape)
}

func (g *Graph) unary(op string, x *Value, ok func(tensor.DType) bool, attrs ...onnx.Attribute) *Value {
	if !g.check(op, x) {
		return g.invalid
	}
	if !ok(x.dtype) {
		return g.fail(op, []*Value{x}, fmt.Errorf("not defined for %v", x.dtype))
	}
	return g.add1(op, []*Value{x}, x.dtype, x.shape, attrs...)
}

// Identity returns x under another name.
func (g *Graph) Identity(x *Value) *Value { return g.unary("Identity", x, anyType) }

// ReverseGradient returns x and multiplies its gradient by -factor: the
// gradient reversal layer of Ganin and Lempitsky (2015), through which what
// lies before it learns to make worse what lies behind it.
func (g *Graph) ReverseGradient(x *Value, factor float64) *Value {
	y := g.unary("Identity", x, tensor.DType.IsFloat)
	if g.err == nil {
		saved := []*Value{g.ScalarOf(x.dtype, -factor)}
		y.node.Composite = &Composite{Op: "ReverseGradient", Inputs: []*Value{x}, Saved: saved}
	}
	return y
}

// StopGradient returns x as a constant: no gradient goes through it.
func (g *Graph) StopGradient(x *Value) *Value {
	y := g.unary("Identity", x, tensor.DType.IsFloat)
	if g.err == nil {
		y.node.Composite = &Composite{Op: "StopGradient", Inputs: []*Value{x}}
	}
	return y
}

// Neg returns -x.
func (g *Graph) Neg(x *Value) *Value { return g.unary("Neg", x, numeric) }

// Abs returns the absolute value of x.
func (g *Graph) Abs(x *Value) *Value { return g.unary("Abs", x, numeric) }

// Sign returns -1, 0 or 1 by the sign of x.
func (g *Graph) Sign(x *Value) *Value { return g.unary("Sign", x, numeric) }

// Exp returns e to the power of x.
func (g *Graph) Exp(x *Value) *Value { return g.unary("Exp", x, tensor.DType.IsFloat) }

// Log returns the natural logarithm of x.
func (g *Graph) Log(x *Value) *Value { return g.unary("Log", x, tensor.DType.IsFloat) }

// Sqrt returns the square root of x.
func (g *Graph) Sqrt(x *Value) *Value { return g.unary("Sqrt", x, tensor.DType.IsFloat) }

// Reciprocal returns 1/x.
func (g *Graph) Reciprocal(x *Value) *Value { return g.unary("Reciprocal", x, tensor.DType.IsFloat) }

// Sin returns the sine of x.
func (g *Graph) Sin(x *Value) *Value { return g.unary("Sin", x, tensor.DType.IsFloat) }

// Cos returns the cosine of x.
func (g *Graph) Cos(x *Value) *Value { return g.unary("Cos", x, tensor.DType.IsFloat) }

// Tanh returns the hyperbolic tangent of x.
func (g *Graph) Tanh(x *Value) *Value { return g.unary("Tanh", x, tensor.DType.IsFloat) }

// Sigmoid returns 1/(1+exp(-x)).
func (g *Graph) Sigmoid(x *Value) *Value { return g.unary("Sigmoid", x, tensor.DType.IsFloat) }

// Softplus returns log(1+exp(x)).
func (g *Graph) Softplus(x *Value) *Value { return g.unary("Softplus", x, tensor.DType.IsFloat) }

// Relu returns max(x, 0).
func (g *Graph) Relu(x *Value) *Value { return g.unary("Relu", x, tensor.DType.IsFloat) }

// LeakyRelu returns x where it is positive and alpha*x elsewhere.
func (g *Graph) LeakyRelu(x *Value, alpha float64) *Value {
	return g.unary("LeakyRelu", x, tensor.DType.IsFloat, onnx.FloatAttr("alpha", float32(alpha)))
}

// Erf returns the error function of x.
func (g *Graph) Erf(x *Value) *Value { return g.unary("Erf", x, tensor.DType.IsFloat) }

// Not returns the negation of a bool value.
func (g *Graph) Not(x *Value) *Value { return g.unary("Not", x, isBool) }

// Gelu returns x*Phi(x), Phi the normal distribution function (Hendrycks and
// Gimpel 2016), in the arrangement that runtimes recognise and fuse.
func (g *Graph) Gelu(x *Value) *Value {
	scaled := g.Div(x, g.Scalar(math.Sqrt2))
	twice := g.Add(g.Erf(scaled), g.Scalar(1)) // 2*Phi(x)
	y := g.Mul(g.Mul(x, twice), g.Scalar(0.5))
	if g.err == nil {
		y.node.Composite = &Composite{Op: "Gelu", Inputs: []*Value{x}, Saved: []*Value{scaled, twice}}
	}
	return y
}

// TrainedGelu is Gelu arranged for a gradient in fewer passes, which runtimes do
// not recognise: Phi is written out, as a hard sigmoid of the error function,
// whose limits that never reaches.
func (g *Graph) TrainedGelu(x *Value) *Value {
	if g.err != nil || x.dtype != tensor.Float32 {
		return g.Gelu(x)
	}
	scaled := g.Mul(x, g.Scalar(math.Sqrt2/2))
	half := []onnx.Attribute{onnx.FloatAttr("alpha", 0.5), onnx.FloatAttr("beta", 0.5)}
	phi := g.add1("HardSigmoid", []*Value{g.Erf(scaled)}, x.dtype, x.shape, half...)
	y := g.Mul(x, phi)
	if g.err == nil {
		y.node.Composite = &Composite{Op: "TrainedGelu", Inputs: []*Value{x}, Saved: []*Value{scaled, phi}}
	}
	return y
}

// Clip returns x limited to [low, high].
func (g *Graph) Clip(x *Value, low, high float64) *Value {
	if !g.check("Clip", x) {
		return g.invalid
	}
	if !numeric(x.dtype) || low > high {
		return g.fail("Clip", []*Value{x}, fmt.Errorf("needs a numeric operand and low <= high, not [%v, %v]", low, high))
	}
	return g.add1("Clip", []*Value{x, g.ScalarOf(x.dtype, low), g.ScalarOf(x.dtype, high)}, x.dtype, x.shape)
}

// Cast converts x to another type. A float becomes an integer by dropping its
// fraction; a bool is 0 or 1.
func (g *Graph) Cast(x *Value, to tensor.DType) *Value {
	if !g.check("Cast", x) {
		return g.invalid
	}
	if x.dtype == to {
		return x
	}
	return g.add1("Cast", []*Value{x}, to, x.shape, onnx.IntAttr("to", int64(to)))
}
