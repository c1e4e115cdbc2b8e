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
	"espalier/train/step"
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

// OnStep is called after each step of a running epoch, with the steps made, the steps
// in all and the losses, valid until it returns.
type OnStep func(epoch, step, steps int, losses []float32)

// Hooks are called while Fit runs; each may be nil.
type Hooks struct {
	Start  func() error            // once, when the data has been checked; an error ends Fit with it
	Before func(*data.Batch) error // of each step; an error ends Fit with it
	Step   OnStep
	Epoch  func(Epoch) error // an error ends Fit with it
	Warn   func(string)      // a line that says what may not be as it was meant
	Log    func(string)      // a line that says what training does
}

func (h *Hooks) log(format string, args ...any) {
	if h.Log != nil {
		h.Log(fmt.Sprintf(format, args...))
	}
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
	t.warnings.tell(hooks.Warn)
	if err := t.check(set, valid); err != nil {
		return nil, err
	}
	perEpoch, total, err := t.planner.count(set, t.tracker)
	if err != nil {
		return nil, err
	}
	if err := t.rates.layOut(perEpoch, total); err != nil {
		return nil, err
	}
	if t.config.RareWordDropout > 0 {
		t.step.SetFrequencies(set.Frequencies())
	}
	if err := t.setWords(set); err != nil {
		return nil, err
	}
	if hooks.Start != nil {
		if err := hooks.Start(); err != nil {
			return nil, err
		}
	}
	if err := t.features.compute(ctx, &t.config, hooks.log, set, valid); err != nil {
		return nil, err
	}
	res := &Result{}
	for t.epoch < t.config.Epochs && !t.chooser.patienceOver(t.epoch, t.tracker) && (t.tracker == nil || !t.tracker.Over()) {
		e, err := t.runEpoch(ctx, set, valid, hooks)
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
	if res.Best = t.chooser.best.epoch; t.Best() == nil {
		return res, nil
	}
	t.chooser.ended(t.epoch, &t.warnings)
	return res, t.step.Parameters().Restore(t.Best())
}

// check reports data that nothing can be learned from or chosen by, and warns of what
// is probably not meant.
func (t *Trainer) check(set, valid *data.Dataset) error {
	for i, task := range t.model.Schema().Tasks {
		if set.Labelled(i) == 0 && !t.config.Tasks[task.Name].Rate.Frozen {
			return fmt.Errorf("train: task %q has no label in the training data", task.Name)
		}
	}
	err := t.chooser.validated(valid, func(task int) bool {
		return t.tracker != nil && (t.tracker.Watches(task) || t.rates.follows(task))
	}, &t.warnings)
	if err != nil {
		return err
	}
	if layers := t.step.Layers(); t.config.unfrozen(t.config.Epochs-1) < layers+1 {
		t.warnings.add("train.trunk.unfreeze: %d epochs unfreeze %d of the trunk's %d layers and not the embeddings; what is below stays as it is given",
			t.config.Epochs, t.config.unfrozen(t.config.Epochs-1), layers)
	}
	if note := t.balancing.idle(t.config, set); note != "" {
		t.warnings.add("%s", note)
	}
	if note := data.TokenizerNote(set, valid); note != "" {
		t.warnings.add("%s", note)
	}
	return nil
}

// setWords tells the step which tokens word dropout replaces, where the ids are those
// of a tokenizer.json.
func (t *Trainer) setWords(set *data.Dataset) error {
	v := set.Vocabulary()
	if v == nil || !v.OwnIDs() {
		return nil
	}
	if v.Unknown() < 0 && (t.config.WordDropout > 0 || t.config.RareWordDropout > 0) {
		return fmt.Errorf("train: word_dropout and rare_word_dropout read tokens as the unknown one, and the tokenizer.json has none; set both to 0")
	}
	w := step.Words{Unknown: v.Unknown(), Kept: []int64{v.Padding()}}
	for id := range int64(v.Size()) {
		if v.IsSpecial(id) {
			w.Kept = append(w.Kept, id)
		}
	}
	t.step.SetWords(w)
	return nil
}

// Best returns the parameters of the epoch that was best so far, nil before
// the first has ended.
func (t *Trainer) Best() map[string]*tensor.Tensor { return t.chooser.best.values }

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

// runEpoch makes an epoch. When it diverges, the parameters are those from before.
func (t *Trainer) runEpoch(ctx context.Context, set, valid *data.Dataset, hooks Hooks) (*Epoch, error) {
	before := t.step.Parameters().Snapshot()
	e, err := t.measuredEpoch(ctx, set, valid, hooks)
	if diverged := new(DivergedError); errors.As(err, &diverged) {
		err = errors.Join(err, t.step.Parameters().Restore(before))
	}
	return e, err
}

// measuredEpoch makes an epoch's steps and measures what they led to.
func (t *Trainer) measuredEpoch(ctx context.Context, set, valid *data.Dataset, hooks Hooks) (*Epoch, error) {
	start := time.Now()
	t.unfreeze()
	plan, shares, err := t.planner.plan(set, t.epoch, t.states)
	if err != nil {
		return nil, err
	}
	sums, err := t.runSteps(ctx, set, plan, hooks)
	if err != nil {
		return nil, err
	}
	e := &Epoch{
		Epoch: t.epoch + 1, Steps: t.steps, Losses: map[string]float64{}, Penalty: sums.penalty / float64(max(t.planner.updates(len(plan)), 1)),
		LR: t.rates.of(0, t.steps), Seconds: time.Since(start).Seconds(),
	}
	for i, task := range t.model.Schema().Tasks {
		if loss, ok := sums.mean(i); ok {
			e.Losses[task.Name] = loss
		}
	}
	if e.Balance, err = t.balancing.endEpoch(sums, t.states); err != nil {
		return nil, fmt.Errorf("train: epoch %d: %w", e.Epoch, err)
	}
	if err := t.average.during(t.step.Parameters(), func() error { return t.validate(ctx, valid, e) }); err != nil {
		return nil, err
	}
	if err := t.endProgress(e, shares); err != nil {
		return nil, err
	}
	t.epoch++
	return e, nil
}

// runSteps makes the steps of an epoch.
func (t *Trainer) runSteps(ctx context.Context, set *data.Dataset, plan []planned, hooks Hooks) (*sums, error) {
	n := len(t.model.Schema().Tasks)
	s := &sums{losses: make([]float64, n), labels: make([]int, n)}
	more := t.planner.more(set, t.epoch, t.balancing.Needs().Batches)
	each := t.config.Accumulate
	before, updates := t.steps*each, t.planner.updates(len(plan))
	var scratch feed
	var totals []int
	return s, ahead(ctx, len(plan), func(i int, f *feed) error {
		if err := f.fill(t.features, set, plan[i], more, i, t.states); err != nil {
			return err
		}
		switch {
		case each == 1:
			f.totals, f.examples = f.batch.Counts, len(f.batch.Examples)
		case i%each == 0:
			f.count(t.model, set, plan[i:min(i+each, len(plan))], &scratch, t.states)
		}
		return f.draw(t.step, uint64(before+i+1))
	}, func(i int, f *feed) error {
		if hooks.Before != nil {
			if err := hooks.Before(&f.batch); err != nil {
				return err
			}
		}
		first, last := i%each == 0, (i+1)%each == 0 || i == len(plan)-1
		if first {
			totals = append(totals[:0], f.totals...)
		}
		losses, err := t.drawnStep(ctx, f, first, last)
		if err != nil || !last {
			return err
		}
		for j, l := range losses {
			s.losses[j] += float64(l) * float64(totals[j])
			s.labels[j] += totals[j]
		}
		s.penalty += float64(t.step.Penalty())
		if hooks.Step != nil {
			hooks.Step(t.epoch+1, i/each+1, updates, losses)
		}
		return nil
	})
}

// validate measures the model, and keeps its parameters where they are the best
// so far.
func (t *Trainer) validate(ctx context.Context, valid *data.Dataset, e *Epoch) (err error) {
	updated := func(task int) bool { return t.tracker == nil || !t.step.Rests(task+1) }
	if err := t.evaluator.tuneThresholds(ctx, valid, updated); err != nil {
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
	t.planner.learn(e.Valid, t.chooser.outlooks)
	t.chooser.take(e, t.step.Parameters().Snapshot)
	return nil
}
