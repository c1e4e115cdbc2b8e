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
// operator are the same function, at rows of different lengths, of one token
// and of none.
func TestTrainedAndExportedRecurrencesAgree(t *testing.T) {
	for _, layer := range []struct {
		name string
		of   func(s *builder.Scope, x, mask *builder.Value, o nn.RecurrentOptions) *builder.Value
	}{{"LSTM", nn.LSTM}, {"GRU", nn.GRU}} {
		for _, both := range []bool{false, true} {
			t.Run(fmt.Sprint(layer.name, " both ", both), func(t *testing.T) {
				g := builder.New("recurrent", builder.Options{})
				x := g.Input("x", tensor.Float32, builder.Named("batch"), builder.Named("sequence"), builder.Fixed(5))
				mask := g.Input("mask", tensor.Float32, builder.Named("batch"), builder.Named("sequence"))
				trained := layer.of(g.Scope("r"), x, mask, nn.RecurrentOptions{Hidden: 4, Bidirectional: both, Trained: true})
				exported := layer.of(g.Scope("r"), x, mask, nn.RecurrentOptions{Hidden: 4, Bidirectional: both})
				if g.Err() != nil {
					t.Fatal(g.Err())
				}
				outputs := []builder.Output{{Name: "trained", Value: trained}, {Name: "exported", Value: exported}}
				for _, lengths := range [][]int{{7, 3, 1, 0}, {7}, {}} {
					in := map[string]*tensor.Tensor{"x": draw(1, int64(len(lengths)), 7, 5), "mask": maskOf(7, lengths...)}
					got := compute(t, g, in, outputs...)
					if !got["trained"].Shape().Equal(got["exported"].Shape()) {
						t.Fatalf("shapes are %v and %v", got["trained"].Shape(), got["exported"].Shape())
					}
					some := false
					for i, want := range got["exported"].Float32s() {
						have := got["trained"].Float32s()[i]
						some = some || have != 0
						if math.Abs(float64(have-want)) > 1e-6 {
							t.Fatalf("lengths %v: element %d is %v trained and %v exported", lengths, i, have, want)
						}
					}
					if some != (len(lengths) > 0) {
						t.Errorf("lengths %v: the result is all zeros", lengths)
					}
				}
			})
		}
	}
}
