package export_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/builder/nn"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// fields is a graph with the loops of a conditional random field, forwards and
// backwards, with values for its parameters.
func fields(t *testing.T) *onnx.Model {
	t.Helper()
	const tags = 4
	g := builder.New("fields", builder.Options{})
	e := g.Input("emissions", tensor.Float32, builder.Named("batch"), builder.Named("sequence"), builder.Fixed(tags))
	mask := g.Input("mask", tensor.Float32, builder.Named("batch"), builder.Named("sequence"))
	c := nn.NewCRF(g.Scope("crf"), tags, nn.Legal{First: []bool{true, true, false, true}, Last: []bool{true, true, true, false}})
	marginals := grad.Gradients(g, []*builder.Value{g.SumAll(c.LogPartition(e, mask))}, nil, []*builder.Value{e})[0]
	values := map[string]*tensor.Tensor{}
	r := rand.New(rand.NewPCG(3, 4))
	for _, v := range g.Parameters() {
		x := make([]float32, v.Parameter().Size())
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		values[v.Name()] = tensor.Must(tensor.Of(x, v.Parameter().Shape...))
	}
	m, err := g.Emit(builder.Emission{Values: values, Outputs: []builder.Output{{Name: "marginals", Value: marginals}, {Name: "best", Value: c.Best(e, mask)}}})
	if err != nil {
		t.Fatal(err)
	}
	return m.Model
}

func runFields(t *testing.T, m *onnx.Model, batch, length int64) (marginals []float32, best []int64) {
	t.Helper()
	content, err := onnx.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gonum.New().Open(content, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := rand.New(rand.NewPCG(uint64(batch), uint64(length)))
	emissions, mask := make([]float32, batch*length*4), make([]float32, batch*length)
	for i := range emissions {
		emissions[i] = float32(2 * r.NormFloat64())
	}
	for i := range mask {
		if int64(i)%length < length-int64(i)/length { // rows get shorter
			mask[i] = 1
		}
	}
	in := []runtime.Named{
		{Name: "emissions", Tensor: tensor.Must(tensor.Of(emissions, batch, length, 4))},
		{Name: "mask", Tensor: tensor.Must(tensor.Of(mask, batch, length))},
	}
	out := []runtime.Named{{Name: "marginals"}, {Name: "best"}}
	if err := s.Run(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	return out[0].Tensor.Float32s(), out[1].Tensor.Int64s()
}

// TestPlainLoopsAnswerTheSame: what other runtimes need of a loop changes
// nothing of what it computes.
func TestPlainLoopsAnswerTheSame(t *testing.T) {
	before, after := fields(t), fields(t)
	if err := onnx.PlainLoops(after.Graph); err != nil {
		t.Fatal(err)
	}
	if err := onnx.Simplify(after.Graph); err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(after); err != nil {
		t.Fatal(err)
	}
	for _, size := range [][2]int64{{0, 3}, {1, 1}, {3, 1}, {4, 7}} {
		wantMarginals, wantBest := runFields(t, before, size[0], size[1])
		marginals, best := runFields(t, after, size[0], size[1])
		if len(marginals) != len(wantMarginals) || len(best) != len(wantBest) {
			t.Fatalf("%v: %d and %d numbers, want %d and %d", size, len(marginals), len(best), len(wantMarginals), len(wantBest))
		}
		for i := range marginals {
			if math.Abs(float64(marginals[i]-wantMarginals[i])) > 1e-6 {
				t.Errorf("%v: marginal %d is %v, want %v", size, i, marginals[i], wantMarginals[i])
			}
		}
		for i := range best {
			if best[i] != wantBest[i] {
				t.Errorf("%v: tag %d is %d, want %d", size, i, best[i], wantBest[i])
			}
		}
	}
	loops := 0
	for _, n := range after.Graph.Nodes {
		if n.OpType == "Scan" {
			loops++
			plain(t, n)
		}
	}
	if loops != 4 {
		t.Errorf("there are %d loops, want 4", loops)
	}
}

// plain checks that a Scan is of the form that PlainLoops promises.
func plain(t *testing.T, n *onnx.Node) {
	t.Helper()
	var body *onnx.Graph
	states := len(n.Inputs)
	for _, a := range n.Attributes {
		switch {
		case a.Name == "body":
			body = a.Graph
		case a.Name == "num_scan_inputs":
			states -= int(a.Int)
		case strings.Contains(a.Name, "directions"):
			t.Errorf("%s has %s", n.Name, a.Name)
		}
	}
	known, read := map[string]bool{}, map[string]bool{}
	for _, v := range body.Initializers {
		known[v.Name] = true
	}
	for _, v := range body.Inputs {
		known[v.Name] = true
		for _, d := range v.Shape {
			if d.Name != "" {
				t.Errorf("%s declares a dimension %q", v.Name, d.Name)
			}
		}
	}
	for _, inner := range body.Nodes {
		for _, name := range inner.Inputs {
			read[name] = true
			if !known[name] {
				t.Errorf("%s reads %s from outside", inner.Name, name)
			}
		}
		for _, name := range inner.Outputs {
			known[name] = true
		}
	}
	for _, v := range body.Outputs[states:] {
		if read[v.Name] {
			t.Errorf("%s stacks %s, which it also reads", n.Name, v.Name)
		}
	}
}

// TestPlainLoopsRefuseWhatIsNone: a Scan that is not well formed is an error.
func TestPlainLoopsRefuseWhatIsNone(t *testing.T) {
	err := onnx.PlainLoops(&onnx.Graph{Nodes: []*onnx.Node{{OpType: "Scan", Name: "n", Inputs: []string{"x"}, Outputs: []string{"y"}}}})
	if want := `node n (Scan) has no body, or one with other states than its own`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestBodiesKeepConstantsOfTheGraphsInsideThem: a branch in a body reads the
// body's own copy, but not one of a default that a caller may replace; what it
// reads of what is stacked is not stacked itself.
func TestBodiesKeepConstantsOfTheGraphsInsideThem(t *testing.T) {
	branch := func(in ...string) *onnx.Graph {
		return &onnx.Graph{Nodes: []*onnx.Node{{OpType: "Sum", Name: "sum", Inputs: in, Outputs: []string{"r"}}}, Outputs: []onnx.ValueInfo{{Name: "r"}}}
	}
	inner := branch("kept", "given", "y")
	body := &onnx.Graph{
		Inputs: []onnx.ValueInfo{{Name: "x"}}, Outputs: []onnx.ValueInfo{{Name: "y"}, {Name: "z"}},
		Nodes: []*onnx.Node{
			{OpType: "Cast", Name: "c", Inputs: []string{"x"}, Outputs: []string{"y"}},
			{OpType: "If", Name: "if", Inputs: []string{"y"}, Outputs: []string{"z"}, Attributes: []onnx.Attribute{{Name: "then_branch", Graph: inner}, {Name: "else_branch", Graph: branch("y")}}},
		},
	}
	one := tensor.Must(tensor.Of([]float32{1}))
	g := &onnx.Graph{
		Inputs: []onnx.ValueInfo{{Name: "xs"}, {Name: "given"}}, Outputs: []onnx.ValueInfo{{Name: "ys"}, {Name: "zs"}},
		Initializers: []*onnx.Tensor{onnx.TensorOf("kept", one), onnx.TensorOf("given", one)},
		Nodes: []*onnx.Node{{
			OpType: "Scan", Name: "n", Inputs: []string{"xs"}, Outputs: []string{"ys", "zs"},
			Attributes: []onnx.Attribute{{Name: "body", Graph: body}, {Name: "num_scan_inputs", Int: 1}},
		}},
	}
	if err := onnx.PlainLoops(g); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"n/outer/kept", "given", "y"}, inner.Nodes[0].Inputs); diff != "" {
		t.Errorf("the branch reads (-want +got):\n%s", diff)
	}
	if len(body.Initializers) != 1 || body.Initializers[0].Name != "n/outer/kept" {
		t.Errorf("the body has %d constants, want its own copy of one", len(body.Initializers))
	}
	if got := []string{body.Outputs[0].Name, body.Outputs[1].Name}; !cmp.Equal(got, []string{"y/stacked", "z"}) {
		t.Errorf("the body stacks %v", got)
	}
}

// TestConstantsAreComputedAsTheyWouldBe: sums and products of constants before
// the graph runs, but for what a caller may replace or asks for.
func TestConstantsAreComputedAsTheyWouldBe(t *testing.T) {
	of := func(name string, t *tensor.Tensor) *onnx.Tensor { return onnx.TensorOf(name, t) }
	a, b := []float32{1, -2, 0.1}, []float32{4, 3, 0.2}
	for op, want := range map[string][]float32{
		"Add": {5, 1, a[2] + b[2]}, "Sub": {-3, -5, a[2] - b[2]}, "Mul": {4, -6, a[2] * b[2]}, "Div": {0.25, -2 / b[1], a[2] / b[2]},
		"Exp": {float32(math.E), float32(math.Exp(-2)), float32(math.Exp(float64(a[2])))},
	} {
		n := &onnx.Node{OpType: op, Name: "n", Inputs: []string{"a", "b"}, Outputs: []string{"y"}}
		if op == "Exp" {
			n.Inputs = n.Inputs[:1]
		}
		graph := func() *onnx.Graph {
			return &onnx.Graph{
				Initializers: []*onnx.Tensor{of("a", tensor.Must(tensor.Of(a, 3))), of("b", tensor.Must(tensor.Of(b, 3)))},
				Nodes:        []*onnx.Node{n, {OpType: "Neg", Name: "z", Inputs: []string{"y"}, Outputs: []string{"z"}}},
				Outputs:      []onnx.ValueInfo{{Name: "z"}},
			}
		}
		g := graph()
		if err := onnx.PlainLoops(g); err != nil {
			t.Fatal(err)
		}
		got, err := g.Initializers[len(g.Initializers)-1].Value()
		if err != nil || len(g.Nodes) != 1 || g.Initializers[2].Name != "y" {
			t.Fatalf("%s: %d nodes are left (%v)", op, len(g.Nodes), err)
		}
		if diff := cmp.Diff(want, got.Float32s()); diff != "" {
			t.Errorf("%s: %s", op, diff)
		}
		for name, keep := range map[string]func(g *onnx.Graph){
			"an output":  func(g *onnx.Graph) { g.Outputs = append(g.Outputs, onnx.ValueInfo{Name: "y"}) },
			"a default":  func(g *onnx.Graph) { g.Inputs = []onnx.ValueInfo{{Name: "a"}} },
			"other type": func(g *onnx.Graph) { g.Initializers[0] = of("a", tensor.Must(tensor.Of([]int64{1, 2, 3}, 3))) },
		} {
			g := graph()
			keep(g)
			if err := onnx.PlainLoops(g); err != nil || len(g.Nodes) != 2 {
				t.Errorf("%s: %s: %d nodes are left (%v), want 2", op, name, len(g.Nodes), err)
			}
		}
	}
}
