package main

import (
	"context"
	"fmt"
	"os"
	goruntime "runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"espalier/runtime"
	"espalier/runtime/predict"
)

// most is how much the resident memory may grow between a tenth of the
// predictions and all of them, in MiB.
const most = 16

// watch predicts n times from four goroutines in every way, some calls
// cancelled, and fails when the resident memory grows.
func watch(ctx context.Context, e runtime.Engine, dir string, texts []string, n int) error {
	files, err := export3(dir, "bag", texts)
	if err != nil {
		return err
	}
	p, err := predict.Open(files.all, predict.Options{Engine: e, Session: runtime.Options{Threads: 1}})
	if err != nil {
		return err
	}
	defer p.Close()
	var done atomic.Int64
	var wait sync.WaitGroup
	const workers = 4
	errs := make([]error, workers)
	for w := range workers {
		wait.Go(func() { errs[w] = predictor(ctx, p, texts, w, &done, int64(n)) })
	}
	early := 0.0
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for done.Load() < int64(n) {
		<-tick.C
		if early == 0 && done.Load() > int64(n)/10 {
			goruntime.GC()
			early = resident()
			fmt.Printf("%9d predictions  %.0f MiB\n", done.Load(), early)
		}
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
	}
	wait.Wait()
	goruntime.GC()
	late := resident()
	fmt.Printf("%9d predictions  %.0f MiB\n", done.Load(), late)
	if late > early+most {
		return fmt.Errorf("memory grew by %.0f MiB, at most %d are flat", late-early, most)
	}
	return nil
}

func predictor(ctx context.Context, p *predict.Predictor, texts []string, w int, done *atomic.Int64, n int64) error {
	b := p.NewBuffer()
	defer b.Close()
	for i := w; done.Load() < n; i++ {
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
		done.Add(int64(len(batch)))
	}
	return nil
}

// resident returns the memory that the process holds in MiB, native memory
// among it.
func resident() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kb float64
	for line := range strings.Lines(string(status)) {
		if n, err := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 && err == nil {
			return kb / 1024
		}
	}
	return 0
}
