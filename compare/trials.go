package compare

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"espalier"
	"espalier/data"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/train/score"
)

// outcome is what a trial left.
type outcome struct {
	run     *espalier.Run
	result  *espalier.Outcome
	answers *score.Answers
	bytes   int64 // of the exported file, once it was exported
	err     error
}

// trainAll trains what is not there yet, o.Jobs models at a time. All learn from
// the data in the cache, which may be nil.
func trainAll(ctx context.Context, cache *data.Cache, trials []*trial, o Options) []*outcome {
	outcomes := make([]*outcome, len(trials))
	var mu sync.Mutex
	var wait sync.WaitGroup
	next, done := 0, 0
	work := func() {
		defer wait.Done()
		for {
			mu.Lock()
			i := next
			next++
			mu.Unlock()
			if i >= len(trials) || ctx.Err() != nil {
				return
			}
			out, kept := attempt(ctx, trials[i], o.Engine, cache)
			mu.Lock()
			outcomes[i] = out
			done++
			if o.Done != nil && ctx.Err() == nil {
				o.Done(Finished{done, len(trials), trials[i].seed, trials[i].model, kept, out.err})
			}
			mu.Unlock()
		}
	}
	for range min(o.Jobs, len(trials)) {
		wait.Add(1)
		go work()
	}
	wait.Wait()
	return outcomes
}

// newCache returns a cache of a recipe's data; nil where it cannot be read, which
// every model will report.
func newCache(r *recipe.Recipe, limit int64) *data.Cache {
	encoder, err := r.Encoder()
	if err != nil || limit < 0 {
		return nil
	}
	return data.NewCache(encoder, limit, r.Sources("train"), r.Sources("valid"), r.Sources("test"))
}

// attempt trains one model, or finds it trained. Whatever goes wrong in it is
// its own.
func attempt(ctx context.Context, t *trial, e runtime.Engine, cache *data.Cache) (out *outcome, kept bool) {
	out = &outcome{}
	defer func() {
		if p := recover(); p != nil {
			out.err = fmt.Errorf("a mistake in the program: %v", p)
		}
	}()
	var started bool
	if out.run, started, out.err = finished(t, e.Name()); out.err != nil {
		return out, false
	}
	if kept = out.run != nil; !kept {
		out.run, _, out.err = espalier.Train(ctx, t.recipe, t.dir, espalier.Options{Engine: e, Resume: started, KeepAnswers: t.answers, Cache: cache})
	}
	if out.err == nil {
		out.result, out.err = out.run.Outcome()
	}
	if out.err == nil && t.answers {
		out.answers, out.err = out.run.Answers()
	}
	return out, kept
}

// Resources compares what the joint model costs with what one model per task
// costs together.
type Resources struct {
	Parameters Cost `json:"parameters"`
	// FileBytes is the size of exported files.
	FileBytes Cost `json:"file_bytes"`
	// TrainSteps and TrainSeconds are of training without validation, the mean
	// over seeds. Models that are trained at the same time share the machine,
	// so that seconds are rough.
	TrainSteps   Cost `json:"train_steps"`
	TrainSeconds Cost `json:"train_seconds"`
}

// Cost is one kind of cost.
type Cost struct {
	Single float64 `json:"single"` // of all single-task models together
	Joint  float64 `json:"joint"`
	// Ratio is joint over single: 0.25 saves three quarters.
	Ratio float64 `json:"ratio"`
}

func (c *Cost) add(single bool, amount float64) {
	if single {
		c.Single += amount
	} else {
		c.Joint += amount
	}
	if c.Single > 0 {
		c.Ratio = c.Joint / c.Single
	}
}

// weigh adds up costs over the seeds of which every model is there, nil where
// there is none. A file that cannot be exported is told of in a failure.
func weigh(ctx context.Context, trials []*trial, outcomes []*outcome, e runtime.Engine) (*Resources, []Failure) {
	broken := map[int]bool{}
	whole := map[int]bool{}
	for i, t := range trials {
		whole[t.seed] = true
		if outcomes[i].err != nil {
			broken[t.seed] = true
		}
	}
	seeds := float64(len(whole) - len(broken))
	if seeds == 0 {
		return nil, nil
	}
	r := &Resources{}
	var failed []Failure
	first := -1
	for i, t := range trials {
		if broken[t.seed] {
			continue
		}
		epochs, err := outcomes[i].run.Epochs()
		for j, epoch := range epochs {
			r.TrainSeconds.add(t.single, epoch.Seconds/seeds)
			if j == len(epochs)-1 {
				r.TrainSteps.add(t.single, float64(epoch.Steps)/seeds)
			}
		}
		if first < 0 {
			first = t.seed
		}
		if err == nil && t.seed == first { // sizes are the same for every seed
			err = r.addSizes(ctx, t, outcomes[i], e)
		}
		if err != nil {
			failed = append(failed, newFailure(t, err))
		}
	}
	return r, failed
}

// addSizes exports a model, verified, and adds its size.
func (r *Resources) addSizes(ctx context.Context, t *trial, out *outcome, e runtime.Engine) error {
	n := out.result.Shared
	for _, own := range out.result.Heads {
		n += own
	}
	r.Parameters.add(t.single, float64(n))
	if out.bytes == 0 {
		report, err := out.run.Export(ctx, filepath.Join(t.dir, "model.onnx"), espalier.ExportOptions{Engines: []runtime.Engine{e}})
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		out.bytes = report.Bytes
	}
	r.FileBytes.add(t.single, float64(out.bytes))
	return nil
}
