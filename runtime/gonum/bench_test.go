package gonum_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/builder/nn"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// The sizes of the benchmarks' training step: those of a small model on
// sentences, whose word vectors the trainer has looked up.
const (
	benchBatch, benchLength, benchWidth = 32, 12, 64
)

// trainingStep builds forward and backward of a trunk with a head on sentences
// and one on tokens, as plain operators. All of its inputs are returned filled.
func trainingStep(tb testing.TB, trunk func(s *builder.Scope, x, mask *builder.Value) *builder.Value) ([]byte, []runtime.Named, []runtime.Named) {
	tb.Helper()
	g := builder.New("step", builder.Options{})
	batch, length := builder.Named("batch"), builder.Named("sequence")
	x := g.Input("x", tensor.Float32, batch, length, builder.Fixed(benchWidth))
	mask := g.Input("mask", tensor.Float32, batch, length)
	hidden := trunk(g.Scope("trunk"), x, mask)
	sentence := nn.Dense(g.Scope("sentence"), nn.MeanPool(g, hidden, mask), 10)
	tokens := nn.Dense(g.Scope("tokens"), hidden, 9)
	one, _ := nn.SoftmaxCrossEntropy(g, sentence, g.Input("class", tensor.Int64, batch), nn.LossOptions{})
	many, _ := nn.SoftmaxCrossEntropy(g, tokens, g.Input("tags", tensor.Int64, batch, length), nn.LossOptions{})
	wrt := append([]*builder.Value{x}, g.Parameters()...)
	outputs := []builder.Output{{Name: "loss/sentence", Value: one}, {Name: "loss/tokens", Value: many}}
	for i, d := range grad.Gradients(g, []*builder.Value{one, many}, nil, wrt) {
		outputs = append(outputs, builder.Output{Name: "gradient/" + wrt[i].Name(), Value: d})
	}
	e, err := g.Emit(builder.Emission{Outputs: outputs})
	if err != nil {
		tb.Fatal(err)
	}
	model, err := onnx.Encode(e.Model)
	if err != nil {
		tb.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var in, out []runtime.Named
	for _, v := range e.Inputs {
		in = append(in, runtime.Named{Name: v.Name(), Tensor: filled(tb, r, v)})
	}
	for _, o := range outputs {
		out = append(out, runtime.Named{Name: o.Name, Tensor: tensor.Must(tensor.New(o.Value.DType(), benchShape(tb, o.Value)...))})
	}
	return model, in, out
}

func benchShape(tb testing.TB, v *builder.Value) tensor.Shape {
	shape := tensor.Shape{}
	for _, d := range v.Shape() {
		n, err := d.Value(map[string]int64{"batch": benchBatch, "sequence": benchLength})
		if err != nil {
			tb.Fatal(err)
		}
		shape = append(shape, n)
	}
	return shape
}

func filled(tb testing.TB, r *rand.Rand, v *builder.Value) *tensor.Tensor {
	t := tensor.Must(tensor.New(v.DType(), benchShape(tb, v)...))
	for i := range t.Float32s() {
		t.Float32s()[i] = float32(r.NormFloat64() * 0.1)
		if v.Name() == "mask" {
			t.Float32s()[i] = float32(i % 7 % 2)
		}
	}
	for i := range t.Int64s() {
		t.Int64s()[i] = r.Int64N(9)
	}
	return t
}

// benchTrunks are the trunks that a step is timed and compared with.
func benchTrunks() map[string]func(s *builder.Scope, x, mask *builder.Value) *builder.Value {
	return map[string]func(s *builder.Scope, x, mask *builder.Value) *builder.Value{
		"bag": func(_ *builder.Scope, x, _ *builder.Value) *builder.Value { return x },
		"cnn": func(s *builder.Scope, x, _ *builder.Value) *builder.Value {
			return s.Add(x, s.Relu(nn.Conv1D(s.In("conv"), nn.LayerNorm(s.In("norm"), x), benchWidth, 3, 1)))
		},
		"bilstm": func(s *builder.Scope, x, mask *builder.Value) *builder.Value {
			return nn.LSTM(s.In("lstm"), x, mask, nn.RecurrentOptions{Hidden: benchWidth / 2, Bidirectional: true, Trained: true})
		},
		"bigru": func(s *builder.Scope, x, mask *builder.Value) *builder.Value {
			return nn.GRU(s.In("gru"), x, mask, nn.RecurrentOptions{Hidden: benchWidth / 2, Bidirectional: true, Trained: true})
		},
		"transformer": func(s *builder.Scope, x, mask *builder.Value) *builder.Value {
			return nn.TransformerBlock(s.In("block"), x, mask, nn.BlockOptions{Heads: 4, FeedForward: 2 * benchWidth})
		},
	}
}

// BenchmarkTrainingStep times a bound training step.
func BenchmarkTrainingStep(b *testing.B) {
	for name, trunk := range benchTrunks() {
		b.Run(name, func(b *testing.B) {
			model, in, out := trainingStep(b, trunk)
			s, err := gonum.New().Open(model, runtime.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			bound, err := s.Bind(in, out)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := bound.Run(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
