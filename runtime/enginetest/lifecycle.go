package enginetest

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// mentions checks that an error's text names what a person needs.
func mentions(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not mention %q", err, w)
		}
	}
}

func testNotModels(t *testing.T, e runtime.Engine) {
	model := ThreeHeads(t)
	for _, c := range []struct {
		name  string
		bytes []byte
		// decodes: the bytes are a message, only not of a model that could
		// run; listing its operators need not notice.
		decodes bool
	}{
		{"nothing", nil, false},
		{"text", []byte("this is not a model, and long enough to be sure"), false},
		{"zeros", make([]byte, 64), false},
		{"half a model", model[:len(model)/2], false},
		{"a model less its last byte", model[:len(model)-1], false},
		{"a length beyond the end", []byte{0x08, 0x08, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f}, false},
		{"a cycle", cycle(t), true},
		{"a parameter of more elements than bytes", huge(t), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := e.Open(c.bytes, runtime.Options{})
			fails(t, "open", err, runtime.ErrModel)
			if err == nil {
				_ = s.Close()
			}
			if _, err = e.Unsupported(c.bytes); !c.decodes {
				fails(t, "unsupported", err, runtime.ErrModel)
			}
		})
	}
}

func testUnknownOperator(t *testing.T, e runtime.Engine) {
	model := unknown(t)
	s, err := e.Open(model, runtime.Options{})
	fails(t, "open", err, runtime.ErrUnsupported)
	mentions(t, err, "Frobnicate")
	if err == nil {
		_ = s.Close()
	}
	lacks, err := e.Unsupported(model)
	if err != nil || !slices.Equal(lacks, []string{"example.test.Frobnicate"}) {
		t.Errorf("unsupported operators: got %q and error %v, want example.test.Frobnicate", lacks, err)
	}
	lacks, err = e.Unsupported(ThreeHeads(t))
	if err != nil || len(lacks) != 0 {
		t.Errorf("unsupported operators of a plain model: got %q and error %v, want none", lacks, err)
	}
}

// testOperatorSets: Softmax works on all axes from its own on before version 13,
// and on one since. A set of the future and an attribute that no version has are
// refused.
func testOperatorSets(t *testing.T, e runtime.Engine) {
	in := of([]float32{0, 0, 0, 1}, 1, 2, 2)
	last := math.Exp(1) / (3 + math.Exp(1))
	for opset, want := range map[int64][]float64{
		11: {(1 - last) / 3, (1 - last) / 3, (1 - last) / 3, last},
		13: {0.5, 0.5, 1 / (1 + math.Exp(1)), math.Exp(1) / (1 + math.Exp(1))},
	} {
		out := list(named("y", nil))
		run(t, session(t, e, softmaxOf(t, opset)), list(named("x", in)), out)
		near(t, "y", out[0].Tensor, want, 1, 2, 2)
	}
	for what, model := range map[string][]byte{"Softmax of the future": softmaxOf(t, 99), "an attribute": softmaxOf(t, 13, onnx.IntAttr("frobnicate", 1))} {
		s, err := e.Open(model, runtime.Options{})
		if err == nil {
			_ = s.Close()
		}
		if !errors.Is(err, runtime.ErrModel) && !errors.Is(err, runtime.ErrUnsupported) {
			t.Errorf("%s: got error %v, want one that is %q or %q", what, err, runtime.ErrModel, runtime.ErrUnsupported)
		}
	}
}

func testBytesNotKept(t *testing.T, e runtime.Engine) {
	model, naive := threeHeads(t)
	s := session(t, e, model)
	for i := range model {
		model[i] = 0xff
	}
	x := rows(3, 2)
	out := list(named("entity", nil))
	run(t, s, list(named("x", x)), out)
	near(t, "entity", out[0].Tensor, naive.forward(x.Float32s(), 2), 2, 16)
}

func testOpenFile(t *testing.T, e runtime.Engine) {
	folder := filepath.Join(t.TempDir(), "a folder with spaces and é")
	path := filepath.Join(folder, "model.onnx")
	model, naive := threeHeads(t)
	if err := errors.Join(os.Mkdir(folder, 0o755), os.WriteFile(path, model, 0o644)); err != nil {
		t.Fatal(err)
	}
	s, err := e.OpenFile(path, runtime.Options{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	x := rows(4, 1)
	out := list(named("topic", nil))
	run(t, s, list(named("x", x)), out)
	near(t, "topic", out[0].Tensor, naive.forward(x.Float32s(), 0), 1, 8)
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}

	_, err = e.OpenFile(filepath.Join(folder, "none.onnx"), runtime.Options{})
	fails(t, "a missing file", err, fs.ErrNotExist)
	mentions(t, err, "none.onnx")
	if err := os.WriteFile(path, model[:100], 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = e.OpenFile(path, runtime.Options{})
	fails(t, "a truncated file", err, runtime.ErrModel)
	mentions(t, err, "model.onnx")
}

func testOptions(t *testing.T, e runtime.Engine) {
	model, naive := threeHeads(t)
	x := rows(9, 2)
	for _, o := range []runtime.Options{
		{Threads: 1},
		{Threads: 2, InterOp: 2, Deterministic: true},
		{SaveMemory: true},
		{Optimization: "all"},
		{Optimization: "extended"},
		{Optimization: "basic"},
		{Optimization: "none"},
	} {
		s, err := e.Open(model, o)
		if err != nil {
			t.Errorf("%+v: %v", o, err)
			continue
		}
		out := list(named("sentiment", nil))
		run(t, s, list(named("x", x)), out)
		near(t, "sentiment", out[0].Tensor, naive.forward(x.Float32s(), 1), 2, 2)
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	for _, o := range []runtime.Options{{Optimization: "most"}, {Threads: -1}, {Providers: []runtime.Provider{{Name: "Abacus"}}}} {
		s, err := e.Open(model, o)
		if err == nil {
			_ = s.Close()
			t.Errorf("%+v: opened, want an error", o)
		}
	}
}

func testConcurrent(t *testing.T, e runtime.Engine) {
	s := session(t, e, ThreeHeads(t))
	const goroutines, runs = 64, 8
	want := make([]*tensor.Tensor, goroutines)
	for g := range want {
		out := list(named("entity", nil))
		run(t, s, list(named("x", rows(uint64(g), int64(1+g%5)))), out)
		want[g] = out[0].Tensor
	}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for range runs {
				out := list(named("entity", nil), named("topic", zeros(tensor.Float32, int64(1+g%5), 8)))
				err := s.Run(context.Background(), list(named("x", rows(uint64(g), int64(1+g%5)))), out)
				if err != nil {
					t.Errorf("run: %v", err)
					return
				}
				if !slices.Equal(out[0].Tensor.Float32s(), want[g].Float32s()) {
					t.Errorf("goroutine %d got another's result", g)
				}
			}
		})
	}
	wg.Wait()
}

// testCollector drops every tensor and makes the collector reuse its memory as
// fast as it can while runs go on.
func testCollector(t *testing.T, e runtime.Engine) {
	model, naive := threeHeads(t)
	s := session(t, e, model)
	x := rows(11, 4)
	want := naive.forward(x.Float32s(), 2)
	b, err := s.Bind(list(named("x", x.Clone())), list(named("entity", zeros(tensor.Float32, 4, 16))))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				goruntime.GC()
				_ = make([]float32, 4*features)
			}
		}
	})
	for range 20 {
		out := list(named("entity", nil))
		run(t, s, list(named("x", x.Clone())), out)
		near(t, "entity", out[0].Tensor, want, 4, 16)
		if err := b.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		bound, err := b.Output("entity")
		if err != nil {
			t.Fatal(err)
		}
		near(t, "bound entity", bound, want, 4, 16)
	}
	close(stop)
	wg.Wait()
}

func testClose(t *testing.T, e runtime.Engine) {
	s, err := e.Open(ThreeHeads(t), runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in, out := list(named("x", rows(1, 1))), list(named("topic", zeros(tensor.Float32, 1, 8)))
	b, err := s.Bind(in, out)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	fails(t, "run", s.Run(context.Background(), in, out), runtime.ErrClosed)
	_, err = s.Bind(in, out)
	fails(t, "bind", err, runtime.ErrClosed)
	fails(t, "a binding's run", b.Run(context.Background()), runtime.ErrClosed)
	fails(t, "a binding's input", b.SetInput("x", rows(2, 1)), runtime.ErrClosed)
	for range 2 {
		if err := b.Close(); err != nil {
			t.Errorf("close of a binding after its session: %v", err)
		}
	}
	if len(s.Inputs()) != 1 || len(s.Outputs()) != 3 || len(s.Metadata()) != 2 {
		t.Error("a closed session has forgotten its declarations")
	}
}

func testCloseWaits(t *testing.T, e runtime.Engine) {
	model, naive := threeHeads(t)
	x := rows(6, 8)
	want := naive.forward(x.Float32s(), 0)
	s, err := e.Open(model, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	started := make(chan struct{}, 64)
	for range 16 {
		wg.Go(func() {
			b, err := s.Bind(list(named("x", x)), list(named("topic", zeros(tensor.Float32, 8, 8))))
			if err != nil {
				fails(t, "bind", err, runtime.ErrClosed)
				started <- struct{}{}
				return
			}
			defer b.Close()
			for i := 0; ; i++ {
				out := list(named("topic", nil))
				err := s.Run(context.Background(), list(named("x", x)), out)
				if err == nil {
					near(t, "topic", out[0].Tensor, want, 8, 8)
					err = b.Run(context.Background())
				}
				if i == 0 {
					started <- struct{}{}
				}
				if err != nil {
					fails(t, "run", err, runtime.ErrClosed)
					return
				}
			}
		})
	}
	for range 16 {
		<-started
	}
	var closers sync.WaitGroup
	for range 4 {
		closers.Go(func() {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	closers.Wait()
	wg.Wait()
}

func testCancelledBefore(t *testing.T, e runtime.Engine) {
	s := session(t, e, ThreeHeads(t))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	in, out := list(named("x", rows(1, 1))), list(named("topic", zeros(tensor.Float32, 1, 8)))
	fails(t, "run", s.Run(ctx, in, out), context.Canceled)
	b, err := s.Bind(in, out)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	fails(t, "a binding's run", b.Run(ctx), context.Canceled)
	equal(t, "topic", out[0].Tensor, zeros(tensor.Float32, 1, 8))
	// Neither is harmed by it.
	run(t, s, in, out)
	if err := b.Run(context.Background()); err != nil {
		t.Errorf("a binding's run afterwards: %v", err)
	}
}

func testCancelledWhile(t *testing.T, e runtime.Engine) {
	s := session(t, e, long(t))
	x := zeros(tensor.Float32, longSize, longSize)
	for i := range longSize {
		x.Float32s()[i*longSize+i] = 1 // the identity: no overflow, however long
	}
	in, out := list(named("x", x)), list(named("y", zeros(tensor.Float32, longSize, longSize)))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	fails(t, "run", s.Run(ctx, in, out), context.DeadlineExceeded)

	b, err := s.Bind(in, out)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for range 2 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		fails(t, "a binding's run", b.Run(ctx), context.DeadlineExceeded)
		cancel()
	}
	// A binding that was stopped runs again, under a context and without.
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	if err := errors.Join(b.Run(ctx), b.Run(context.Background())); err != nil {
		t.Errorf("runs afterwards: %v", err)
	}
	equal(t, "y", out[0].Tensor, x)
}
