package gonum_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/enginetest"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// hostile is a model without inputs, of one or a few nodes with output y,
// that asks for something it must not get.
type hostile struct {
	name  string
	nodes []*onnx.Node
	opset int64 // 17 where it is not given
	// ints are initialisers of the graph, by name.
	ints map[string][]int64
	// opens is set where the model is well formed and only its run must fail.
	opens bool
	want  string // part of the error
}

func node(op string, inputs, output string, attrs ...onnx.Attribute) *onnx.Node {
	n := &onnx.Node{Name: "the " + op, OpType: op, Outputs: []string{output}, Attributes: attrs}
	if inputs != "" {
		n.Inputs = strings.Split(inputs, " ")
	}
	return n
}

func hostiles() []hostile {
	return []hostile{
		{
			name: "zeros without end", nodes: []*onnx.Node{node("ConstantOfShape", "shape", "y")},
			ints: map[string][]int64{"shape": {1 << 20, 1 << 20}}, opens: true, want: "more memory",
		},
		{
			name: "sizes whose product overflows", nodes: []*onnx.Node{node("ConstantOfShape", "shape", "y")},
			ints: map[string][]int64{"shape": {1 << 32, 1 << 32}}, opens: true, want: "more elements",
		},
		{
			name: "a negative size", nodes: []*onnx.Node{node("ConstantOfShape", "shape", "y")},
			ints: map[string][]int64{"shape": {-5}}, opens: true, want: "negative",
		},
		{
			name: "an expansion", nodes: []*onnx.Node{node("Expand", "one shape", "y")},
			ints: map[string][]int64{"one": {1}, "shape": {1 << 31, 8}}, opens: true, want: "more memory",
		},
		{
			name: "repeats", nodes: []*onnx.Node{node("Tile", "two times", "y")},
			ints: map[string][]int64{"two": {1, 2}, "times": {math.MaxInt64}}, opens: true, want: "more elements",
		},
		{
			name: "values that are small one by one",
			nodes: []*onnx.Node{
				node("ConstantOfShape", "shape", "a"), node("Neg", "a", "b"), node("Neg", "b", "c"), node("Neg", "c", "d"),
				node("Sum", "a b c d", "y"),
			},
			ints: map[string][]int64{"shape": {1 << 16}}, opens: true, want: "more memory",
		},
		{
			name: "padding", nodes: []*onnx.Node{node("Pad", "one pads", "y")},
			ints: map[string][]int64{"one": {1}, "pads": {math.MaxInt64, math.MaxInt64}}, opens: true, want: "Pad",
		},
		{
			name: "a range", nodes: []*onnx.Node{
				node("Squeeze", "from", "a"), node("Squeeze", "to", "b"), node("Squeeze", "step", "c"), node("Range", "a b c", "y"),
			},
			ints: map[string][]int64{"from": {0}, "to": {math.MaxInt64}, "step": {1}}, opens: true, want: "range",
		},
		{
			name: "a range that does not move", nodes: []*onnx.Node{
				node("Squeeze", "from", "a"), node("Squeeze", "to", "b"), node("Squeeze", "step", "c"), node("Range", "a b c", "y"),
			},
			ints: map[string][]int64{"from": {0}, "to": {1}, "step": {0}}, opens: true, want: "delta is 0",
		},
		{
			name: "a division by zero", nodes: []*onnx.Node{node("Div", "one zero", "y")},
			ints: map[string][]int64{"one": {1}, "zero": {0}}, opens: true,
		},
		{
			name: "a one-hot depth", nodes: []*onnx.Node{node("OneHot", "one depth values", "y")},
			ints: map[string][]int64{"one": {1}, "depth": {1 << 40}, "values": {0, 1}}, opens: true, want: "depth",
		},
		{
			name: "an index outside", nodes: []*onnx.Node{node("Gather", "one far", "y")},
			ints: map[string][]int64{"one": {1}, "far": {7}}, opens: true, want: "index 7",
		},
		{
			name: "a step of the smallest number", nodes: []*onnx.Node{node("Slice", "one start end axis step", "y")},
			ints:  map[string][]int64{"one": {1, 2, 3}, "start": {-1}, "end": {math.MinInt64}, "axis": {0}, "step": {math.MinInt64}},
			opens: true,
		},
		{
			name: "an attribute of another type", nodes: []*onnx.Node{node("Concat", "one one", "y", onnx.StringAttr("axis", "0"))},
			ints: map[string][]int64{"one": {1}}, opens: true, want: `attribute "axis"`,
		},
		{
			name: "an axis that is not there", nodes: []*onnx.Node{node("Concat", "one one", "y", onnx.IntAttr("axis", math.MinInt64))},
			ints: map[string][]int64{"one": {1}}, opens: true, want: "axis",
		},
		{
			name: "too few operands", nodes: []*onnx.Node{node("Add", "one", "y")},
			ints: map[string][]int64{"one": {1}}, opens: true, want: "operand 1",
		},
		{
			name: "an operand of a sum that is left out", nodes: []*onnx.Node{node("Einsum", "one ", "y", onnx.StringAttr("equation", "i,i->i"))},
			ints: map[string][]int64{"one": {1}}, opens: true, want: "operand 1 is missing",
		},
		{
			name: "a cycle", nodes: []*onnx.Node{node("Neg", "b", "a"), node("Neg", "a", "b"), node("Neg", "a", "y")},
			want: "cycle",
		},
		{name: "a node that reads itself", nodes: []*onnx.Node{node("Neg", "y", "y")}},
		{name: "a value from nowhere", nodes: []*onnx.Node{node("Neg", "nowhere", "y")}, want: "nowhere"},
		{
			name: "a value made twice", nodes: []*onnx.Node{node("Neg", "one", "y"), node("Abs", "one", "y")},
			ints: map[string][]int64{"one": {1}}, want: "y",
		},
	}
}

func (h *hostile) encode(t testing.TB) []byte {
	t.Helper()
	g := &onnx.Graph{Name: "hostile", Nodes: h.nodes, Outputs: []onnx.ValueInfo{{Name: "y"}}}
	for _, name := range []string{"shape", "one", "two", "times", "pads", "from", "to", "step", "zero", "depth", "values", "far", "start", "end", "axis"} {
		xs, ok := h.ints[name]
		if !ok {
			continue
		}
		shape := []int64{int64(len(xs))}
		if name == "two" {
			shape = []int64{2}
		}
		g.Initializers = append(g.Initializers, onnx.TensorOf(name, tensor.Must(tensor.Of(xs, shape...))))
	}
	opset := h.opset
	if opset == 0 {
		opset = 17
	}
	model, err := onnx.Encode(&onnx.Model{IRVersion: 8, OpsetImports: []onnx.OperatorSetID{{Version: opset}}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// TestHostileModels: a model that asks for too much, or for nonsense, is
// answered with an error that says what and where, in bounded memory.
func TestHostileModels(t *testing.T) {
	for _, h := range append(hostiles(), controlHostiles()...) {
		t.Run(h.name, func(t *testing.T) {
			e := &gonum.Engine{MaxMemory: 1 << 20}
			s, err := e.Open(h.encode(t), runtime.Options{})
			if !h.opens {
				if !errors.Is(err, runtime.ErrModel) || !strings.Contains(err.Error(), h.want) {
					t.Fatalf("open: got error %v, want one that is %q and mentions %q", err, runtime.ErrModel, h.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			err = s.Run(context.Background(), nil, []runtime.Named{{Name: "y"}})
			if h.want == "" {
				if err != nil {
					t.Fatalf("run: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), h.want) {
				t.Fatalf("run: got error %v, want one that mentions %q", err, h.want)
			}
			if last := h.nodes[len(h.nodes)-1]; len(h.nodes) == 1 && !strings.Contains(err.Error(), last.Name) {
				t.Errorf("error %q does not name the node %q", err, last.Name)
			}
		})
	}
}

// FuzzOpen opens what it is given and, where that is a model, runs it with
// zeros: results or errors, but no panic and no more memory than allowed.
func FuzzOpen(f *testing.F) {
	f.Add(enginetest.ThreeHeads(f))
	for _, model := range enginetest.Nonsense(f) {
		f.Add(model)
	}
	for _, h := range append(hostiles(), controlHostiles()...) {
		f.Add(h.encode(f))
	}
	for seed := range uint64(8) {
		f.Add(newRandomGraph(seed).build(f, 6))
	}
	f.Fuzz(openAndRun)
}

func openAndRun(t *testing.T, model []byte) {
	e := &gonum.Engine{MaxMemory: 1 << 20}
	if _, err := e.Unsupported(model); err != nil && !errors.Is(err, runtime.ErrModel) && !errors.Is(err, runtime.ErrUnsupported) {
		t.Errorf("unsupported: got error %v, want one that is %q or %q", err, runtime.ErrModel, runtime.ErrUnsupported)
	}
	s, err := e.Open(model, runtime.Options{})
	if err != nil {
		if !errors.Is(err, runtime.ErrModel) && !errors.Is(err, runtime.ErrUnsupported) {
			t.Errorf("open: got error %v, want one that is %q or %q", err, runtime.ErrModel, runtime.ErrUnsupported)
		}
		return
	}
	defer s.Close()
	var in, out []runtime.Named
	for _, v := range s.Inputs() {
		x, err := zerosFor(v)
		if err != nil {
			return
		}
		in = append(in, runtime.Named{Name: v.Name, Tensor: x})
	}
	for _, v := range s.Outputs() {
		out = append(out, runtime.Named{Name: v.Name})
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.Run(ctx, in, out); err != nil {
		return
	}
	for _, o := range out {
		if o.Tensor == nil {
			t.Errorf("output %q has no tensor after a run without error", o.Name)
		}
	}
}

// zerosFor makes a small tensor that fits a declaration.
func zerosFor(v runtime.ValueInfo) (*tensor.Tensor, error) {
	shape := tensor.Shape{}
	for _, d := range v.Shape {
		if d.Size < 0 {
			d.Size = 2
		}
		shape = append(shape, d.Size)
	}
	if n, err := shape.Elements(); err != nil || n > 1<<12 {
		return nil, errors.New("too large to try")
	}
	return tensor.New(v.DType, shape...)
}
