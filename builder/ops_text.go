package builder

import (
	"fmt"

	"espalier/onnx"
	"espalier/tensor"
)

// Operators of other domains than ONNX's own.
const (
	// DomainML is ONNX's domain of classical machine learning.
	DomainML = "ai.onnx.ml"
	// DomainMicrosoft holds operators that only ONNX Runtime has.
	DomainMicrosoft = "com.microsoft"
)

// domains are the versions of operator sets besides ONNX's own.
var domains = map[string]int64{DomainML: 3, DomainMicrosoft: 1}

// Define gives a dimension's name to axis a of x, whose size the graph
// computes: later shapes may use the name. It is for dimensions that no input
// has.
func (g *Graph) Define(name string, x *Value, a int64) {
	if !g.check("Define", x) {
		return
	}
	i, err := axis(a, x.Rank())
	if err != nil || x.shape[i] != Named(name) || g.sizes[name] != nil {
		g.fail("Define", []*Value{x}, fmt.Errorf("%q is not a new name of dimension %d", name, a))
		return
	}
	g.sizes[name] = g.Gather(g.ShapeOf(x), g.Ints(int64(i)), 0)
}

// Tokenize splits strings [n] into the matches of a regular expression, the
// longest of those that start leftmost: [n, name], rows of fewer tokens filled
// up with "" (com.microsoft Tokenizer). Some string must have a token.
func (g *Graph) Tokenize(x *Value, pattern, name string) *Value {
	return g.tokenizer(x, name, onnx.StringAttr("tokenexp", pattern))
}

// SplitCharacters splits strings [n, m] into characters: [n, m, name], filled
// up with "". Some string must not be empty.
func (g *Graph) SplitCharacters(x *Value, name string) *Value {
	return g.tokenizer(x, name, onnx.StringsAttr("separators", []string{""}))
}

func (g *Graph) tokenizer(x *Value, name string, how onnx.Attribute) *Value {
	if !g.check("Tokenizer", x) {
		return g.invalid
	}
	if x.dtype != tensor.String || x.Rank() < 1 || x.Rank() > 2 {
		return g.fail("Tokenizer", []*Value{x}, fmt.Errorf("needs strings of rank 1 or 2"))
	}
	shape := append(append(Shape{}, x.shape...), Named(name))
	y := g.add1("Tokenizer", []*Value{x}, tensor.String, shape,
		onnx.IntAttr("mark", 0), onnx.IntAttr("mincharnum", 1), onnx.StringAttr("pad_value", ""), how)
	y.node.Domain = DomainMicrosoft
	g.Define(name, y, -1)
	return y
}

// Lookup maps strings or int64 to int64: keys, a []string or []int64, to the
// values at the same places, and everything else to other (ai.onnx.ml
// LabelEncoder).
func (g *Graph) Lookup(x *Value, keys any, values []int64, other int64) *Value {
	if !g.check("LabelEncoder", x) {
		return g.invalid
	}
	var attr onnx.Attribute
	n := 0
	switch k := keys.(type) {
	case []string:
		attr, n = onnx.StringsAttr("keys_strings", k), len(k)
	case []int64:
		attr, n = onnx.IntsAttr("keys_int64s", k), len(k)
	}
	if n == 0 || n != len(values) || (attr.Type == onnx.AttrStrings) != (x.dtype == tensor.String) {
		return g.fail("LabelEncoder", []*Value{x}, fmt.Errorf("%d keys of type %T do not fit %d values and the operand", n, keys, len(values)))
	}
	y := g.add1("LabelEncoder", []*Value{x}, tensor.Int64, x.shape, attr,
		onnx.IntsAttr("values_int64s", values), onnx.IntAttr("default_int64", other))
	y.node.Domain = DomainML
	return y
}

// Rename gives a dimension of x another name; a value may have several.
func (g *Graph) Rename(x *Value, a int64, name string) *Value {
	if !g.check("Rename", x) {
		return g.invalid
	}
	i, err := axis(a, x.Rank())
	if err != nil {
		return g.fail("Rename", []*Value{x}, err)
	}
	shape := append(Shape{}, x.shape...)
	shape[i] = Named(name)
	y := g.add1("Identity", []*Value{x}, x.dtype, shape)
	g.Define(name, y, int64(i))
	return y
}

// Head returns the first n elements of x along the axis, all of them where
// there are fewer. The dimension gets a name of its own.
func (g *Graph) Head(x *Value, a, n int64, name string) *Value {
	if !g.check("Slice", x) {
		return g.invalid
	}
	i, err := axis(a, x.Rank())
	if err != nil || n < 1 {
		return g.fail("Slice", []*Value{x}, fmt.Errorf("the first %d of axis %d: there is no such part", n, a))
	}
	shape := append(Shape{}, x.shape...)
	shape[i] = Named(name)
	y := g.add1("Slice", []*Value{x, g.Ints(0), g.Ints(n), g.Ints(int64(i))}, x.dtype, shape)
	g.Define(name, y, int64(i))
	return y
}
