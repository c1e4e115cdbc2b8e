//go:build cgo

package gonum_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
)

// ortEngine opens ONNX Runtime, the oracle of the tests in this file.
func ortEngine(t testing.TB) runtime.Engine {
	t.Helper()
	if os.Getenv(ort.LibraryVariable) == "" {
		t.Fatalf("%s is not set: run `make env`, which fetches the library, and test with `make test`", ort.LibraryVariable)
	}
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestRandomGraphs: the pure-Go engine and ONNX Runtime agree on every value
// of random graphs.
func TestRandomGraphs(t *testing.T) {
	oracle := ortEngine(t)
	for seed := range uint64(300) {
		g := newRandomGraph(seed)
		model := g.build(t, 14)
		want, err := outputsOf(oracle, model, g)
		if err != nil {
			t.Fatalf("seed %d: ONNX Runtime: %v", seed, err)
		}
		got, err := outputsOf(gonum.New(), model, g)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		for i := range want {
			if err := close(got[i].Tensor, want[i].Tensor, 1e-4, 2e-4); err != nil {
				t.Errorf("seed %d, value %s: %v", seed, want[i].Name, err)
				break
			}
		}
	}
}

// TestTrainingStepAgrees: both engines compute the same losses and gradients
// of a transformer's training step.
func TestTrainingStepAgrees(t *testing.T) {
	for name, trunk := range benchTrunks() {
		t.Run(name, func(t *testing.T) {
			model, in, out := trainingStep(t, trunk)
			want := make([]runtime.Named, len(out))
			for i, o := range out {
				want[i].Name = o.Name
			}
			run := func(e runtime.Engine, outputs []runtime.Named) error {
				s, err := e.Open(model, runtime.Options{})
				if err != nil {
					return err
				}
				defer s.Close()
				return s.Run(context.Background(), in, outputs)
			}
			if err := run(ortEngine(t), want); err != nil {
				t.Fatal(err)
			}
			if err := run(gonum.New(), out); err != nil {
				t.Fatal(err)
			}
			for i := range out {
				if err := close(out[i].Tensor, want[i].Tensor, 1e-4, 1e-6); err != nil {
					t.Errorf("%s: %v", out[i].Name, err)
				}
			}
		})
	}
}

func outputsOf(e runtime.Engine, model []byte, g *randomGraph) ([]runtime.Named, error) {
	s, err := e.Open(model, runtime.Options{Optimization: "basic"})
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer s.Close()
	out := make([]runtime.Named, len(g.outputs))
	for i, o := range g.outputs {
		out[i].Name = o.Name
	}
	return out, s.Run(context.Background(), g.inputs, out)
}
