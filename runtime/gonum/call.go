package gonum

import (
	"context"
	"fmt"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// call is one application of a kernel.
type call struct {
	*memory
	ctx    context.Context
	node   *onnx.Node
	attrs  attributes
	in     []*tensor.Tensor // nil where omitted
	out    []*tensor.Tensor // for the kernel to set
	slots  []int            // of the outputs, -1 where nobody asks
	bodies map[string]*body
	table  []*tensor.Tensor // of the graph, for what bodies read of it
}

func (c *call) reset(s *step) {
	c.node, c.attrs, c.slots, c.bodies = s.node, s.attrs, s.outputs, s.bodies
	c.in, c.out = c.in[:0], c.out[:0]
	for _, slot := range s.inputs {
		if slot < 0 {
			c.in = append(c.in, nil)
			continue
		}
		c.in = append(c.in, c.table[slot])
	}
	for range s.outputs {
		c.out = append(c.out, nil)
	}
}

// input returns operand i, which must be there.
func (c *call) input(i int) (*tensor.Tensor, error) {
	if i >= len(c.in) || c.in[i] == nil {
		return nil, fmt.Errorf("operand %d is missing", i)
	}
	return c.in[i], nil
}

// optional returns operand i or nil.
func (c *call) optional(i int) *tensor.Tensor {
	if i >= len(c.in) {
		return nil
	}
	return c.in[i]
}

// make sets output i to a new tensor, whose elements are undefined, and
// returns it.
func (c *call) make(i int, dtype tensor.DType, shape tensor.Shape) (*tensor.Tensor, error) {
	t, err := c.new(dtype, shape)
	if err == nil && i < len(c.out) {
		c.release(c.out[i])
		c.out[i] = t
	}
	return t, err
}

// view sets output 0 to operand t under another shape, without copying.
func (c *call) view(t *tensor.Tensor, shape tensor.Shape) error {
	v, err := t.Reshape(shape...)
	if err != nil {
		return err
	}
	c.share(t)
	c.out[0] = v
	return nil
}

// integers returns a list that is an operand, or an attribute in older
// operator sets. ok is false when neither is there.
func (c *call) integers(attr string, operand int) (xs []int64, ok bool, err error) {
	if t := c.optional(operand); t != nil {
		xs, err := toInts(t)
		return xs, true, err
	}
	xs = c.attrs.ints(attr)
	return xs, xs != nil, nil
}

func toInts(t *tensor.Tensor) ([]int64, error) {
	switch d := t.Any().(type) {
	case []int64:
		return d, nil
	case []int32:
		xs := make([]int64, len(d))
		for i, x := range d {
			xs[i] = int64(x)
		}
		return xs, nil
	}
	return nil, fmt.Errorf("%v is not a list of integers", t)
}

// attributes are a node's attributes by name.
type attributes map[string]*onnx.Attribute

func readAttributes(n *onnx.Node) (attributes, error) {
	attrs := attributes{}
	for i := range n.Attributes {
		a := &n.Attributes[i]
		if a.Ref != "" {
			return nil, fmt.Errorf("node %q: attribute %q refers to a function's attribute %q", n.Name, a.Name, a.Ref)
		}
		attrs[a.Name] = a
	}
	return attrs, nil
}

// get returns an attribute, or nil. One of another type than the operator's
// stops the kernel: the run recovers the panic and returns the error.
func (a attributes) get(name string, want onnx.AttributeType) *onnx.Attribute {
	v := a[name]
	if v != nil && v.Type != want {
		panic(fmt.Errorf("%w: attribute %q is of type %d, the operator's is of type %d", runtime.ErrModel, name, v.Type, want))
	}
	return v
}

func (a attributes) int(name string, def int64) int64 {
	if v := a.get(name, onnx.AttrInt); v != nil {
		return v.Int
	}
	return def
}

func (a attributes) float(name string, def float32) float32 {
	if v := a.get(name, onnx.AttrFloat); v != nil {
		return v.Float
	}
	return def
}

func (a attributes) text(name, def string) string {
	if v := a.get(name, onnx.AttrString); v != nil {
		return string(v.String)
	}
	return def
}

func (a attributes) ints(name string) []int64 {
	if v := a.get(name, onnx.AttrInts); v != nil {
		return v.Ints
	}
	return nil
}

func (a attributes) floats(name string) []float32 {
	if v := a.get(name, onnx.AttrFloats); v != nil {
		return v.Floats
	}
	return nil
}

func (a attributes) texts(name string) []string {
	v := a.get(name, onnx.AttrStrings)
	if v == nil {
		return nil
	}
	out := make([]string, len(v.Strings))
	for i, s := range v.Strings {
		out[i] = string(s)
	}
	return out
}

// axisOf turns a possibly negative axis into one of 0..rank-1.
func axisOf(a int64, rank int) (int, error) {
	i := a
	if i < 0 {
		i += int64(rank)
	}
	if i < 0 || i >= int64(rank) {
		return 0, fmt.Errorf("axis %d is outside rank %d", a, rank)
	}
	return int(i), nil
}

// around splits a shape at an axis: the elements before, at and behind it.
func around(s tensor.Shape, axis int) (outer, n, inner int) {
	outer, inner = 1, 1
	for _, d := range s[:axis] {
		outer *= int(d)
	}
	for _, d := range s[axis+1:] {
		inner *= int(d)
	}
	return outer, int(s[axis]), inner
}

// stridesOf returns how many elements apart neighbours along each axis are.
func stridesOf(s tensor.Shape) []int {
	st := make([]int, len(s))
	n := 1
	for i := len(s) - 1; i >= 0; i-- {
		st[i] = n
		n *= int(s[i])
	}
	return st
}
