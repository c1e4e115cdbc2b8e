package builder_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"espalier/builder"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/tensor"
)

// halvings is a graph of integers that halves the even ones among x until none is
// above 1, and counts how often that could be done.
func halvings(t *testing.T) []byte {
	t.Helper()
	g := builder.New("halvings", builder.Options{})
	x := g.Input("x", tensor.Int64, builder.Named("rows"), fixed(2))
	two, one := g.ScalarOf(tensor.Int64, 2), g.ScalarOf(tensor.Int64, 1)
	even := g.Equal(g.Mul(g.Div(x, two), two), x)
	picked := g.Compress(x, even, builder.Named("picked"))
	zeros := g.ZerosLike(picked)
	final, halves := g.Loop([]*builder.Value{picked, zeros}, "steps", func(b *builder.Graph, s []*builder.Value) (*builder.Value, builder.Step) {
		above := b.Greater(s[0], one)
		next := b.Where(above, b.Div(s[0], two), s[0])
		more := b.Greater(b.ReduceMax(next, false, 0), one)
		return more, builder.Step{States: []*builder.Value{next, b.Add(s[1], b.Cast(above, tensor.Int64))}, Outputs: []*builder.Value{next}}
	})
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	if got := halves[0].Shape().String(); got != "[steps,picked]" {
		t.Errorf("the stack has shape %s", got)
	}
	places := g.Range(g.Size(builder.Named("picked")), builder.Named("picked"))
	e, err := g.Emit(builder.Emission{Outputs: []builder.Output{
		{Name: "counts", Value: final[1]}, {Name: "halves", Value: halves[0]}, {Name: "places", Value: g.Add(places, zeros)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(e.Model); err != nil {
		t.Fatal(err)
	}
	content, err := onnx.Encode(e.Model)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestLoopCompressAndRange(t *testing.T) {
	engine, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	content := halvings(t)
	for _, e := range []runtime.Engine{engine, gonum.New()} {
		s, err := e.Open(content, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, c := range []struct{ x, counts, halves []int64 }{
			{[]int64{8, 3, 5, 6, 2, 1}, []int64{3, 2, 1}, []int64{4, 3, 1, 2, 1, 1, 1, 1, 1}},
			{[]int64{0, 7}, []int64{0}, []int64{0}}, // there is one iteration at least
		} {
			in := []runtime.Named{{Name: "x", Tensor: tensor.Must(tensor.Of(c.x, int64(len(c.x)/2), 2))}}
			out := []runtime.Named{{Name: "counts"}, {Name: "halves"}, {Name: "places"}}
			if err := s.Run(context.Background(), in, out); err != nil {
				t.Fatal(err)
			}
			if got := out[0].Tensor.Int64s(); !slices.Equal(got, c.counts) {
				t.Errorf("%s: counts of %v are %v, want %v", e.Name(), c.x, got, c.counts)
			}
			if got := out[1].Tensor.Int64s(); !slices.Equal(got, c.halves) {
				t.Errorf("%s: halves of %v are %v, want %v", e.Name(), c.x, got, c.halves)
			}
			if got := out[2].Tensor.Int64s(); !slices.Equal(got, []int64{0, 1, 2}[:len(c.counts)]) {
				t.Errorf("%s: places are %v", e.Name(), got)
			}
		}
	}
}

func TestMistakesOfLoops(t *testing.T) {
	same := func(states []val) builder.Step { return builder.Step{States: states} }
	for want, do := range map[string]func(g *builder.Graph, x, ids val){
		"needs bools of the operand's shape": func(g *builder.Graph, x, ids val) { g.Compress(x, ids, builder.Named("n")) },
		"needs one int64 or int32":           func(g *builder.Graph, x, _ val) { g.Range(x, builder.Named("n")) },
		"not one bool of rank 0": func(g *builder.Graph, x, _ val) {
			g.Loop([]val{x}, "steps", func(b *builder.Graph, s []val) (val, builder.Step) { return s[0], same(s) })
		},
		"the body returns 0 states of 1": func(g *builder.Graph, x, _ val) {
			g.Loop([]val{x}, "steps", func(b *builder.Graph, _ []val) (val, builder.Step) { return b.ScalarOf(tensor.Bool, 0), same(nil) })
		},
		"state 0 is x float32[batch,sequence,4], the body returns ids int64[batch,sequence]": func(g *builder.Graph, x, ids val) {
			g.Loop([]val{x}, "steps", func(b *builder.Graph, _ []val) (val, builder.Step) {
				return b.ScalarOf(tensor.Bool, 0), same([]val{ids})
			})
		},
	} {
		g, x, _, ids, _ := graph()
		do(g, x, ids)
		if g.Err() == nil || !strings.Contains(g.Err().Error(), want) {
			t.Errorf("got %v, want an error with %q", g.Err(), want)
		}
	}
}
