package builder_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"espalier/builder"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// TestAfterChangesNothing, whatever the values that it waits for are.
func TestAfterChangesNothing(t *testing.T) {
	g := builder.New("after", builder.Options{})
	x := g.Input("x", tensor.Float32, batch, fixed(2))
	other := g.Input("other", tensor.Float32, fixed(2), batch)
	scalar := g.Input("scalar", tensor.Float32)
	emitted, err := g.Emit(builder.Emission{Outputs: []builder.Output{{Name: "y", Value: g.After(x, other, scalar)}}})
	if err != nil {
		t.Fatal(err)
	}
	content, err := onnx.Encode(emitted.Model)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gonum.New().Open(content, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, v := range []float32{0, -1.5, inf, -inf, nan} {
		want := []float32{1, inf, -inf, 0, 5, 6}
		out := []runtime.Named{{Name: "y"}}
		if err := s.Run(context.Background(), []runtime.Named{
			{Name: "x", Tensor: tensor.Must(tensor.Of(slices.Clone(want), 3, 2))},
			{Name: "other", Tensor: tensor.Must(tensor.Of([]float32{v, v, v, v, v, v}, 2, 3))},
			{Name: "scalar", Tensor: tensor.Must(tensor.Of([]float32{v}))},
		}, out); err != nil {
			t.Fatal(err)
		}
		if got := out[0].Tensor; !slices.Equal(got.Float32s(), want) || !got.Shape().Equal(tensor.Shape{3, 2}) {
			t.Errorf("after %v: %v", v, got)
		}
	}
}

// TestWhatCannotBeRepeated: a node with a graph inside.
func TestWhatCannotBeRepeated(t *testing.T) {
	g := builder.New("repeat", builder.Options{})
	x := g.Input("x", tensor.Float32, sequence, fixed(2))
	g.Scan([]val{g.Constant(tensor.Must(tensor.Of([]float32{0, 0}, 2)))}, []val{x}, builder.ScanOptions{}, func(b *builder.Graph, state, in []val) builder.Step {
		return builder.Step{States: []val{b.Add(state[0], in[0])}}
	})
	g.Repeat(g.Nodes(), map[val]val{})
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "Scan has a graph inside") {
		t.Errorf("got %v", err)
	}
}
