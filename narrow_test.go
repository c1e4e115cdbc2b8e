package espalier_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier"
	"espalier/tensor"
	"espalier/train"
)

// TestFrozenWeightsIn16Bits: training with frozen weights that are kept in 16 bits is
// training with the rounded weights in float32, and its files have those.
func TestFrozenWeightsIn16Bits(t *testing.T) {
	all := engines(t)
	for _, kept := range []string{"float16", "bfloat16"} {
		for _, trunk := range []string{
			", tune: none, pooling: pooler", ", tune: none, features: none", ", tune: lora, rank: 2, targets: [query, feedforward], own_layers: 1",
			", tune: top, top: 1, features: memory", ", tune: adapter, bottleneck: 4",
		} {
			t.Run(kept+trunk, func(t *testing.T) {
				dir, read := encoderData(t)
				trunk := trunk + ", dropout: 0, attention_dropout: 0" // masks are drawn by their place in the graph
				r := read(trunk+", frozen_weights: "+kept, "train.recompute="+map[string]string{"float16": "true", "bfloat16": "false"}[kept])
				got, values, _ := encoderRun(t, r, filepath.Join(dir, kept), espalier.Options{Engine: all[0]})

				plain, err := espalier.Learn(read(trunk))
				if err != nil {
					t.Fatal(err)
				}
				tr, err := plain.Start(all[0])
				if err != nil {
					t.Fatal(err)
				}
				defer tr.Close()
				rounded := 0
				for name, v := range tr.Parameters() {
					layer := strings.HasPrefix(name, "trunk/layer_") || strings.HasPrefix(name, "trunk/pooler/")
					learns := strings.Contains(name, "lora") || strings.Contains(name, "adapter") || strings.Contains(trunk, "top") && strings.HasPrefix(name, "trunk/layer_1")
					if !layer || learns || !strings.HasSuffix(name, "/weight") {
						continue
					}
					to := inBits(kept, v.Float32s())
					if slices.Equal(to, v.Float32s()) || !slices.Equal(to, values[name].Float32s()) {
						t.Errorf("%s is not the folder's, rounded", name)
					}
					copy(v.Float32s(), to)
					rounded++
				}
				if rounded < 4 {
					t.Errorf("%d matrices are rounded", rounded)
				}
				silent := func(string, ...any) {}
				set, err1 := plain.Data("train", silent)
				valid, err2 := plain.Data("valid", silent)
				if err := errors.Join(err1, err2); err != nil {
					t.Fatal(err)
				}
				want, err := tr.Fit(context.Background(), set, valid, train.Hooks{})
				if err != nil {
					t.Fatal(err)
				}
				for i, e := range want.Epochs {
					for task, loss := range e.Losses {
						if x := got[i].Losses[task]; !(math.Abs(x-loss) <= 1e-5*(1+loss)) {
							t.Errorf("the loss of %s in epoch %d is %v, want %v", task, i+1, x, loss)
						}
					}
				}
				for name, v := range tr.Parameters() {
					if diff, length := apart(values[name].Float32s(), v.Float32s()); !(diff <= 1e-4*(1+length)) {
						t.Errorf("%s is off by %v of %v", name, diff, length)
					}
				}
				run, err := espalier.OpenRun(filepath.Join(dir, kept))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := run.Export(context.Background(), filepath.Join(dir, "model.onnx"), espalier.ExportOptions{Engines: all}); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestRunsWithWeightsIn16BitsGoOn: they resume to the same bytes, others start from them,
// and an adapter is merged into weights kept in 16 bits.
func TestRunsWithWeightsIn16BitsGoOn(t *testing.T) {
	e := engines(t)[0]
	dir, read := encoderData(t)
	r := read(", tune: lora, targets: [query, output], frozen_weights: bfloat16")
	whole, stopped := filepath.Join(dir, "whole"), filepath.Join(dir, "stopped")
	_, want, _ := encoderRun(t, r, whole, espalier.Options{Engine: e})
	stop := errors.New("stop")
	_, _, err := espalier.Train(context.Background(), r, stopped, espalier.Options{Engine: e, Hooks: train.Hooks{Epoch: func(train.Epoch) error { return stop }}})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	_, got, _ := encoderRun(t, r, stopped, espalier.Options{Engine: e, Resume: true})
	for name, v := range want {
		if !slices.Equal(got[name].Float32s(), v.Float32s()) {
			t.Errorf("%s differs", name)
		}
	}
	_, from, _ := encoderRun(t, r, filepath.Join(dir, "from"), espalier.Options{Engine: e, From: whole})
	for name, v := range want {
		if strings.Contains(name, "feedforward") && !slices.Equal(from[name].Float32s(), v.Float32s()) {
			t.Errorf("a run that starts from the first has another %s", name)
		}
	}
	run, err := espalier.OpenRun(whole)
	if err != nil {
		t.Fatal(err)
	}
	adapter := filepath.Join(dir, "adapter")
	if err := run.WriteAdapter(adapter, ""); err != nil {
		t.Fatal(err)
	}
	var starts [2]map[string]*tensor.Tensor
	for i, kept := range []string{"float32", "float16"} {
		again, err := espalier.Learn(read(", tune: none, peft: " + adapter + ", frozen_weights: " + kept))
		if err != nil {
			t.Fatal(err)
		}
		tr, err := again.Start(e)
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		starts[i] = tr.Parameters()
	}
	narrow := 0
	for name, v := range starts[1] {
		if v.DType() != tensor.Float16 {
			continue
		}
		narrow++
		x := make([]float32, v.Len())
		tensor.Widen(x, v)
		if diff, length := apart(x, starts[0][name].Float32s()); !(diff <= 1e-3*length) {
			t.Errorf("%s is off by %v of %v", name, diff, length)
		}
	}
	if narrow != 8 {
		t.Errorf("%d parameters are kept in 16 bits, want the 4 matrices of 2 layers", narrow)
	}
}

// inBits rounds numbers to 16 bits.
func inBits(kept string, x []float32) []float32 {
	d := map[string]tensor.DType{"float16": tensor.Float16, "bfloat16": tensor.BFloat16}[kept]
	narrow := tensor.Must(tensor.New(d, int64(len(x))))
	tensor.Narrow(narrow, x)
	out := make([]float32, len(x))
	tensor.Widen(out, narrow)
	return out
}
