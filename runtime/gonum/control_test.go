package gonum_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// subgraph makes the body of a node; inputs and outputs are names, with @b or
// @i behind a bool or an int64.
func subgraph(inputs, outputs string, nodes ...*onnx.Node) *onnx.Graph {
	declare := func(names string) []onnx.ValueInfo {
		var out []onnx.ValueInfo
		for _, name := range strings.Fields(names) {
			v := onnx.ValueInfo{Name: name, DType: tensor.Float32}
			if base, kind, ok := strings.Cut(name, "@"); ok {
				v.Name, v.DType = base, map[string]tensor.DType{"b": tensor.Bool, "i": tensor.Int64}[kind]
			}
			out = append(out, v)
		}
		return out
	}
	return &onnx.Graph{Name: "body", Nodes: nodes, Inputs: declare(inputs), Outputs: declare(outputs)}
}

// nodeOf has as many outputs as are named.
func nodeOf(op, inputs, outputs string, attrs ...onnx.Attribute) *onnx.Node {
	n := node(op, inputs, "", attrs...)
	n.Outputs = strings.Split(outputs, " ")
	return n
}

// endless is a Loop without a count whose condition stays true.
func endless(body *onnx.Graph, outputs string) *onnx.Node {
	n := nodeOf("Loop", "", outputs, onnx.GraphAttr("body", body))
	n.Inputs = []string{"", "", "one"}
	return n
}

// controlHostiles are models whose sub-graphs do not fit, or do not end within
// the memory of a run.
func controlHostiles() []hostile {
	one := map[string][]int64{"one": {1}}
	pass := subgraph("s@i x@i", "t@i", node("Add", "s x", "t"))
	return []hostile{
		{
			name: "a loop that stacks for ever", nodes: []*onnx.Node{
				endless(subgraph("i@i go@b v@i", "more@b next@i all@i", node("Identity", "go", "more"), node("Identity", "v", "next"), node("Identity", "v", "all")), "last y"),
			}, ints: one, opens: true, want: "more memory",
		},
		{
			name: "a loop whose value grows for ever", nodes: []*onnx.Node{
				endless(subgraph("i@i go@b v@i", "more@b next@i", node("Identity", "go", "more"), node("Concat", "v v", "next", onnx.IntAttr("axis", 0))), "y"),
			}, ints: one, opens: true, want: "more memory",
		},
		{
			name: "a scan of a billion steps that stacks", nodes: []*onnx.Node{
				node("ConstantOfShape", "shape", "x"),
				nodeOf("Scan", "x", "y", onnx.GraphAttr("body", subgraph("x@i", "z", node("ConstantOfShape", "one", "z"))), onnx.IntAttr("num_scan_inputs", 1)),
			}, ints: map[string][]int64{"shape": {1 << 30, 0}, "one": {1}}, opens: true, want: "more memory",
		},
		{
			name: "scan inputs of two lengths", nodes: []*onnx.Node{
				nodeOf("Scan", "one from shape", "y", onnx.GraphAttr("body", subgraph("s@i a@i b@i", "t@i", node("Add", "s a", "t"))), onnx.IntAttr("num_scan_inputs", 2)),
			}, ints: map[string][]int64{"one": {1}, "from": {1, 2}, "shape": {1, 2, 3}}, opens: true, want: "scan input 1 has 3 slices",
		},
		{
			name: "a state that changes its shape", nodes: []*onnx.Node{
				nodeOf("Scan", "one from", "y", onnx.GraphAttr("body", subgraph("s@i x@i", "t@i", node("Concat", "s s", "t", onnx.IntAttr("axis", 0)))), onnx.IntAttr("num_scan_inputs", 1)),
			}, ints: map[string][]int64{"one": {1}, "from": {1, 2}}, opens: true, want: "iteration 0: state 0 was int64[1] and is int64[2]",
		},
		{
			name: "more scan inputs than operands", nodes: []*onnx.Node{nodeOf("Scan", "one", "y", onnx.GraphAttr("body", pass), onnx.IntAttr("num_scan_inputs", 9))},
			ints: one, want: "num_scan_inputs is 9 of 1 operands",
		},
		{
			name: "an axis outside", nodes: []*onnx.Node{
				nodeOf("Scan", "one from", "y", onnx.GraphAttr("body", pass), onnx.IntAttr("num_scan_inputs", 1), onnx.IntsAttr("scan_input_axes", []int64{1 << 62})),
			}, ints: map[string][]int64{"one": {1}, "from": {1, 2}}, opens: true, want: "axis",
		},
		{
			name: "a body that takes too little", nodes: []*onnx.Node{nodeOf("Scan", "one one one", "y", onnx.GraphAttr("body", pass), onnx.IntAttr("num_scan_inputs", 1))},
			ints: one, want: "body takes 2 values, it gets 3",
		},
		{
			name: "a body that gives too little", nodes: []*onnx.Node{nodeOf("Scan", "one one", "y z", onnx.GraphAttr("body", pass), onnx.IntAttr("num_scan_inputs", 1))},
			ints: one, want: "body gives 1 values, the node has 2 outputs",
		},
		{name: "no body", nodes: []*onnx.Node{nodeOf("Scan", "one one", "y", onnx.IntAttr("num_scan_inputs", 1))}, ints: one, want: "it has no body"},
		{
			name: "a count of another type", nodes: []*onnx.Node{nodeOf("Scan", "one one", "y", onnx.GraphAttr("body", pass), onnx.StringAttr("num_scan_inputs", "1"))},
			ints: one, want: `attribute "num_scan_inputs"`,
		},
		{
			name: "a body that reads its own node's result", nodes: []*onnx.Node{
				nodeOf("Scan", "one one", "y", onnx.GraphAttr("body", subgraph("s@i x@i", "t@i", node("Add", "s y", "t"))), onnx.IntAttr("num_scan_inputs", 1)),
			}, ints: one, want: `reads "y", which nothing has computed by then`,
		},
		{
			name: "a condition that is a number", nodes: []*onnx.Node{
				nodeOf("If", "one", "y", onnx.GraphAttr("then_branch", subgraph("", "z@i", node("Neg", "one", "z"))), onnx.GraphAttr("else_branch", subgraph("", "z@i", node("Neg", "one", "z")))),
			}, ints: one, opens: true, want: "the condition is int64[1]",
		},
		{
			name: "half an If", nodes: []*onnx.Node{nodeOf("If", "one", "y", onnx.GraphAttr("then_branch", subgraph("", "z@i", node("Neg", "one", "z"))))},
			ints: one, want: "it has no else_branch",
		},
		{
			name: "a body that reads a value from nowhere", nodes: []*onnx.Node{
				nodeOf("Scan", "one one", "y", onnx.GraphAttr("body", subgraph("s@i x@i", "t@i", node("Add", "s nothing", "t"))), onnx.IntAttr("num_scan_inputs", 1)),
			}, ints: one, want: "nothing",
		},
	}
}

// nested puts a body into an If again and again.
func nested(depth int) *onnx.Node {
	n := node("Neg", "one", "y")
	for range depth {
		n = nodeOf("If", "yes", "y", onnx.GraphAttr("then_branch", subgraph("", "y@i", n)), onnx.GraphAttr("else_branch", subgraph("", "y@i", node("Neg", "one", "y"))))
	}
	return n
}

func TestNestedSubgraphs(t *testing.T) {
	model := func(depth int) []byte {
		h := hostile{nodes: []*onnx.Node{node("Equal", "one one", "yes"), nested(depth)}, ints: map[string][]int64{"one": {7}}}
		return h.encode(t)
	}
	s, err := gonum.New().Open(model(15), runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := []runtime.Named{{Name: "y"}}
	if err := s.Run(context.Background(), nil, out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{-7}, out[0].Tensor.Int64s()); diff != "" {
		t.Error(diff)
	}
	if _, err := gonum.New().Open(model(500), runtime.Options{}); !errors.Is(err, runtime.ErrModel) || !strings.Contains(err.Error(), "deep") {
		t.Errorf("500 graphs inside each other: got error %v, want one that says how deep they may be", err)
	}
}

// TestEndlessRunsStop: a loop without an end, and a scan over so many slices of
// nothing that it has none either, stop when the context is cancelled.
func TestEndlessRunsStop(t *testing.T) {
	for name, n := range map[string]*onnx.Node{
		"Loop":                  endless(subgraph("i@i go@b v@i", "more@b next@i", node("Identity", "go", "more"), node("Neg", "v", "next")), "y"),
		"Loop without nodes":    endless(subgraph("i@i go@b v@i", "go@b v@i"), "y"),
		"Scan of 2^30 steps":    nodeOf("Scan", "one x", "y", onnx.GraphAttr("body", subgraph("s@i x@i", "t@i", node("Neg", "s", "t"))), onnx.IntAttr("num_scan_inputs", 1)),
		"Loop inside of a Loop": endless(subgraph("i@i go@b v@i", "go@b next@i", endless(subgraph("j@i go2@b w@i", "go2@b next2@i", node("Neg", "w", "next2")), "next")), "y"),
	} {
		t.Run(name, func(t *testing.T) {
			h := hostile{nodes: []*onnx.Node{node("ConstantOfShape", "shape", "x"), n}, ints: map[string][]int64{"one": {7}, "shape": {1 << 30, 0}}}
			e := &gonum.Engine{MaxMemory: 1 << 20}
			s, err := e.Open(h.encode(t), runtime.Options{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
			defer cancel()
			if err := s.Run(ctx, nil, []runtime.Named{{Name: "y"}}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got error %v, want %v", err, context.DeadlineExceeded)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestResultsOutliveTheScan: a state that is a slice of what was walked over,
// and one that is passed on, keep their elements when later nodes reuse the
// memory of the values they came from.
func TestResultsOutliveTheScan(t *testing.T) {
	fill := func(value int64) onnx.Attribute {
		return onnx.TensorAttr("value", onnx.TensorOf("", tensor.Must(tensor.Of([]int64{value}, 1))))
	}
	nodes := []*onnx.Node{node("Add", "shape one", "x")} // a value of the run, 3 and 5
	nodes = append(nodes, nodeOf("Unsqueeze", "x", "columns", onnx.IntsAttr("axes", []int64{1})))
	nodes = append(nodes, nodeOf("Scan", "one one columns", "last kept all",
		onnx.GraphAttr("body", subgraph("s@i k@i x@i", "x2@i k@i x3@i", node("Identity", "x", "x2"), node("Identity", "s", "x3"))), onnx.IntAttr("num_scan_inputs", 1)))
	nodes = append(nodes, node("ConstantOfShape", "times", "noise", fill(9)), node("Neg", "noise", "noise2"))
	nodes = append(nodes, nodeOf("Squeeze", "all", "flat", onnx.IntsAttr("axes", []int64{1})))
	nodes = append(nodes, node("Concat", "last kept flat noise2", "y", onnx.IntAttr("axis", 0)))
	h := hostile{opset: 12, nodes: nodes, ints: map[string][]int64{"one": {1}, "shape": {2, 4}, "times": {2}}}
	s, err := gonum.New().Open(h.encode(t), runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 3 {
		out := []runtime.Named{{Name: "y"}}
		if err := s.Run(context.Background(), nil, out); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int64{5, 1, 1, 3, -9, -9}, out[0].Tensor.Int64s()); diff != "" {
			t.Error(diff)
		}
	}
}

// TestUnsupportedInsideBodies: operators are looked for in sub-graphs, too.
func TestUnsupportedInsideBodies(t *testing.T) {
	h := hostile{nodes: []*onnx.Node{
		nodeOf("Scan", "one one", "y", onnx.GraphAttr("body", subgraph("s@i x@i", "t@i", node("Frobnicate", "s x", "t"))), onnx.IntAttr("num_scan_inputs", 1)),
	}, ints: map[string][]int64{"one": {1}}}
	missing, err := gonum.New().Unsupported(h.encode(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ai.onnx.Frobnicate"}, missing); diff != "" {
		t.Error(diff)
	}
}

// TestBodiesGiveTheirMemoryBack: thousands of steps, whose values together are
// a hundred times what a run may take, run in it: values of every step are
// taken back, those that nobody reads and those of bodies inside of it, too.
func TestBodiesGiveTheirMemoryBack(t *testing.T) {
	inner := subgraph("j@i go2@b w@i", "go2@b w3@i", node("Neg", "w", "w2"), node("Neg", "w2", "w3"))
	branch := subgraph("", "q@i q2@i", node("Neg", "t", "q"), node("Abs", "t", "q2"))
	other := subgraph("", "r@i t@i", node("Abs", "t", "r"))
	choice := nodeOf("If", "yes", "chosen", onnx.GraphAttr("then_branch", branch), onnx.GraphAttr("else_branch", other))
	choice.Outputs = []string{"chosen", ""} // a result without a name
	loop := nodeOf("Loop", "three yes t", "looped", onnx.GraphAttr("body", inner))
	body := subgraph("s@i x@i", "next@i",
		node("Identity", "s", "t"), node("Less", "zero one", "less"), node("Squeeze", "less", "yes"), node("Squeeze", "times", "three"),
		choice, loop, node("Sub", "chosen looped", "sum"), node("Sub", "sum looped", "next"))
	h := hostile{
		nodes: []*onnx.Node{
			node("ConstantOfShape", "shape", "x"), node("ConstantOfShape", "depth", "s"),
			nodeOf("Scan", "s x", "y", onnx.GraphAttr("body", body), onnx.IntAttr("num_scan_inputs", 1)),
		},
		ints: map[string][]int64{"shape": {3000, 1}, "depth": {1024}, "zero": {0}, "one": {1}, "times": {3}},
	}
	s, err := (&gonum.Engine{MaxMemory: 1 << 19}).Open(h.encode(t), runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Run(context.Background(), nil, []runtime.Named{{Name: "y"}}); err != nil {
		t.Fatal(err)
	}
}

// TestKernelsGiveTheirMemoryBack: at the end of a run nothing is in use but its
// results.
func TestKernelsGiveTheirMemoryBack(t *testing.T) {
	check := func(name string, model []byte, in, out []runtime.Named) {
		t.Helper()
		if n, err := gonum.LeftOver(model, in, out); err != nil || n != 0 {
			t.Errorf("%s: %d slices are left over, error %v", name, n, err)
		}
	}
	for seed := range uint64(200) {
		g := newRandomGraph(seed)
		check(fmt.Sprint("seed ", seed), g.build(t, 14), g.inputs, g.outputs)
	}
	for name, trunk := range benchTrunks() {
		model, in, out := trainingStep(t, trunk)
		check(name, model, in, out)
	}
}
