package builder_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/builder"
	"espalier/onnx"
	"espalier/tensor"
)

type val = *builder.Value

var batch, sequence = builder.Named("batch"), builder.Named("sequence")

func fixed(n int64) builder.Dim { return builder.Fixed(n) }

func TestDimensions(t *testing.T) {
	times := func(a, b builder.Dim) builder.Dim {
		p, err := a.Times(b)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	rows := times(sequence, batch)
	for got, want := range map[string]string{
		rows.String():                              "batch*sequence",
		times(rows, fixed(3)).Plus(1).String():     "3*batch*sequence+1",
		sequence.Plus(-2).String():                 "sequence-2",
		times(fixed(2), fixed(3)).String():         "6",
		times(batch.Plus(1), fixed(2)).String():    "2*batch+2",
		times(batch.Plus(1), fixed(0)).String():    "0",
		builder.Shape{batch, fixed(2)}.String():    "[batch,2]",
		fmt.Sprint(rows == times(batch, sequence)): "true",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	n, err := times(rows, fixed(2)).Plus(1).Value(map[string]int64{"batch": 3, "sequence": 5})
	if err != nil || n != 31 {
		t.Errorf("2*batch*sequence+1 is %d, %v", n, err)
	}
	if _, err := batch.Value(nil); err == nil || err.Error() != `dimension "batch" has no size` {
		t.Errorf("got %v", err)
	}
	if _, err := batch.Plus(1).Times(sequence); err == nil || err.Error() != "cannot express the product of batch+1 and sequence" {
		t.Errorf("got %v", err)
	}
}

// graph returns a graph with x [batch, sequence, 4], m [4, 6], ids [batch,
// sequence] and b [6].
func graph() (g *builder.Graph, x, m, ids, b val) {
	g = builder.New("test", builder.Options{})
	x = g.Input("x", tensor.Float32, batch, sequence, fixed(4))
	ids = g.Input("ids", tensor.Int64, batch, sequence)
	s := g.Scope("p")
	return g, x, s.Parameter("m", builder.ParameterOptions{}, 4, 6), ids, s.Parameter("b", builder.ParameterOptions{}, 6)
}

func TestShapesAreInferred(t *testing.T) {
	for want, build := range map[string]func(g *builder.Graph, x, m, ids, b val) val{
		"[batch,sequence,6]":     func(g *builder.Graph, x, m, _, _ val) val { return g.MatMul(x, m) },
		"[6,6]":                  func(g *builder.Graph, _, m, _, b val) val { return g.Gemm(m, m, b, true, false) },
		"[batch,sequence,1]":     func(g *builder.Graph, x, _, _, _ val) val { return g.ReduceMax(x, true, -1) },
		"[4]":                    func(g *builder.Graph, x, _, _, _ val) val { return g.ReduceSum(x, false, 0, 1) },
		"[]":                     func(g *builder.Graph, x, _, _, _ val) val { return g.SumAll(x) },
		"[4,batch,sequence]":     func(g *builder.Graph, x, _, _, _ val) val { return g.Transpose(x, 2, 0, 1) },
		"[batch,2*sequence+1,4]": func(g *builder.Graph, x, _, _, _ val) val { return g.Pad(g.Concat(1, x, x), 1, 0, 1) },
		"[batch,sequence-3,4]":   func(g *builder.Graph, x, _, _, _ val) val { return g.Slice(x, 1, 1, 2) },
		"[batch*sequence,4]": func(g *builder.Graph, x, _, _, _ val) val {
			n, _ := batch.Times(sequence)
			return g.Reshape(x, n, fixed(4))
		},
		"[batch,1,sequence,4]":    func(g *builder.Graph, x, _, _, _ val) val { return g.Unsqueeze(x, 1) },
		"[batch,sequence,4,6]":    func(g *builder.Graph, x, m, _, _ val) val { return g.Add(g.Unsqueeze(x, -1), m) },
		"[batch,sequence,5]":      func(g *builder.Graph, _, _, ids, _ val) val { return g.OneHot(ids, 5) },
		"[batch,sequence]":        func(g *builder.Graph, x, _, _, _ val) val { return g.ArgMax(x, 2) },
		"[4,batch,sequence] of m": func(g *builder.Graph, _, m, ids, _ val) val { return g.Gather(m, ids, 1) },
		"[sequence,6]":            func(g *builder.Graph, _, m, ids, _ val) val { return g.SliceTo(m, 0, ids.Dim(1)) },
	} {
		g, x, m, ids, b := graph()
		y := build(g, x, m, ids, b)
		if g.Err() != nil {
			t.Errorf("%s: %v", want, g.Err())
			continue
		}
		if got := y.Shape().String(); got != strings.TrimSuffix(want, " of m") {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestFirstErrorSticks(t *testing.T) {
	g, x, m, _, b := graph()
	y := g.MatMul(m, x) // the mistake
	z := g.Add(g.Exp(y), b)
	if y.Valid() || z.Valid() {
		t.Error("a failed graph gives values")
	}
	err := g.Err()
	for _, want := range []string{
		"MatMul(p/m float32[4,6], x float32[batch,sequence,4]) at builder_test.go:",
		"inner dimensions 6 and sequence differ",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	g.Transpose(x, 0)
	if g.Err() != err {
		t.Errorf("the error changed to %v", g.Err())
	}
	if _, err2 := g.Emit(builder.Emission{Outputs: []builder.Output{{Name: "x", Value: x}}}); err2 != err {
		t.Errorf("Emit gives %v", err2)
	}
}

func TestMistakes(t *testing.T) {
	other, _, _, _, _ := graph()
	for want, do := range map[string]func(g *builder.Graph, x, m, ids, b val) val{
		"operand 1 is nil":                          func(g *builder.Graph, x, _, _, _ val) val { return g.Add(x, nil) },
		"operand 0 belongs to another graph":        func(g *builder.Graph, _, _, _, b val) val { return g.Add(other.Scalar(1), b) },
		"operands have types float32 and int64":     func(g *builder.Graph, x, _, ids, _ val) val { return g.Mul(x, ids) },
		"do not broadcast: 4 is not 6":              func(g *builder.Graph, x, _, _, b val) val { return g.Sub(x, b) },
		"not defined for int64":                     func(g *builder.Graph, _, _, ids, _ val) val { return g.Exp(ids) },
		"axis 3 is outside rank 3":                  func(g *builder.Graph, x, _, _, _ val) val { return g.ReduceSum(x, false, 3) },
		"axis 1 stands twice":                       func(g *builder.Graph, x, _, _, _ val) val { return g.ReduceSum(x, false, 1, -2) },
		"has batch*sequence elements, [4] has 4":    func(g *builder.Graph, _, _, ids, _ val) val { return g.Reshape(ids, fixed(4)) },
		"[0 0 1] is not an order of 3 dimensions":   func(g *builder.Graph, x, _, _, _ val) val { return g.Transpose(x, 0, 0, 1) },
		"sizes [1 2] add up to 3, axis 2 is 4":      func(g *builder.Graph, x, _, _, _ val) val { return g.Split(x, 2, 1, 2)[0] },
		"axis 1 is 6, it has no 9 elements to drop": func(g *builder.Graph, _, m, _, _ val) val { return g.Slice(m, 1, 4, 5) },
		"dimension 1 is sequence, not 1":            func(g *builder.Graph, x, _, _, _ val) val { return g.Squeeze(x, 1) },
		"indices are float32, not int64":            func(g *builder.Graph, x, m, _, _ val) val { return g.Gather(m, x, 0) },
		`no input has a dimension named "width"`:    func(g *builder.Graph, _, _, _, _ val) val { return g.Size(builder.Named("width")) },
		`input name "x" is empty or taken`:          func(g *builder.Graph, _, _, _, _ val) val { return g.Input("x", tensor.Float32) },
		`parameter "p/m" is asked for again with shape [2]`: func(g *builder.Graph, _, _, _, _ val) val {
			return g.Scope("p").Parameter("m", builder.ParameterOptions{}, 2)
		},
		"cannot have shape [0]": func(g *builder.Graph, _, _, _, _ val) val {
			return g.Scope("p").Parameter("none", builder.ParameterOptions{}, 0)
		},
		"the share to keep is 0, it must be above 0": func(g *builder.Graph, _, _, _, _ val) val { return g.RandomMask(0, fixed(2)) },
		"needs scale and bias of shape [4]":          func(g *builder.Graph, x, _, _, b val) val { return g.LayerNormalization(x, b, b, 1e-5) },
	} {
		g, x, m, ids, b := graph()
		do(g, x, m, ids, b)
		if g.Err() == nil || !strings.Contains(g.Err().Error(), want) {
			t.Errorf("got %v, want an error with %q", g.Err(), want)
		}
	}
	if err := builder.New("ints", builder.Options{Float: tensor.Int64}).Err(); err == nil || !strings.Contains(err.Error(), "computes in float32 or float64, not int64") {
		t.Errorf("got %v", err)
	}
}

// emit encodes the part of a graph that the outputs need, checked.
func emit(t *testing.T, g *builder.Graph, e builder.Emission) (*builder.Emitted, []byte) {
	t.Helper()
	got, err := g.Emit(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(got.Model); err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Encode(got.Model)
	if err != nil {
		t.Fatal(err)
	}
	return got, data
}

func names(infos []onnx.ValueInfo) []string {
	var out []string
	for _, v := range infos {
		out = append(out, v.Name)
	}
	return out
}

func TestEmitWritesWhatOutputsNeed(t *testing.T) {
	g, x, m, ids, b := graph()
	h := g.MatMul(x, m)
	y := g.Add(h, b)
	unused := g.Gather(m, ids, 0)
	_ = unused
	e, _ := emit(t, g, builder.Emission{Outputs: []builder.Output{{Name: "y", Value: y}, {Name: "same", Value: y}, {Name: "in", Value: x}}})
	if diff := cmp.Diff([]string{"x", "p/m", "p/b"}, names(e.Model.Graph.Inputs)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"y", "same", "in"}, names(e.Model.Graph.Outputs)); diff != "" {
		t.Error(diff)
	}
	var ops []string
	for _, n := range e.Model.Graph.Nodes {
		ops = append(ops, n.OpType)
	}
	if diff := cmp.Diff([]string{"MatMul", "Add", "Identity", "Identity"}, ops); diff != "" {
		t.Error(diff)
	}
	// Cut at h, with b in the file: neither x nor m is needed any more.
	value := tensor.Must(tensor.Of(make([]float32, 6), 6))
	e, _ = emit(t, g, builder.Emission{
		Outputs: []builder.Output{{Name: "y", Value: y}}, Cut: []val{h}, Values: map[string]*tensor.Tensor{"p/b": value},
	})
	if diff := cmp.Diff([]string{h.Name()}, names(e.Model.Graph.Inputs)); diff != "" {
		t.Error(diff)
	}
	if len(e.Inputs) != 1 || e.Inputs[0] != h || len(e.Model.Graph.Initializers) != 1 {
		t.Errorf("inputs %v, %d initialisers", e.Inputs, len(e.Model.Graph.Initializers))
	}
}

func TestOptionalOutputsAreTrimmed(t *testing.T) {
	g := builder.New("norm", builder.Options{})
	x := g.Input("x", tensor.Float32, fixed(2), fixed(4))
	s := g.Scope("n")
	y := g.LayerNormalization(x, s.Parameter("s", builder.ParameterOptions{}, 4), s.Parameter("b", builder.ParameterOptions{}, 4), 1e-5)
	e, _ := emit(t, g, builder.Emission{Outputs: []builder.Output{{Name: "y", Value: y}}})
	if n := len(e.Model.Graph.Nodes[0].Outputs); n != 1 {
		t.Errorf("the node has %d outputs", n)
	}
	e, _ = emit(t, g, builder.Emission{Outputs: []builder.Output{{Name: "deviation", Value: y.Node().Outputs[2]}}})
	if diff := cmp.Diff([]string{y.Name(), "", "deviation"}, e.Model.Graph.Nodes[0].Outputs); diff != "" {
		t.Error(diff)
	}
}

func TestEmitRefuses(t *testing.T) {
	g, x, m, _, b := graph()
	y := g.Exp(x)
	short := tensor.Must(tensor.Of([]float32{1}, 1))
	for want, e := range map[string]builder.Emission{
		"no outputs are named":              {},
		`output "y" is not a value`:         {Outputs: []builder.Output{{Name: "y"}}},
		`output name "" is empty or taken`:  {Outputs: []builder.Output{{Name: "", Value: y}}},
		`output name "y" is empty or taken`: {Outputs: []builder.Output{{Name: "y", Value: y}, {Name: "y", Value: x}}},
		`output name "x" is empty or taken`: {Outputs: []builder.Output{{Name: "x", Value: y}}},
		`parameter "p/b" is float32[6], its elements are float32[1]`: {
			Outputs: []builder.Output{{Name: "y", Value: g.Add(b, b)}}, Values: map[string]*tensor.Tensor{"p/b": short},
		},
	} {
		_, err := g.Emit(e)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	_ = m
}

func TestSameGraphGivesSameBytes(t *testing.T) {
	var first []byte
	for range 3 {
		g, x, m, _, b := graph()
		_, data := emit(t, g, builder.Emission{Outputs: []builder.Output{{Name: "y", Value: g.Gelu(g.Add(g.MatMul(x, m), b))}}})
		if first == nil {
			first = data
		}
		if !bytes.Equal(first, data) {
			t.Fatal("the bytes differ")
		}
	}
}

func ExampleGraph() {
	g := builder.New("example", builder.Options{})
	x := g.Input("x", tensor.Float32, builder.Named("batch"), builder.Fixed(4))
	w := g.Scope("layer").Parameter("weight", builder.ParameterOptions{Init: builder.Glorot()}, 4, 2)
	y := g.Relu(g.MatMul(x, w))
	fmt.Println(y, g.Err())
	g.Add(y, x) // a mistake, which the graph keeps
	fmt.Println(strings.Split(g.Err().Error(), ": ")[1])
	// Output:
	// Relu_1 float32[batch,2] <nil>
	// shapes [batch,2] and [batch,4] do not broadcast
}
