//go:build cgo

package ort

import (
	"context"
	goruntime "runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	binding "github.com/yalue/onnxruntime_go"

	"espalier/runtime"
	"espalier/runtime/enginetest"
	"espalier/tensor"
)

// benchRows is the batch of the benchmarks: one sentence, where the wrapper's
// share is largest.
const benchRows = 1

// headWidths are the outputs of the suite's model.
func headWidths() []runtime.Named {
	return []runtime.Named{
		{Name: "topic", Tensor: tensor.Must(tensor.New(tensor.Float32, benchRows, 8))},
		{Name: "sentiment", Tensor: tensor.Must(tensor.New(tensor.Float32, benchRows, 2))},
		{Name: "entity", Tensor: tensor.Must(tensor.New(tensor.Float32, benchRows, 16))},
	}
}

func benchInput() []runtime.Named {
	return []runtime.Named{{Name: "x", Tensor: tensor.Must(tensor.New(tensor.Float32, benchRows, 64))}}
}

// runners returns the same run of the same file made in three ways: by the
// binding alone, by our Binding and by our Session.
func runners(t testing.TB) (bare, bound, session func() error) {
	t.Helper()
	e := openEngine(t)
	model := enginetest.ThreeHeads(t)
	options := runtime.Options{Threads: 1}
	s, err := e.Open(model, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	in, out := benchInput(), headWidths()
	b, err := s.Bind(in, out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	ctx := context.Background()
	return bareRun(t, e, model, options), func() error { return b.Run(ctx) },
		func() error { return s.Run(ctx, in, out) }
}

func bareRun(t testing.TB, e *Engine, model []byte, options runtime.Options) func() error {
	t.Helper()
	o, err := binding.NewSessionOptions()
	if err != nil {
		t.Fatal(err)
	}
	defer o.Destroy()
	if err := e.configure(o, options); err != nil {
		t.Fatal(err)
	}
	var outputNames []string
	var outputs []binding.Value
	for _, out := range headWidths() {
		v, err := binding.NewTensor(binding.Shape(out.Tensor.Shape()), out.Tensor.Float32s())
		if err != nil {
			t.Fatal(err)
		}
		outputNames, outputs = append(outputNames, out.Name), append(outputs, v)
	}
	x := benchInput()[0].Tensor
	v, err := binding.NewTensor(binding.Shape(x.Shape()), x.Float32s())
	if err != nil {
		t.Fatal(err)
	}
	inputs := []binding.Value{v}
	s, err := binding.NewDynamicAdvancedSessionWithONNXData(model, []string{"x"}, outputNames, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Destroy() })
	return func() error { return s.Run(inputs, outputs) }
}

// BenchmarkRun compares the wrapper with the binding alone on one file.
func BenchmarkRun(b *testing.B) {
	bare, bound, session := runners(b)
	for _, c := range []struct {
		name string
		run  func() error
	}{{"yalue", bare}, {"Binding", bound}, {"Session", session}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTrainingLoop alternates runs with work in Go on all cores, as a
// training loop does, for each way that ORT's threads can wait.
func BenchmarkTrainingLoop(b *testing.B) {
	openEngine(b) // loads the library
	model := enginetest.ThreeHeads(b)
	const batch = 256
	arena := make([]float32, 1<<20)
	for _, c := range []struct {
		name string
		spin Spin
	}{{"SpinInRun", SpinInRun}, {"SpinAlways", SpinAlways}, {"SpinNever", SpinNever}} {
		b.Run(c.name, func(b *testing.B) {
			s, err := (&Engine{spin: c.spin}).Open(model, runtime.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			bound, err := s.Bind(
				[]runtime.Named{{Name: "x", Tensor: tensor.Must(tensor.New(tensor.Float32, batch, 64))}},
				[]runtime.Named{{Name: "entity", Tensor: tensor.Must(tensor.New(tensor.Float32, batch, 16))}})
			if err != nil {
				b.Fatal(err)
			}
			defer bound.Close()
			for b.Loop() {
				if err := bound.Run(context.Background()); err != nil {
					b.Fatal(err)
				}
				decay(arena)
			}
		})
	}
}

// decay stands for an optimizer's step: every element, on every core.
func decay(arena []float32) {
	var wg sync.WaitGroup
	n := goruntime.GOMAXPROCS(0)
	for part := range n {
		wg.Go(func() {
			own := arena[part*len(arena)/n : (part+1)*len(arena)/n]
			for i := range own {
				own[i] = own[i]*0.99 + 0.01
			}
		})
	}
	wg.Wait()
}

// TestOverhead holds the promise that a Binding's run costs at most 5 % more
// than the same run by the binding alone. The two alternate in short rounds,
// and the median of the rounds' ratios is taken, so that a busy machine slows
// both alike.
func TestOverhead(t *testing.T) {
	bare, bound, _ := runners(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const rounds, runs = 101, 60
	ratios := make([]float64, rounds)
	for i := range ratios {
		a := timed(t, runs, bare)
		ratios[i] = float64(timed(t, runs, bound)) / float64(a)
	}
	slices.Sort(ratios)
	t.Logf("a Binding's run takes %.3f of the binding's own", ratios[rounds/2])
	if ratios[rounds/2] > 1.05 {
		t.Errorf("a Binding's run takes %.3f of the binding's own, want at most 1.05", ratios[rounds/2])
	}
}

func timed(t testing.TB, runs int, run func() error) time.Duration {
	start := time.Now()
	for range runs {
		if err := run(); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(start)
}
