package nn_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"espalier/builder"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/tensor"
)

// engines are both engines.
func engines(t *testing.T) []runtime.Engine {
	t.Helper()
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return []runtime.Engine{e, gonum.New()}
}

// compute runs the graph's outputs on ONNX Runtime.
func compute(t *testing.T, g *builder.Graph, inputs map[string]*tensor.Tensor, outputs ...builder.Output) map[string]*tensor.Tensor {
	t.Helper()
	return computeOn(t, engines(t)[0], g, inputs, outputs...)
}

// computeOn runs the graph's outputs on an engine. Parameters are drawn from
// their names, inputs are given.
func computeOn(t *testing.T, engine runtime.Engine, g *builder.Graph, inputs map[string]*tensor.Tensor, outputs ...builder.Output) map[string]*tensor.Tensor {
	t.Helper()
	values := map[string]*tensor.Tensor{}
	for _, v := range g.Parameters() {
		p := v.Parameter()
		x := make([]float32, p.Size())
		p.Fill(x, 1)
		r := rand.New(rand.NewPCG(3, uint64(len(p.Name))))
		for i := range x {
			x[i] += float32(r.NormFloat64() * 0.5)
		}
		values[p.Name] = tensor.Must(tensor.Of(x, p.Shape...))
	}
	e, err := g.Emit(builder.Emission{Outputs: outputs, Values: values})
	if err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Encode(e.Model)
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(e.Model); err != nil {
		t.Fatal(err)
	}
	s, err := engine.Open(data, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var in, out []runtime.Named
	for _, v := range s.Inputs() {
		in = append(in, runtime.Named{Name: v.Name, Tensor: inputs[v.Name]})
	}
	for _, o := range outputs {
		out = append(out, runtime.Named{Name: o.Name})
	}
	if err := s.Run(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	got := map[string]*tensor.Tensor{}
	for _, o := range out {
		got[o.Name] = o.Tensor
	}
	for name, v := range values {
		got[name] = v
	}
	return got
}

func draw(seed uint64, dims ...int64) *tensor.Tensor {
	x := tensor.Must(tensor.New(tensor.Float32, dims...))
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(r.NormFloat64())
	}
	return x
}

// maskOf has so many tokens in each row.
func maskOf(longest int, lengths ...int) *tensor.Tensor {
	m := tensor.Must(tensor.New(tensor.Float32, int64(len(lengths)), int64(longest)))
	for i, n := range lengths {
		for j := range n {
			m.Float32s()[i*longest+j] = 1
		}
	}
	return m
}
