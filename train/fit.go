package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"espalier/data"
	"espalier/tensor"
	"espalier/train/progress"
	"espalier/train/score"
)

// Epoch is what happened in one pass over the training data.
type Epoch struct {
	Epoch  int                `json:"epoch"` // from 1
	Steps  int                `json:"steps"` // since the first epoch
	Losses map[string]float64 `json:"losses"`
	// Penalty is the mean over the steps of what the sharing structure added to
	// the losses.
	Penalty float64 `json:"penalty,omitempty"`
	// Balance is how tasks were weighed against each other.
	Balance *Balance `json:"balance,omitempty"`
	// Tasks says how each task did, where one has a rate, an order or an end of
	// its own, and Changes what is another with the next epoch. LR is the
	// trunk's then.
	Tasks   map[string]TaskProgress `json:"tasks,omitempty"`
	Changes []progress.Change       `json:"changes,omitempty"`
	Valid   score.Scores            `json:"valid"`
	// Score is what the epoch is judged by, see [Selection]; nil where nothing that
	// it is made of is defined. Best says that the epoch is the one to keep so far:
	// that with the best score or, before any has one, the last.
	Score   *float64 `json:"score,omitempty"`
	Best    bool     `json:"best"`
	LR      float64  `json:"lr"`
	Seconds float64  `json:"seconds"` // of training, without validation
}

// Progress is told about a running epoch: steps made and steps in all.
type Progress func(epoch, step, steps int, losses []float32)

// Hooks are called while Fit runs; each may be nil.
type Hooks struct {
	Start  func() error            // once, when the data has been checked; an error ends Fit with it
	Before func(*data.Batch) error // of each step; an error ends Fit with it
	Step   Progress
	Epoch  func(Epoch) error // an error ends Fit with it
	Warn   func(string)      // a line that says what may not be as it was meant
}

// Result is what Fit leaves: the trainer holds the best epoch's parameters.
type Result struct {
	Epochs []Epoch
	Best   int // the epoch whose parameters are kept, from 1
}

// Fit trains until the epochs are over, patience ends or ctx does, and then
// brings back the parameters of the epoch that was best on validation. When
// training diverges, the trainer holds the parameters from before the epoch.
func (t *Trainer) Fit(ctx context.Context, set, valid *data.Dataset, hooks Hooks) (*Result, error) {
	t.tellOf(hooks.Warn)
	if err := t.labelled(set); err != nil {
		return nil, err
	}
	if err := t.validated(valid); err != nil {
		return nil, err
	}
	t.weighable(set)
	if note := data.TokenizerNote(set, valid); note != "" {
		t.warn("%s", note)
	}
	opts := t.batching()
	if err := t.layOutSteps(set, opts); err != nil {
		return nil, err
	}
	if t.config.RareWordDropout > 0 {
		t.frequency = set.Frequencies()
	}
	if hooks.Start != nil {
		if err := hooks.Start(); err != nil {
			return nil, err
		}
	}
	res := &Result{}
	for t.epoch < t.config.Epochs && !t.patienceOver() && !t.over() {
		before := t.arena.snapshot()
		e, err := t.runEpoch(ctx, set, valid, opts, hooks)
		if diverged := new(DivergedError); errors.As(err, &diverged) {
			err = errors.Join(err, t.arena.restore(before))
		}
		if err != nil {
			return res, err
		}
		res.Epochs = append(res.Epochs, *e)
		if hooks.Epoch != nil {
			if err := hooks.Epoch(*e); err != nil {
				return res, err
			}
		}
	}
	if res.Best = t.best.epoch; t.best.values == nil {
		return res, nil
	}
	t.ended()
	return res, t.arena.restore(t.best.values)
}

// best is the epoch with the best score on validation.
type best struct {
	values map[string]*tensor.Tensor
	score  float64
	epoch  int
	// tasks is how many the score is made of; 0 where no epoch has had one, and
	// this is the last. An epoch with fewer cannot be held against it.
	tasks int
	// without counts the epochs since that could not.
	without int
}

// take notes an epoch's score, and reports whether it is the one to keep. More
// tasks with a score are better than fewer: a task whose metric is not defined
// for what a model predicts does not win by being left out.
func (b *best) take(score float64, tasks, epoch int) bool {
	switch {
	case tasks < b.tasks:
		b.without++
		return false
	case tasks == b.tasks && tasks > 0 && score <= b.score:
		return false
	}
	*b = best{score: score, tasks: tasks, epoch: epoch}
	return true
}

// patienceOver reports whether the score has not improved for long enough. As
// long as a task waits it has not, and what was before the last one began does
// not count, nor do epochs without a score.
func (t *Trainer) patienceOver() bool {
	since := t.best.epoch
	if t.tracker != nil {
		if t.tracker.Waits() {
			return false
		}
		since = max(since, t.tracker.Began())
	}
	return t.config.Patience > 0 && t.best.tasks > 0 && t.epoch-since-t.best.without >= t.config.Patience
}

// Best returns the parameters of the epoch that was best so far, nil before
// the first has ended.
func (t *Trainer) Best() map[string]*tensor.Tensor { return t.best.values }

// labelled reports a task that has no label in the data at all.
func (t *Trainer) labelled(d *data.Dataset) error {
	for i, task := range t.model.Schema().Tasks {
		if d.Labelled(i) == 0 {
			return fmt.Errorf("train: task %q has no label in the training data", task.Name)
		}
	}
	return nil
}

// morePlans are the epoch's plans of further batches, each in an order of its
// own.
func (t *Trainer) morePlans(set *data.Dataset, opts data.BatchOptions) [][][]int {
	plans := make([][][]int, t.balancer.Needs().Batches)
	for i := range plans {
		own := opts
		own.Seed ^= hashName(fmt.Sprintf("batch_%d", i+1))
		plans[i] = t.batches(set, own, t.epoch)
	}
	return plans
}

// encode makes b the batch of the given examples and counts the labels that have
// a loss.
func (t *Trainer) encode(b *data.Batch, set *data.Dataset, examples []int) {
	set.Fill(b, examples)
	for i, task := range t.model.Schema().Tasks {
		if t.model.Config().Heads[task.Name].CRF {
			b.CountWhole(i)
		}
	}
}

// fill makes the batches of a step and what they draw.
func (t *Trainer) fill(f *feed, set *data.Dataset, s step, more [][][]int, i int, number uint64) error {
	t.encode(&f.batch, set, s.Examples)
	if s.Task >= 0 {
		f.batch.Only(s.Task)
	}
	t.mask(&f.batch)
	for _, task := range s.without {
		f.batch.Without(task)
	}
	if err := t.draw(&f.draws, &f.batch, number, 0); err != nil {
		return err
	}
	for len(f.extra) < len(more) {
		f.extra = append(f.extra, new(feed))
	}
	for j, plan := range more {
		x := f.extra[j]
		t.encode(&x.batch, set, plan[i%len(plan)])
		t.mask(&x.batch)
		if err := t.draw(&x.draws, &x.batch, number, j+1); err != nil {
			return err
		}
	}
	return nil
}

// sums add up what the steps of an epoch tell, by task.
type sums struct {
	losses  []float64 // by label
	labels  []int
	penalty float64 // by step
}

// mean is a task's mean loss, and whether it had a label.
func (s *sums) mean(task int) (float64, bool) {
	if s.labels[task] == 0 {
		return 0, false
	}
	return s.losses[task] / float64(s.labels[task]), true
}

// runEpoch makes an epoch's steps and measures what they led to.
func (t *Trainer) runEpoch(ctx context.Context, set, valid *data.Dataset, opts data.BatchOptions, hooks Hooks) (*Epoch, error) {
	start := time.Now()
	plan, shares, err := t.plan(set, opts, t.epoch, t.states)
	if err != nil {
		return nil, err
	}
	sums, err := t.runSteps(ctx, set, opts, plan, hooks)
	if err != nil {
		return nil, err
	}
	e := &Epoch{
		Epoch: t.epoch + 1, Steps: t.steps, Losses: map[string]float64{}, Penalty: sums.penalty / float64(max(len(plan), 1)),
		LR: t.config.Optimizer.LR * t.groups[0].rate(t.steps), Seconds: time.Since(start).Seconds(),
	}
	for i, task := range t.model.Schema().Tasks {
		if loss, ok := sums.mean(i); ok {
			e.Losses[task.Name] = loss
		}
	}
	if err := t.endEpoch(e, sums); err != nil {
		return nil, err
	}
	if err := t.averaged(func() error { return t.validate(ctx, valid, e) }); err != nil {
		return nil, err
	}
	if err := t.endProgress(e, shares); err != nil {
		return nil, err
	}
	t.epoch++
	return e, nil
}

// runSteps makes the steps of an epoch.
func (t *Trainer) runSteps(ctx context.Context, set *data.Dataset, opts data.BatchOptions, plan []step, hooks Hooks) (*sums, error) {
	n := len(t.model.Schema().Tasks)
	s := &sums{losses: make([]float64, n), labels: make([]int, n)}
	more := t.morePlans(set, opts)
	before := t.steps
	return s, ahead(ctx, len(plan), func(i int, f *feed) error {
		return t.fill(f, set, plan[i], more, i, uint64(before+i+1))
	}, func(i int, f *feed) error {
		if hooks.Before != nil {
			if err := hooks.Before(&f.batch); err != nil {
				return err
			}
		}
		losses, err := t.drawnStep(ctx, &f.batch, &f.draws, f.extra)
		if err != nil {
			return err
		}
		for j, l := range losses {
			s.losses[j] += float64(l) * float64(f.batch.Counts[j])
			s.labels[j] += f.batch.Counts[j]
		}
		s.penalty += float64(t.front().penalty[0])
		if hooks.Step != nil {
			hooks.Step(t.epoch+1, i+1, len(plan), losses)
		}
		return nil
	})
}

// endEpoch tells the balancer of the epoch, and reports what it did.
func (t *Trainer) endEpoch(e *Epoch, s *sums) error {
	losses, seen := make([]float64, len(t.states)), make([]bool, len(t.states))
	for i, state := range t.states {
		if loss, ok := s.mean(i); ok && state != progress.Dropped {
			losses[i], seen[i] = loss, true
		}
	}
	if err := t.balancer.EndEpoch(losses, seen); err != nil {
		return fmt.Errorf("train: epoch %d: %w", t.epoch+1, err)
	}
	e.Balance = t.report.epoch()
	return nil
}

// validate measures the model, and keeps its parameters where they are the best
// so far.
func (t *Trainer) validate(ctx context.Context, valid *data.Dataset, e *Epoch) (err error) {
	if err := t.tuneThresholds(ctx, valid); err != nil {
		return err
	}
	if e.Valid, err = t.Evaluate(ctx, valid); err != nil {
		return err
	}
	for _, s := range e.Valid { // the epoch's last step may have gone wrong
		if math.IsNaN(s.Loss) || math.IsInf(s.Loss, 0) {
			return &DivergedError{Task: s.Task, Step: t.steps, Epoch: e.Epoch, Value: s.Loss}
		}
	}
	t.learnScores(e.Valid)
	score, tasks := t.config.Select.Score(t.judged(e.Valid))
	if tasks > 0 {
		e.Score = &score
	}
	if e.Best = t.best.take(score, tasks, e.Epoch); e.Best {
		t.best.values = t.arena.snapshot()
	}
	t.score = score
	if tasks < t.best.tasks {
		t.score = math.NaN()
	}
	return nil
}
