// Package builder makes graphs of ONNX operators.
//
// A [Graph] is filled by calling one method per operator; every result is a
// [Value] with an element type and a shape whose dimensions are integers or
// names. A mistake never panics: the graph keeps the first error, with the
// operator, the operands and the line that made the call, and every later call
// does nothing. [Graph.Err] returns it.
//
// Parameters are made in a [Scope], whose path is their name: "trunk/..." is
// shared between tasks, "head/<task>/..." belongs to one. [Graph.Emit] writes
// the part of a graph that some outputs need as an ONNX model; it may cut the
// graph at any value and take that value as an input instead. Package grad
// adds gradients as more operators.
//
// A graph is for one goroutine at a time.
package builder

import (
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"

	"espalier/onnx"
	"espalier/tensor"
)

// Graph is a graph under construction. Make one with New.
type Graph struct {
	name    string
	float   tensor.DType
	freeze  func(name string) bool // nil: none
	err     error
	nodes   []*Node
	inputs  []*Value
	params  []*Value
	byName  map[string]*Value
	invalid *Value
	sizes   map[string]*Value // name of a dimension -> int64 [1] that holds it
	ints    map[string]*Value // constants made by ints, by content

	// Of a body, which is a graph inside an operator of another one:
	outer    *Graph
	prefix   string   // in front of the names of its values
	captures []*Value // values of graphs around it that it reads
}

// Options are settings of a graph.
type Options struct {
	// Float is the type of parameters and of float constants: Float32 (the
	// default) or Float64.
	Float tensor.DType
	// Freeze reports of a parameter, by name, whether it is frozen whatever its options
	// say; nil: none is.
	Freeze func(name string) bool
}

// New returns an empty graph.
func New(name string, opts Options) *Graph {
	if opts.Float == tensor.Undefined {
		opts.Float = tensor.Float32
	}
	g := &Graph{
		name: name, float: opts.Float, freeze: opts.Freeze, byName: map[string]*Value{},
		sizes: map[string]*Value{}, ints: map[string]*Value{},
	}
	g.invalid = &Value{g: g, kind: kindInvalid}
	if !opts.Float.IsFloat() {
		g.fail("New", nil, fmt.Errorf("a graph computes in float32 or float64, not %v", opts.Float))
	}
	return g
}

// Err returns the first error, or nil.
func (g *Graph) Err() error { return g.err }

// Float returns the type of the graph's parameters and float constants.
func (g *Graph) Float() tensor.DType { return g.float }

// Inputs lists the graph's inputs in the order they were made.
func (g *Graph) Inputs() []*Value { return g.inputs }

// Parameters lists the graph's parameters in the order they were made.
func (g *Graph) Parameters() []*Value { return g.params }

// Nodes lists the operators in the order they were added, which is a
// topological one.
func (g *Graph) Nodes() []*Node { return g.nodes }

// Node is one operator applied to values.
type Node struct {
	Op         string
	Domain     string
	Inputs     []*Value // nil for an omitted optional input
	Outputs    []*Value
	Attributes []onnx.Attribute
	// Bodies are the graphs inside the operator, and Captures the values of
	// the graph around them that they read.
	Bodies   []*Body
	Captures []*Value
	// Composite says that the node ends a group of operators that together
	// are a function with a gradient of its own; nil for most nodes.
	Composite *Composite
}

// Body is a graph inside an operator, such as what Scan does at each step. It
// becomes the operator's attribute Name.
type Body struct {
	Name    string
	Graph   *Graph
	Inputs  []*Value
	Outputs []*Value
}

// Composite is a function made of several operators. Its gradient goes from
// the last operator's output straight to Inputs, by the rule named Op, which
// may use the intermediate results in Saved.
type Composite struct {
	Op     string
	Inputs []*Value
	Saved  []*Value
}

// Attr returns the attribute of that name, or nil.
func (n *Node) Attr(name string) *onnx.Attribute {
	for i := range n.Attributes {
		if n.Attributes[i].Name == name {
			return &n.Attributes[i]
		}
	}
	return nil
}

// Int returns an integer attribute, or def where it is absent.
func (n *Node) Int(name string, def int64) int64 {
	if a := n.Attr(name); a != nil {
		return a.Int
	}
	return def
}

type kind uint8

const (
	kindInvalid kind = iota
	kindNode
	kindInput
	kindParameter
	kindConstant
	kindRandom
)

// Value is a tensor that the graph will compute, or takes from outside.
type Value struct {
	g     *Graph
	kind  kind
	name  string
	dtype tensor.DType
	shape Shape
	node  *Node
	param *Parameter
	mask  *Mask
	data  *tensor.Tensor
}

// Name returns the value's name, unique in its graph.
func (v *Value) Name() string { return v.name }

// DType returns the element type.
func (v *Value) DType() tensor.DType { return v.dtype }

// Shape returns the dimensions. The caller must not change them.
func (v *Value) Shape() Shape { return v.shape }

// Rank returns the number of dimensions.
func (v *Value) Rank() int { return len(v.shape) }

// Dim returns dimension i, counted from the end when negative. Where there is
// none it returns a dimension that equals no other.
func (v *Value) Dim(i int) Dim {
	if i < 0 {
		i += len(v.shape)
	}
	if i < 0 || i >= len(v.shape) {
		return Named("?")
	}
	return v.shape[i]
}

// Node returns the operator that computes the value, or nil for inputs,
// parameters, constants and random masks.
func (v *Value) Node() *Node { return v.node }

// Graph returns the graph the value belongs to.
func (v *Value) Graph() *Graph { return v.g }

// Valid reports whether the value stands for a tensor. Calls on a graph that
// has failed return a value that does not.
func (v *Value) Valid() bool { return v != nil && v.kind != kindInvalid }

// Parameter returns what the value trains, or nil.
func (v *Value) Parameter() *Parameter { return v.param }

// Constant returns the elements of a constant, or nil.
func (v *Value) Constant() *tensor.Tensor { return v.data }

// Mask returns the description of a random mask, or nil.
func (v *Value) Mask() *Mask { return v.mask }

// IsInput reports whether the value is an input of the graph.
func (v *Value) IsInput() bool { return v.kind == kindInput }

func (v *Value) String() string {
	if v == nil {
		return "<nil>"
	}
	if v.kind == kindInvalid {
		return "<invalid>"
	}
	return fmt.Sprintf("%s %v%v", v.name, v.dtype, v.shape)
}

// Error is the first mistake made on a graph.
type Error struct {
	Op       string   // the operator or method that was called
	Operands []string // name, type and shape of each operand
	Site     string   // file:line of the call
	Err      error
}

func (e *Error) Error() string {
	s := e.Op
	if len(e.Operands) > 0 {
		s += "(" + strings.Join(e.Operands, ", ") + ")"
	}
	if e.Site != "" {
		s += " at " + e.Site
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Fail makes err the graph's error if it is the first. Packages that build on
// graphs report their own mistakes with it.
func (g *Graph) Fail(op string, operands []*Value, err error) *Value {
	return g.fail(op, operands, err)
}

func (g *Graph) fail(op string, operands []*Value, err error) *Value {
	if g.err == nil {
		e := &Error{Op: op, Site: callSite(), Err: err}
		for _, v := range operands {
			e.Operands = append(e.Operands, v.String())
		}
		g.err = e
	}
	return g.invalid
}

// callSite finds the first caller outside the packages that build graphs.
func callSite() string {
	var pcs [64]uintptr
	frames := goruntime.CallersFrames(pcs[:goruntime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		ours := strings.HasPrefix(f.Function, "espalier/builder") || strings.HasPrefix(f.Function, "espalier/models")
		if !ours || strings.HasSuffix(f.File, "_test.go") {
			return fmt.Sprintf("%s:%d", f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
		}
		if !more {
			return ""
		}
	}
}

// check reports whether an operator may be added: the graph has not failed and
// every operand is a value of this graph.
func (g *Graph) check(op string, operands ...*Value) bool {
	if g.err != nil {
		return false
	}
	for i, v := range operands {
		switch {
		case v == nil:
			g.fail(op, operands, fmt.Errorf("operand %d is nil", i))
		case v.kind == kindInvalid:
			g.fail(op, operands, fmt.Errorf("operand %d is not a value", i))
		case !g.reads(v):
			g.fail(op, operands, fmt.Errorf("operand %d belongs to another graph", i))
		default:
			continue
		}
		return false
	}
	return true
}

// reads reports whether the graph may use v: a value of its own, or of a graph
// around it, which it notes.
func (g *Graph) reads(v *Value) bool {
	if v.g == g {
		return true
	}
	if g.outer == nil || !g.outer.reads(v) {
		return false
	}
	if !slices.Contains(g.captures, v) {
		g.captures = append(g.captures, v)
	}
	return true
}

// result says what one output of an operator is.
type result struct {
	dtype tensor.DType
	shape Shape
}

// add appends an operator and returns its outputs.
func (g *Graph) add(op string, inputs []*Value, results []result, attrs ...onnx.Attribute) []*Value {
	n := &Node{Op: op, Inputs: inputs, Attributes: attrs}
	for i, r := range results {
		name := fmt.Sprintf("%s_%d", op, len(g.nodes))
		if i > 0 {
			name = fmt.Sprintf("%s_%d", name, i)
		}
		v := &Value{g: g, kind: kindNode, name: g.unique(name), dtype: r.dtype, shape: r.shape, node: n}
		g.byName[v.name] = v
		n.Outputs = append(n.Outputs, v)
	}
	g.nodes = append(g.nodes, n)
	return n.Outputs
}

func (g *Graph) add1(op string, inputs []*Value, dtype tensor.DType, shape Shape, attrs ...onnx.Attribute) *Value {
	return g.add(op, inputs, []result{{dtype, shape}}, attrs...)[0]
}

func (g *Graph) unique(name string) string {
	name = g.prefix + name
	base := name
	for i := 1; g.byName[name] != nil; i++ {
		name = fmt.Sprintf("%s~%d", base, i)
	}
	return name
}

// Input adds an input. Dimensions that are bare names become known to the
// graph: shapes made later may use them.
func (g *Graph) Input(name string, dtype tensor.DType, dims ...Dim) *Value {
	if g.err != nil {
		return g.invalid
	}
	if name == "" || g.byName[name] != nil {
		return g.fail("Input", nil, fmt.Errorf("input name %q is empty or taken", name))
	}
	v := &Value{g: g, kind: kindInput, name: name, dtype: dtype, shape: append(Shape{}, dims...)}
	g.byName[name] = v
	g.inputs = append(g.inputs, v)
	return v
}

// Constant adds a tensor that never changes. The graph keeps t, whose elements
// must not change any more.
func (g *Graph) Constant(t *tensor.Tensor) *Value {
	if g.err != nil {
		return g.invalid
	}
	if t == nil {
		return g.fail("Constant", nil, fmt.Errorf("the tensor is nil"))
	}
	v := &Value{
		g: g, kind: kindConstant, name: g.unique(fmt.Sprintf("constant_%d", len(g.byName))),
		dtype: t.DType(), shape: Dims(t.Shape()...), data: t,
	}
	g.byName[v.name] = v
	return v
}

// Scalar adds a constant of rank 0 of the graph's float type.
func (g *Graph) Scalar(x float64) *Value { return g.ScalarOf(g.float, x) }

// ScalarOf adds a constant of rank 0 of the given type: a float or an integer.
func (g *Graph) ScalarOf(dtype tensor.DType, x float64) *Value {
	if g.err != nil {
		return g.invalid
	}
	key := fmt.Sprintf("%v %v", dtype, x)
	if v := g.ints[key]; v != nil {
		return v
	}
	var t *tensor.Tensor
	switch dtype {
	case tensor.Float32:
		t = tensor.Scalar(float32(x))
	case tensor.Float64:
		t = tensor.Scalar(x)
	case tensor.Int64:
		t = tensor.Scalar(int64(x))
	case tensor.Int32:
		t = tensor.Scalar(int32(x))
	case tensor.Bool:
		t = tensor.Scalar(x != 0)
	default:
		return g.fail("ScalarOf", nil, fmt.Errorf("no scalar of type %v", dtype))
	}
	v := g.Constant(t)
	g.ints[key] = v
	return v
}

// Ints adds a constant vector of int64.
func (g *Graph) Ints(xs ...int64) *Value {
	if g.err != nil {
		return g.invalid
	}
	key := fmt.Sprint(xs)
	if v := g.ints[key]; v != nil {
		return v
	}
	t, err := tensor.Of(append([]int64{}, xs...), int64(len(xs)))
	if err != nil {
		return g.fail("Ints", nil, err)
	}
	v := g.Constant(t)
	g.ints[key] = v
	return v
}

// axis turns a possibly negative axis into one of 0..rank-1.
func axis(a int64, rank int) (int, error) {
	i := int(a)
	if i < 0 {
		i += rank
	}
	if i < 0 || i >= rank {
		return 0, fmt.Errorf("axis %d is outside rank %d", a, rank)
	}
	return i, nil
}
