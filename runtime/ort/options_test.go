//go:build cgo

package ort

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/enginetest"
	"espalier/tensor"
)

// runThreeHeads returns the topics of a row of ones.
func runThreeHeads(t *testing.T, s runtime.Session) []float32 {
	t.Helper()
	x := make([]float32, 64)
	for i := range x {
		x[i] = 1
	}
	out := []runtime.Named{{Name: "topic"}}
	if err := s.Run(context.Background(), []runtime.Named{{Name: "x", Tensor: float32s(t, x, 1, 64)}}, out); err != nil {
		t.Fatal(err)
	}
	return out[0].Tensor.Float32s()
}

func opened(t *testing.T, e *Engine, model []byte, o runtime.Options) runtime.Session {
	t.Helper()
	s, err := e.Open(model, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestOptionsDoNotChangeAnswers: whatever is set, the model is the same.
func TestOptionsDoNotChangeAnswers(t *testing.T) {
	e := openEngine(t)
	model := enginetest.ThreeHeads(t)
	want := runThreeHeads(t, opened(t, e, model, runtime.Options{}))
	for name, o := range map[string]runtime.Options{
		"threads":       {Threads: 2, InterOp: 2},
		"none":          {Optimization: "none"},
		"basic":         {Optimization: "basic"},
		"extended":      {Optimization: "extended"},
		"deterministic": {Deterministic: true},
		"save memory":   {SaveMemory: true},
		"config":        {Config: map[string]string{"session.disable_prepacking": "1"}},
		"run config":    {RunConfig: map[string]string{"memory.enable_memory_arena_shrinkage": "cpu:0"}},
		"cache":         {Cache: t.TempDir()},
		"limited":       {},
	} {
		t.Run(name, func(t *testing.T) {
			e := e
			if name == "limited" {
				e = limited(t)
			}
			got := runThreeHeads(t, opened(t, e, model, o))
			for i := range want {
				if d := got[i] - want[i]; d > 1e-6 || d < -1e-6 {
					t.Errorf("element %d is %v, not %v", i, got[i], want[i])
				}
			}
		})
	}
}

const testLimit = enginetest.HostileMemory

func limited(t *testing.T) *Engine {
	t.Helper()
	openEngine(t)
	e, err := Open(Config{MaxMemory: testLimit})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOneLimitOfMemoryPerProcess(t *testing.T) {
	limited(t)
	_, err := Open(Config{MaxMemory: testLimit + 1})
	if err == nil || err.Error() != "this process already limits ONNX Runtime to 268435456 bytes of memory, and can have only one limit; "+
		"open every engine with the same one, or with none" {
		t.Errorf("got %v", err)
	}
	if _, err := Open(Config{MaxMemory: -1}); err == nil || !strings.Contains(err.Error(), "it cannot be negative") {
		t.Errorf("got %v", err)
	}
}

// zeros is y [] = the sum of a tensor of zeros of the shape that s gives.
func zeros(t *testing.T) []byte {
	t.Helper()
	return encode(t, &onnx.Graph{
		Inputs:  []onnx.ValueInfo{vector("s", tensor.Int64)},
		Outputs: []onnx.ValueInfo{{Name: "y", DType: tensor.Float32, HasShape: true, Shape: []onnx.Dim{}}},
		Nodes: []*onnx.Node{
			node("ConstantOfShape", []string{"s"}, []string{"z"}),
			{OpType: "ReduceSum", Inputs: []string{"z"}, Outputs: []string{"y"}, Attributes: []onnx.Attribute{onnx.IntAttr("keepdims", 0)}},
		},
	})
}

func TestALimitOfMemoryHolds(t *testing.T) {
	s := opened(t, limited(t), zeros(t), runtime.Options{})
	run := func(rows int64) error {
		in := []runtime.Named{{Name: "s", Tensor: tensor.Must(tensor.Of([]int64{rows, 1 << 20}, 2))}}
		return s.Run(context.Background(), in, []runtime.Named{{Name: "y"}})
	}
	if err := run(16); err != nil {
		t.Errorf("64 MiB: %v", err)
	}
	if err := run(128); err == nil || !strings.Contains(err.Error(), "smaller than requested bytes of 536870912") {
		t.Errorf("512 MiB: %v", err)
	}
	if err := run(16); err != nil {
		t.Errorf("after a run that failed: %v", err)
	}
}

func TestTheCacheIsUsedAndMadeAnew(t *testing.T) {
	e := openEngine(t)
	model := enginetest.ThreeHeads(t)
	dir := filepath.Join(t.TempDir(), "cache")
	o := runtime.Options{Cache: dir}
	want := runThreeHeads(t, opened(t, e, model, o))
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	kept, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Decode(kept, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	fused := 0
	for _, n := range m.Graph.Nodes {
		if n.OpType == "FusedGemm" {
			fused++
		}
	}
	if fused != 2 {
		t.Errorf("%d of 2 layers are fused in the file kept", fused)
	}
	// What is kept is what is opened: another bias shows.
	for _, i := range m.Graph.Initializers {
		if strings.HasPrefix(i.Name, "topic/logits/b") {
			i.Raw[3] ^= 0x80
		}
	}
	changed, err := onnx.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"other": changed, "broken": []byte("no model"), "empty": {}} {
		if err := os.WriteFile(files[0], content, 0o600); err != nil {
			t.Fatal(err)
		}
		s := opened(t, e, model, o)
		if same := slices.Equal(runThreeHeads(t, s), want); same != (name != "other") {
			t.Errorf("%s file: the same answers: %v", name, same)
		}
		if s.Metadata()["espalier.schema"] != "1" {
			t.Errorf("%s file: the metadata is %v", name, s.Metadata())
		}
	}
	if _, err := e.Open(encode(t, addition()), o); err != nil {
		t.Error(err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 2 {
		t.Errorf("another model: %v", files)
	}
}

// TestProvidersFallBackInOrder and say so; one that is not optional must work.
func TestProvidersFallBackInOrder(t *testing.T) {
	e := openEngine(t)
	model := enginetest.ThreeHeads(t)
	s := opened(t, e, model, runtime.Options{Providers: []runtime.Provider{{Name: "TensorRT", Optional: true}, {Name: "Abacus", Optional: true}}})
	states := s.(runtime.Reporter).Providers()
	if len(states) != 3 || states[0].Used || states[1].Used || states[2] != (runtime.ProviderState{Name: "CPU", Used: true}) {
		t.Fatalf("states are %+v", states)
	}
	if !errors.Is(states[1].Reason, runtime.ErrLibrary) || !strings.Contains(states[1].Reason.Error(), `provider "Abacus" is not in this library, which has`) {
		t.Errorf("the reason is %v", states[1].Reason)
	}
	_, err := e.Open(model, runtime.Options{Providers: []runtime.Provider{{Name: "TensorRT", Optional: true}, {Name: "Abacus"}}})
	if !errors.Is(err, runtime.ErrLibrary) {
		t.Errorf("a provider that is required: %v", err)
	}
	// A model that is broken is not made to fit by fewer providers.
	_, err = e.Open([]byte("no model"), runtime.Options{Providers: []runtime.Provider{{Name: "Abacus", Optional: true}}})
	if !errors.Is(err, runtime.ErrModel) {
		t.Errorf("a broken model: %v", err)
	}
}

func TestSettingsThatORTRefuses(t *testing.T) {
	e := openEngine(t)
	model := enginetest.ThreeHeads(t)
	for _, c := range []struct {
		o    runtime.Options
		want string
	}{
		{runtime.Options{Config: map[string]string{strings.Repeat("k", 2000): "1"}}, "session options: "},
		{runtime.Options{Threads: -1}, "neither may be negative"},
		{runtime.Options{Optimization: "most"}, `optimization "most" is none of all, extended, basic, none`},
	} {
		if _, err := e.Open(model, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
	s := opened(t, e, model, runtime.Options{RunConfig: map[string]string{strings.Repeat("k", 2000): "1"}})
	x := tensor.Must(tensor.New(tensor.Float32, 1, 64))
	err := s.Run(context.Background(), []runtime.Named{{Name: "x", Tensor: x}}, []runtime.Named{{Name: "topic"}})
	if err == nil || !strings.Contains(err.Error(), "run option ") {
		t.Errorf("got %v", err)
	}
}
