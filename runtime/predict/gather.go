package predict

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// gatherer answers calls that come at about the same time as one batch. The
// first call of a batch waits for others, at most [Options].Gather.
type gatherer struct {
	predictor *Predictor

	mu      sync.Mutex
	waiting []*request
	texts   int // of those who wait
	timer   *time.Timer
}

// request is one call that waits.
type request struct {
	ctx     context.Context
	texts   []string
	seconds []string // of pairs
	answers []Prediction
	err     error
	done    chan struct{}
}

func (g *gatherer) predict(ctx context.Context, texts, seconds []string) ([]Prediction, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("run not begun: %w", err)
	}
	r := &request{ctx: ctx, texts: texts, seconds: seconds, done: make(chan struct{})}
	g.add(r)
	select {
	case <-r.done:
		return r.answers, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("run stopped: %w", ctx.Err())
	}
}

// add puts a request into the next batch, and runs the batch when it is full.
func (g *gatherer) add(r *request) {
	most := g.predictor.file.options.Batch
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.texts > 0 && g.texts+len(r.texts) > most {
		go g.run(g.take())
	}
	g.waiting = append(g.waiting, r)
	if g.texts += len(r.texts); g.texts >= most {
		go g.run(g.take())
		return
	}
	if len(g.waiting) == 1 {
		g.timer = time.AfterFunc(g.predictor.file.options.Gather, func() {
			g.mu.Lock()
			due := len(g.waiting) > 0 && g.waiting[0] == r
			var batch []*request
			if due { // else its batch was full before
				batch = g.take()
			}
			g.mu.Unlock()
			g.run(batch)
		})
	}
}

// take returns those who wait. The caller holds the lock.
func (g *gatherer) take() []*request {
	batch := g.waiting
	g.waiting, g.texts = nil, 0
	if g.timer != nil {
		g.timer.Stop()
	}
	return batch
}

// run answers a batch. A caller who has gone is left out; the run is stopped
// when all have.
func (g *gatherer) run(batch []*request) {
	var live []*request
	var texts, seconds []string
	for _, r := range batch {
		if r.ctx.Err() == nil {
			live = append(live, r)
			texts, seconds = append(texts, r.texts...), append(seconds, r.seconds...)
		}
	}
	if len(live) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var left atomic.Int64
	left.Store(int64(len(live)))
	for _, r := range live {
		defer context.AfterFunc(r.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})()
	}
	answers, err := g.predictor.predict(ctx, texts, seconds)
	for _, r := range live {
		switch {
		case err == nil:
			n := len(r.texts)
			r.answers, answers = answers[:n:n], answers[n:]
		case len(live) > 1:
			// One call's trouble is not the others'.
			r.answers, r.err = g.predictor.predict(r.ctx, r.texts, r.seconds)
		default:
			r.err = err
		}
		close(r.done)
	}
}
