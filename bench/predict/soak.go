package main

import (
	"context"
	"fmt"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/predict"
)

// most is how much the memory may grow over the last four fifths of the
// predictions, in MiB.
const most = 4

// soak is one way to predict for long.
type soak struct {
	name      string
	engine    runtime.Engine
	callers   int
	predictor func(ctx context.Context, p *predict.Predictor, texts []string, caller int, more func(int) bool) error
}

// watch predicts n times in each way and fails when the memory grows.
func watch(ctx context.Context, e runtime.Engine, dir string, texts []string, n int) error {
	files, err := export3(dir, "bag", texts)
	if err != nil {
		return err
	}
	fmt.Println("predictions     resident  Go's heap  native  threads")
	for _, s := range []soak{
		{name: "one caller, one shape, ONNX Runtime", engine: e, callers: 1, predictor: same},
		{name: "one caller, one shape, pure Go", engine: gonum.New(), callers: 1, predictor: same},
		{name: "one caller, texts of all lengths, ONNX Runtime", engine: e, callers: 1, predictor: every},
		{name: "one caller, texts of all lengths, pure Go", engine: gonum.New(), callers: 1, predictor: every},
		{name: "four callers in every way, some cancelled, ONNX Runtime", engine: e, callers: 4, predictor: mixed},
		{name: "four callers in every way, some cancelled, pure Go", engine: gonum.New(), callers: 4, predictor: mixed},
	} {
		fmt.Println(s.name)
		if err := s.run(ctx, files.all, texts, int64(n)); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// run makes the predictions in ten parts, and looks at the memory after each,
// when no call goes on.
func (s *soak) run(ctx context.Context, path string, texts []string, n int64) error {
	p, err := predict.Open(path, predict.Options{Engine: s.engine, Session: runtime.Options{Threads: 1}})
	if err != nil {
		return err
	}
	defer p.Close()
	var seen []float64
	for part := int64(1); part <= 10; part++ {
		var done atomic.Int64
		more := func(k int) bool { return done.Add(int64(k)) < n/10 }
		var wait sync.WaitGroup
		errs := make([]error, s.callers)
		for c := range s.callers {
			wait.Go(func() { errs[c] = s.predictor(ctx, p, texts, c, more) })
		}
		wait.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		m := measure()
		fmt.Printf("%11d  %7.1f MiB  %5.1f MiB  %5.1f MiB  %d\n", part*(n/10), m.resident, m.heap, m.native, m.threads)
		seen = append(seen, m.resident)
	}
	if grown := slices.Min(seen[8:]) - slices.Min(seen[1:3]); grown > most {
		return fmt.Errorf("memory grew by %.1f MiB, at most %d are flat", grown, most)
	}
	return nil
}

// same asks for one text of one length, again and again.
func same(ctx context.Context, p *predict.Predictor, texts []string, _ int, more func(int) bool) error {
	for more(1) {
		if _, err := p.Predict(ctx, texts[0]); err != nil {
			return err
		}
	}
	return nil
}

// every asks for all texts in batches of one to four.
func every(ctx context.Context, p *predict.Predictor, texts []string, _ int, more func(int) bool) error {
	for i := 0; ; i++ {
		batch := texts[i%(len(texts)-8):][:1+i%4]
		if _, err := p.Predict(ctx, batch...); err != nil {
			return err
		}
		if !more(len(batch)) {
			return nil
		}
	}
}

// mixed asks in every way, and cancels some calls.
func mixed(ctx context.Context, p *predict.Predictor, texts []string, caller int, more func(int) bool) error {
	b := p.NewBuffer()
	defer b.Close()
	for i := caller; ; i++ {
		batch := texts[i%(len(texts)-8):][:1+i%4]
		var err error
		switch i % 16 {
		case 0:
			stopped, cancel := context.WithCancel(ctx)
			go cancel()
			_, _ = p.Predict(stopped, batch...)
			cancel()
		case 1:
			goruntime.Gosched()
			_, err = p.For("intent")
		case 2, 3, 4, 5, 6, 7:
			_, err = p.Predict(ctx, batch...)
		default:
			_, err = b.Predict(ctx, batch...)
		}
		if err != nil {
			return err
		}
		if !more(len(batch)) {
			return nil
		}
	}
}

// usage is the memory of the process in MiB.
type usage struct {
	resident, heap, native float64
	threads                int
}

// measure gives unused memory of Go's back to the system first: what is left
// beside Go's own is native.
func measure() usage {
	debug.FreeOSMemory()
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	const mib = 1 << 20
	var u usage
	u.heap = float64(m.HeapInuse) / mib
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return u
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if n, err := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 && err == nil {
			u.resident = kb / 1024
		}
		_, _ = fmt.Sscanf(line, "Threads: %d", &u.threads)
	}
	u.native = u.resident - float64(m.Sys-m.HeapReleased)/mib
	return u
}
