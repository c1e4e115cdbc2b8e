//go:build cgo

package ort

import (
	"context"
	"errors"
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

// runners returns the same run of the same file made in four ways: by the
// binding alone with tensors made once, by our Binding, by the binding alone
// with tensors made for every run, and by our Session.
func runners(t testing.TB) (bare, bound, fresh, session func() error) {
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
	bare, fresh = bareRuns(t, e, model, options)
	return bare, func() error { return b.Run(ctx) }, fresh, func() error { return s.Run(ctx, in, out) }
}

func bareRuns(t testing.TB, e *Engine, model []byte, options runtime.Options) (kept, fresh func() error) {
	t.Helper()
	o, err := binding.NewSessionOptions()
	if err != nil {
		t.Fatal(err)
	}
	defer o.Destroy()
	if err := e.configure(o, options); err != nil {
		t.Fatal(err)
	}
	in, out := benchInput(), headWidths()
	s, err := binding.NewDynamicAdvancedSessionWithONNXData(model, names(in), names(out), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Destroy() })
	inputs, err := bareTensors(in)
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := bareTensors(out)
	if err != nil {
		t.Fatal(err)
	}
	kept = func() error { return s.Run(inputs, outputs) }
	fresh = func() error {
		inputs, err := bareTensors(in)
		if err != nil {
			return err
		}
		outputs, err := bareTensors(out)
		if err != nil {
			return err
		}
		err = s.Run(inputs, outputs)
		for _, v := range append(inputs, outputs...) {
			err = errors.Join(err, v.Destroy())
		}
		return err
	}
	return kept, fresh
}

func names(list []runtime.Named) []string {
	var all []string
	for _, n := range list {
		all = append(all, n.Name)
	}
	return all
}

func bareTensors(list []runtime.Named) ([]binding.Value, error) {
	var values []binding.Value
	for _, n := range list {
		v, err := binding.NewTensor(binding.Shape(n.Tensor.Shape()), n.Tensor.Float32s())
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// BenchmarkRun compares the wrapper with the binding alone on one file.
func BenchmarkRun(b *testing.B) {
	bare, bound, fresh, session := runners(b)
	for _, c := range []struct {
		name string
		run  func() error
	}{{"yalue", bare}, {"Binding", bound}, {"yalue with new tensors", fresh}, {"Session", session}} {
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

// BenchmarkOverhead reports a Binding's run as a share of the same run by
// yalue's module alone; at most 1.05 is the aim. The two alternate in short
// rounds, and the median of the rounds' ratios is taken, so that a busy machine
// slows both alike.
func BenchmarkOverhead(b *testing.B) {
	bare, bound, _, _ := runners(b)
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const runs = 60
	var ratios []float64
	for b.Loop() {
		own := timed(b, runs, bare)
		ratios = append(ratios, float64(timed(b, runs, bound))/float64(own))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "of-bare-run")
}

func timed(t testing.TB, runs int, run func() error) time.Duration {
	start := time.Now() //lint:allow clock benchmarks call it
	for range runs {
		if err := run(); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(start) //lint:allow clock benchmarks call it
}
