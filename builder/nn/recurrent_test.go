package nn_test

import (
	"fmt"
	"math"
	"testing"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/tensor"
)

// TestTrainedAndExportedRecurrencesAgree: the Scan that trains and ONNX's own
// operator are the same function on both engines, as one layer and as two, at
// rows of different lengths, of one token and of none.
func TestTrainedAndExportedRecurrencesAgree(t *testing.T) {
	for _, layer := range []struct {
		name string
		of   func(s *builder.Scope, x, mask *builder.Value, o nn.RecurrentOptions) *builder.Value
	}{{"LSTM", nn.LSTM}, {"GRU", nn.GRU}} {
		for _, c := range []struct {
			both   bool
			layers int
		}{{false, 1}, {true, 1}, {false, 2}, {true, 2}} {
			t.Run(fmt.Sprintf("%s, both directions %v, layers %d", layer.name, c.both, c.layers), func(t *testing.T) {
				g := builder.New("recurrent", builder.Options{})
				x := g.Input("x", tensor.Float32, builder.Named("batch"), builder.Named("sequence"), builder.Fixed(5))
				mask := g.Input("mask", tensor.Float32, builder.Named("batch"), builder.Named("sequence"))
				trained, exported := x, x
				for i := range c.layers {
					s := g.Scope(fmt.Sprint("r", i))
					trained = layer.of(s, trained, mask, nn.RecurrentOptions{Hidden: 4, Bidirectional: c.both, Trained: true})
					exported = layer.of(s, exported, mask, nn.RecurrentOptions{Hidden: 4, Bidirectional: c.both})
				}
				if g.Err() != nil {
					t.Fatal(g.Err())
				}
				outputs := []builder.Output{{Name: "trained", Value: trained}, {Name: "exported", Value: exported}}
				for _, lengths := range [][]int{{7, 3, 1, 0}, {7}, {1}, {}} {
					in := map[string]*tensor.Tensor{"x": draw(1, int64(len(lengths)), 7, 5), "mask": maskOf(7, lengths...)}
					for _, e := range engines(t) {
						agree(t, fmt.Sprint(e.Name(), ", lengths ", lengths), computeOn(t, e, g, in, outputs...), len(lengths) > 0)
					}
				}
			})
		}
	}
}

// agree compares the two results, which are not all 0 where some is true.
func agree(t *testing.T, where string, got map[string]*tensor.Tensor, some bool) {
	t.Helper()
	if !got["trained"].Shape().Equal(got["exported"].Shape()) {
		t.Fatalf("%s: shapes are %v and %v", where, got["trained"].Shape(), got["exported"].Shape())
	}
	found := false
	for i, want := range got["exported"].Float32s() {
		have := got["trained"].Float32s()[i]
		found = found || have != 0
		if math.Abs(float64(have-want)) > 1e-6 {
			t.Fatalf("%s: element %d is %v trained and %v exported", where, i, have, want)
		}
	}
	if found != some {
		t.Errorf("%s: the result is all zeros", where)
	}
}
