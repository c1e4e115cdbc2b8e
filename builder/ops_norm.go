package builder

import (
	"fmt"

	"espalier/onnx"
	"espalier/tensor"
)

func (g *Graph) softmax(op string, x *Value, a int64) *Value {
	if !g.check(op, x) {
		return g.invalid
	}
	i, err := axis(a, x.Rank())
	if err == nil && !x.dtype.IsFloat() {
		err = fmt.Errorf("not defined for %v", x.dtype)
	}
	if err != nil {
		return g.fail(op, []*Value{x}, err)
	}
	return g.add1(op, []*Value{x}, x.dtype, x.shape, onnx.IntAttr("axis", int64(i)))
}

// Softmax returns exp(x)/sum(exp(x)) along the axis, without overflow.
func (g *Graph) Softmax(x *Value, a int64) *Value { return g.softmax("Softmax", x, a) }

// LogSoftmax returns the logarithm of Softmax, without overflow.
func (g *Graph) LogSoftmax(x *Value, a int64) *Value { return g.softmax("LogSoftmax", x, a) }

// LayerNormalization normalises the last dimension to mean 0 and variance 1,
// times scale plus bias, both of that dimension's size (Ba et al. 2016).
func (g *Graph) LayerNormalization(x, scale, bias *Value, epsilon float64) *Value {
	in := []*Value{x, scale, bias}
	if !g.check("LayerNormalization", in...) {
		return g.invalid
	}
	d := Shape{x.Dim(-1)}
	if x.Rank() < 1 || !scale.shape.Equal(d) || !bias.shape.Equal(d) || x.dtype != scale.dtype || x.dtype != bias.dtype {
		return g.fail("LayerNormalization", in, fmt.Errorf("needs scale and bias of shape %v and the type of x", d))
	}
	// The two further outputs, mean and inverse standard deviation, are what
	// the gradient needs; a graph that does not use them drops them.
	stat := append(append(Shape{}, x.shape[:x.Rank()-1]...), Fixed(1))
	return g.add("LayerNormalization", in, []result{{x.dtype, x.shape}, {tensor.Float32, stat}, {tensor.Float32, stat}},
		onnx.IntAttr("axis", -1), onnx.FloatAttr("epsilon", float32(epsilon)))[0]
}
