package gonum_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// randomGraph makes a model of random operators on random shapes. Every value
// is squashed by Tanh now and then, so that engines that round differently do
// not drift apart. It returns the inputs, and the names of all outputs.
type randomGraph struct {
	r       *rand.Rand
	graph   onnx.Graph
	inputs  []runtime.Named
	values  []shaped // floats
	outputs []runtime.Named
	serial  int
}

type shaped struct {
	name  string
	shape tensor.Shape
}

func newRandomGraph(seed uint64) *randomGraph {
	return &randomGraph{r: rand.New(rand.NewPCG(seed, 11)), graph: onnx.Graph{Name: "random"}}
}

// build adds inputs and n random operators and encodes the model.
func (g *randomGraph) build(t testing.TB, n int) []byte {
	t.Helper()
	for range 2 {
		g.input(g.shape(1 + g.r.IntN(4)))
	}
	for range n {
		x := g.values[g.r.IntN(len(g.values))]
		steps := g.steps()
		steps[g.r.IntN(len(steps))](x)
	}
	for _, v := range g.values {
		y := g.add("Tanh", []string{v.name}, v.shape)
		g.values = g.values[:len(g.values)-1] // an output is read by nobody
		g.outputs = append(g.outputs, runtime.Named{Name: y.name})
		g.graph.Outputs = append(g.graph.Outputs, onnx.ValueInfo{Name: y.name, DType: tensor.Float32})
	}
	model, err := onnx.Encode(&onnx.Model{IRVersion: 8, OpsetImports: []onnx.OperatorSetID{{Version: 17}}, Graph: &g.graph})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func (g *randomGraph) shape(rank int) tensor.Shape {
	s := make(tensor.Shape, rank)
	for i := range s {
		s[i] = 1 + g.r.Int64N(6)
	}
	return s
}

func (g *randomGraph) name() string {
	g.serial++
	return fmt.Sprintf("v%d", g.serial)
}

func (g *randomGraph) floats(shape tensor.Shape) *tensor.Tensor {
	t := tensor.Must(tensor.New(tensor.Float32, shape...))
	for i := range t.Float32s() {
		t.Float32s()[i] = float32(g.r.NormFloat64())
	}
	return t
}

func (g *randomGraph) input(shape tensor.Shape) {
	name := g.name()
	info := onnx.ValueInfo{Name: name, DType: tensor.Float32, HasShape: true}
	for _, d := range shape {
		info.Shape = append(info.Shape, onnx.Dim{Known: true, Size: d})
	}
	g.graph.Inputs = append(g.graph.Inputs, info)
	g.inputs = append(g.inputs, runtime.Named{Name: name, Tensor: g.floats(shape)})
	g.values = append(g.values, shaped{name, shape})
}

// weight adds an initialiser.
func (g *randomGraph) weight(t *tensor.Tensor) string {
	name := g.name()
	g.graph.Initializers = append(g.graph.Initializers, onnx.TensorOf(name, t))
	return name
}

func (g *randomGraph) ints(xs ...int64) string {
	return g.weight(tensor.Must(tensor.Of(xs, int64(len(xs)))))
}

// node adds a node with one new result and returns its name.
func (g *randomGraph) node(op string, inputs []string, attrs ...onnx.Attribute) string {
	name := g.name()
	g.graph.Nodes = append(g.graph.Nodes, &onnx.Node{
		Name: "node_" + name, OpType: op, Inputs: inputs, Outputs: []string{name}, Attributes: attrs,
	})
	return name
}

// add is node for a result that later operators may read.
func (g *randomGraph) add(op string, inputs []string, shape tensor.Shape, attrs ...onnx.Attribute) shaped {
	v := shaped{g.node(op, inputs, attrs...), slices.Clone(shape)}
	g.values = append(g.values, v)
	return v
}

// steps are the operators a graph is made of, each with what it needs.
func (g *randomGraph) steps() []func(x shaped) {
	return []func(x shaped){
		g.unary, g.unary, g.binary, g.binary, g.binary, g.choose, g.reduce, g.reduce, g.transpose, g.reshape, g.slice,
		g.concat, g.softmax, g.matMul, g.matMul, g.gemm, g.gather, g.layerNorm, g.pad, g.expand, g.cumSum, g.conv, g.scatter,
		g.scan, g.loop, g.choice,
	}
}

func (g *randomGraph) axis(x shaped) int { return g.r.IntN(len(x.shape)) }

func (g *randomGraph) unary(x shaped) {
	op := []string{"Neg", "Abs", "Exp", "Tanh", "Sigmoid", "Relu", "Erf", "Softplus", "LeakyRelu", "Floor", "Ceil", "Sin", "Cos", "Sign"}[g.r.IntN(14)]
	in := x.name
	if op == "Exp" || op == "Floor" || op == "Ceil" || op == "Sign" { // bounded, and not at a jump
		// An engine's Tanh may go a little beyond 1, where Floor jumps.
		in = g.node("Mul", []string{g.node("Tanh", []string{in}), g.weight(tensor.Scalar(float32(0.9)))})
	}
	g.add(op, []string{in}, x.shape)
}

// binary takes a second operand that broadcasts: some sizes are 1, some axes
// in front are left out.
func (g *randomGraph) binary(x shaped) {
	shape := slices.Clone(x.shape[g.r.IntN(len(x.shape)+1):])
	for i := range shape {
		if g.r.IntN(3) == 0 {
			shape[i] = 1
		}
	}
	w := g.floats(shape)
	op := []string{"Add", "Sub", "Mul", "Div", "Max", "Min"}[g.r.IntN(6)]
	if op == "Div" {
		for i, v := range w.Float32s() {
			w.Float32s()[i] = 1 + v*v
		}
	}
	operands := []string{x.name, g.weight(w)}
	if g.r.IntN(2) == 0 && op != "Div" {
		slices.Reverse(operands)
	}
	g.add(op, operands, x.shape)
}

func (g *randomGraph) choose(x shaped) {
	w := g.weight(g.floats(x.shape[len(x.shape)-1:]))
	cond := g.node([]string{"Less", "GreaterOrEqual"}[g.r.IntN(2)], []string{x.name, w})
	g.add("Where", []string{cond, x.name, w}, x.shape)
}

func (g *randomGraph) reduce(x shaped) {
	op := []string{"ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare"}[g.r.IntN(6)]
	var axes []int64
	shape := tensor.Shape{}
	for i, d := range x.shape {
		if g.r.IntN(2) == 0 {
			axes = append(axes, int64(i))
			shape = append(shape, 1)
		} else {
			shape = append(shape, d)
		}
	}
	if len(axes) > 0 {
		g.add(op, []string{x.name}, shape, onnx.IntsAttr("axes", axes))
	}
}

func (g *randomGraph) transpose(x shaped) {
	perm, shape := make([]int64, len(x.shape)), make(tensor.Shape, len(x.shape))
	for i, p := range g.r.Perm(len(x.shape)) {
		perm[i], shape[i] = int64(p), x.shape[p]
	}
	g.add("Transpose", []string{x.name}, shape, onnx.IntsAttr("perm", perm))
}

func (g *randomGraph) reshape(x shaped) {
	n, _ := x.shape.Elements()
	a := g.axis(x)
	g.add("Reshape", []string{x.name, g.ints(-1, x.shape[a])}, tensor.Shape{int64(n) / x.shape[a], x.shape[a]})
}

func (g *randomGraph) slice(x shaped) {
	a := g.axis(x)
	shape := slices.Clone(x.shape)
	step := int64(1 + g.r.IntN(2))
	if g.r.IntN(2) == 0 { // backwards, from the end
		shape[a] = (shape[a] + step - 1) / step
		g.add("Slice", []string{x.name, g.ints(-1), g.ints(-1 << 40), g.ints(int64(a)), g.ints(-step)}, shape)
		return
	}
	start := g.r.Int64N(shape[a])
	shape[a] = (shape[a] - start + step - 1) / step
	g.add("Slice", []string{x.name, g.ints(start), g.ints(1 << 40), g.ints(int64(a)), g.ints(step)}, shape)
}

func (g *randomGraph) concat(x shaped) {
	a := g.axis(x)
	other := slices.Clone(x.shape)
	other[a] = 1 + g.r.Int64N(3)
	shape := slices.Clone(x.shape)
	shape[a] += other[a]
	g.add("Concat", []string{x.name, g.weight(g.floats(other))}, shape, onnx.IntAttr("axis", int64(a)-int64(len(shape))))
}

func (g *randomGraph) softmax(x shaped) {
	g.add([]string{"Softmax", "LogSoftmax"}[g.r.IntN(2)], []string{x.name}, x.shape, onnx.IntAttr("axis", int64(g.axis(x))))
}

// matMul multiplies with one matrix, or with a stack that broadcasts.
func (g *randomGraph) matMul(x shaped) {
	rank := len(x.shape)
	if rank < 2 {
		return
	}
	n := 1 + g.r.Int64N(70)
	shape := append(slices.Clone(x.shape[:rank-1]), n)
	var w tensor.Shape
	if g.r.IntN(2) == 0 {
		w = slices.Clone(x.shape[:rank-2])
		for i := range w {
			if g.r.IntN(2) == 0 {
				w[i] = 1
			}
		}
	}
	g.add("MatMul", []string{x.name, g.weight(g.floats(append(w, x.shape[rank-1], n)))}, shape)
}

func (g *randomGraph) gemm(x shaped) {
	if len(x.shape) != 2 {
		return
	}
	ta, tb := g.r.IntN(2), g.r.IntN(2)
	m, k := x.shape[ta], x.shape[1-ta]
	n := 1 + g.r.Int64N(9)
	w := tensor.Shape{k, n}
	if tb == 1 {
		w = tensor.Shape{n, k}
	}
	g.add("Gemm", []string{x.name, g.weight(g.floats(w)), g.weight(g.floats(tensor.Shape{n}))}, tensor.Shape{m, n},
		onnx.IntAttr("transA", int64(ta)), onnx.IntAttr("transB", int64(tb)), onnx.FloatAttr("alpha", 0.5), onnx.FloatAttr("beta", 2))
}

func (g *randomGraph) gather(x shaped) {
	a := g.axis(x)
	index := tensor.Must(tensor.New(tensor.Int64, g.shape(1+g.r.IntN(2))...))
	for i := range index.Int64s() {
		index.Int64s()[i] = g.r.Int64N(2*x.shape[a]) - x.shape[a] // from the end, too
	}
	shape := slices.Concat(x.shape[:a], index.Shape(), x.shape[a+1:])
	if len(shape) < 6 {
		g.add("Gather", []string{x.name, g.weight(index)}, shape, onnx.IntAttr("axis", int64(a)))
	}
}

func (g *randomGraph) layerNorm(x shaped) {
	last := x.shape[len(x.shape)-1:]
	if last[0] < 2 { // the variance of one element is 0
		return
	}
	g.add("LayerNormalization", []string{x.name, g.weight(g.floats(last)), g.weight(g.floats(last))}, x.shape, onnx.FloatAttr("epsilon", 0.01))
}

func (g *randomGraph) pad(x shaped) {
	pads := make([]int64, 2*len(x.shape))
	shape := slices.Clone(x.shape)
	for i := range pads {
		pads[i] = g.r.Int64N(2)
		shape[i%len(shape)] += pads[i]
	}
	mode := []string{"constant", "edge"}[g.r.IntN(2)]
	g.add("Pad", []string{x.name, g.ints(pads...)}, shape, onnx.StringAttr("mode", mode))
}

func (g *randomGraph) expand(x shaped) {
	if len(x.shape) > 3 {
		return
	}
	shape := append(tensor.Shape{2}, x.shape...)
	g.add("Expand", []string{x.name, g.ints(shape...)}, shape)
}

func (g *randomGraph) cumSum(x shaped) {
	axis := g.weight(tensor.Scalar(int64(g.axis(x))))
	g.add("CumSum", []string{x.name, axis}, x.shape, onnx.IntAttr("reverse", g.r.Int64N(2)), onnx.IntAttr("exclusive", g.r.Int64N(2)))
}

// conv convolves over one or two axes, in groups of one channel or in one.
func (g *randomGraph) conv(x shaped) {
	rank := len(x.shape)
	if rank < 3 || rank > 4 {
		return
	}
	channels, group, out := x.shape[1], int64(1), 1+g.r.Int64N(4)
	if g.r.IntN(2) == 0 {
		group, out = channels, channels
	}
	w, shape := tensor.Shape{out, channels / group}, tensor.Shape{x.shape[0], out}
	var pads, strides, dilations []int64
	for _, n := range x.shape[2:] {
		stride, dilation := 1+g.r.Int64N(2), 1+g.r.Int64N(2)
		w = append(w, 2)
		pads, strides, dilations = append(pads, 1), append(strides, stride), append(dilations, dilation)
		shape = append(shape, (n+2-dilation-1)/stride+1)
		if n+2-dilation-1 < 0 {
			return
		}
	}
	g.add("Conv", []string{x.name, g.weight(g.floats(w)), g.weight(g.floats(tensor.Shape{out}))}, shape,
		onnx.IntAttr("group", group), onnx.IntsAttr("pads", append(pads, pads...)), onnx.IntsAttr("strides", strides), onnx.IntsAttr("dilations", dilations))
}

// scatter adds rows to a table; no row is named twice, because ORT loses
// updates then.
func (g *randomGraph) scatter(x shaped) {
	rows := g.r.Perm(int(x.shape[0]))[:1+g.r.IntN(int(x.shape[0]))]
	index := tensor.Must(tensor.New(tensor.Int64, int64(len(rows)), 1))
	for i, row := range rows {
		index.Int64s()[i] = int64(row)
	}
	updates := append(tensor.Shape{int64(len(rows))}, x.shape[1:]...)
	g.add("ScatterND", []string{x.name, g.weight(index), g.weight(g.floats(updates))}, x.shape, onnx.StringAttr("reduction", "add"))
}

// graphOf makes a sub-graph whose values are named inside of a prefix.
type graphOf struct {
	g      *randomGraph
	graph  *onnx.Graph
	prefix string
}

func (g *randomGraph) sub() *graphOf {
	name := g.name()
	return &graphOf{g: g, graph: &onnx.Graph{Name: name}, prefix: name + "/"}
}

func (b *graphOf) input(name string, dtype tensor.DType, shape tensor.Shape) {
	b.graph.Inputs = append(b.graph.Inputs, declaredAs(b.prefix+name, dtype, shape))
}

func (b *graphOf) output(name string, dtype tensor.DType, shape tensor.Shape) {
	b.graph.Outputs = append(b.graph.Outputs, declaredAs(b.prefix+name, dtype, shape))
}

func declaredAs(name string, dtype tensor.DType, shape tensor.Shape) onnx.ValueInfo {
	v := onnx.ValueInfo{Name: name, DType: dtype, HasShape: true}
	for _, d := range shape {
		v.Shape = append(v.Shape, onnx.Dim{Known: true, Size: d})
	}
	return v
}

// node adds a node; a value of a graph around it is named with a dot in front.
func (b *graphOf) node(op, inputs, output string, attrs ...onnx.Attribute) {
	n := &onnx.Node{Name: b.prefix + "node_" + output, OpType: op, Outputs: []string{b.prefix + output}, Attributes: attrs}
	for _, in := range strings.Fields(inputs) {
		if outer, ok := strings.CutPrefix(in, "."); ok {
			n.Inputs = append(n.Inputs, outer)
		} else {
			n.Inputs = append(n.Inputs, b.prefix+in)
		}
	}
	b.graph.Nodes = append(b.graph.Nodes, n)
}

// scan walks over any axis of x and of a second value, in any direction, with a
// state that the body mixes with both, an inner Scan that walks over each
// slice, and outputs along any axis.
func (g *randomGraph) scan(x shaped) {
	if len(x.shape) < 2 {
		return
	}
	a := g.axis(x)
	slice := slices.Concat(x.shape[:a], x.shape[a+1:])
	steps := x.shape[a]
	other := g.weight(g.floats(append(tensor.Shape{steps}, slice...)))
	first, captured := g.weight(g.floats(slice)), g.weight(g.floats(slice[len(slice)-1:]))
	b := g.sub()
	for _, in := range []string{"h", "x", "w"} {
		b.input(in, tensor.Float32, slice)
	}
	b.node("Mul", "x ."+captured, "xw")
	b.node("Add", "h xw", "sum")
	b.node("Add", "sum w", "mixed")
	b.node("Tanh", "mixed", "next")
	g.inner(b, slice)
	b.node("Identity", "x", "same") // a slice passed on
	b.output("next", tensor.Float32, slice)
	b.output("walked", tensor.Float32, slice)
	b.output("same", tensor.Float32, slice)
	axis := g.r.IntN(len(x.shape))
	shape := slices.Insert(slices.Clone(slice), axis, steps)
	g.results("Scan", []string{first, x.name, other}, []tensor.Shape{slice, shape, x.shape},
		onnx.GraphAttr("body", b.graph), onnx.IntAttr("num_scan_inputs", 2),
		onnx.IntsAttr("scan_input_axes", []int64{int64(a) - int64(len(x.shape)), 0}), onnx.IntsAttr("scan_input_directions", []int64{g.r.Int64N(2), g.r.Int64N(2)}),
		onnx.IntsAttr("scan_output_axes", []int64{int64(axis), int64(a)}), onnx.IntsAttr("scan_output_directions", []int64{g.r.Int64N(2), g.r.Int64N(2)}))
}

// inner adds "walked" to a body: a Scan over the slice "next", whose body reads
// a value of the body around it.
func (g *randomGraph) inner(b *graphOf, slice tensor.Shape) {
	first := g.weight(g.floats(slice[1:]))
	i := g.sub()
	i.input("s", tensor.Float32, slice[1:])
	i.input("e", tensor.Float32, slice[1:])
	axes := make([]int64, len(slice))
	for j := range axes {
		axes[j] = int64(j)
	}
	i.node("ReduceMean", "."+b.prefix+"x", "mean", onnx.IntsAttr("axes", axes), onnx.IntAttr("keepdims", 0))
	i.node("Mul", "e mean", "scaled")
	i.node("Sub", "scaled s", "t")
	i.node("Identity", "t", "out")
	i.output("t", tensor.Float32, slice[1:])
	i.output("out", tensor.Float32, slice[1:])
	last := b.prefix + "last"
	b.graph.Nodes = append(b.graph.Nodes, &onnx.Node{
		Name: b.prefix + "inner", OpType: "Scan", Inputs: []string{first, b.prefix + "next"}, Outputs: []string{last, b.prefix + "walked"},
		Attributes: []onnx.Attribute{onnx.GraphAttr("body", i.graph), onnx.IntAttr("num_scan_inputs", 1)},
	})
}

// results adds a node with several results that later operators may read.
func (g *randomGraph) results(op string, inputs []string, shapes []tensor.Shape, attrs ...onnx.Attribute) {
	n := &onnx.Node{Name: "node_" + g.name(), OpType: op, Inputs: inputs, Attributes: attrs}
	for _, shape := range shapes {
		name := g.name()
		n.Outputs = append(n.Outputs, name)
		g.values = append(g.values, shaped{name, slices.Clone(shape)})
	}
	g.graph.Nodes = append(g.graph.Nodes, n)
}

// loop runs a body a few times, until its condition ends it or the count does;
// values that each iteration gives are stacked.
func (g *randomGraph) loop(x shaped) {
	if len(x.shape) > 3 {
		return
	}
	end, count := g.r.Int64N(4), g.r.Int64N(4)
	limit := g.weight(tensor.Scalar(end))
	trips, yes := g.weight(tensor.Scalar(count)), g.weight(tensor.Scalar(true))
	b := g.sub()
	b.input("i", tensor.Int64, nil)
	b.input("go", tensor.Bool, nil)
	b.input("v", tensor.Float32, x.shape)
	b.node("Less", "i ."+limit, "more")
	b.node("Cast", "i", "f", onnx.IntAttr("to", int64(tensor.Float32)))
	b.node("Add", "v f", "shifted")
	b.node("Add", "shifted ."+x.name, "sum")
	b.node("Sin", "sum", "next")
	b.node("Neg", "v", "minus")
	b.output("more", tensor.Bool, nil)
	b.output("next", tensor.Float32, x.shape)
	b.output("minus", tensor.Float32, x.shape)
	ran := min(count, end+1)
	if ran == 0 {
		return // the stack's shape is then open
	}
	g.results("Loop", []string{trips, yes, x.name}, []tensor.Shape{x.shape, append(tensor.Shape{ran}, x.shape...)}, onnx.GraphAttr("body", b.graph))
}

// choice takes one of two branches; one of them passes on a value as it is.
func (g *randomGraph) choice(x shaped) {
	sum := g.node("ReduceSum", []string{x.name}, onnx.IntAttr("keepdims", 0))
	cond := g.node("Less", []string{sum, g.weight(tensor.Scalar(float32(0)))})
	then, otherwise := g.sub(), g.sub()
	then.node("Sin", "."+x.name, "y")
	then.output("y", tensor.Float32, x.shape)
	otherwise.node("Identity", "."+x.name, "y")
	otherwise.output("y", tensor.Float32, x.shape)
	g.results("If", []string{cond}, []tensor.Shape{x.shape}, onnx.GraphAttr("then_branch", then.graph), onnx.GraphAttr("else_branch", otherwise.graph))
}
