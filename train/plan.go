package train

import (
	"fmt"
	"slices"

	"espalier/data"
	"espalier/train/progress"
	"espalier/train/sample"
)

// step is what one step trains on.
type step struct {
	sample.Step
	without []int // tasks whose labels do not count in it
}

// plan returns the steps of an epoch, from 0, with tasks in these states, and the
// tasks' shares of it. A step that would train no task is left out.
func (t *Trainer) plan(set *data.Dataset, opts data.BatchOptions, epoch int, states []progress.State) ([]step, []float64, error) {
	var steps []step
	if t.sampler == nil {
		for _, examples := range t.batches(set, opts, epoch) {
			steps = append(steps, step{Step: sample.Step{Task: -1, Examples: examples}})
		}
		return t.admitted(set, steps, states)
	}
	with := make([][]int, len(states))
	for i, s := range states {
		if s.Counts() {
			with[i] = set.With(i)
		}
	}
	b := sample.Batching{Size: opts.Size, MaxTokens: opts.MaxTokens, Length: set.Length}
	if len(t.config.Shares.Caps) > 0 {
		b.Limit = t.newLimit(set, with, opts.Size)
	}
	sampled, err := t.sampler.Plan(with, b, epoch)
	if err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	for _, s := range sampled {
		steps = append(steps, step{Step: s})
	}
	return t.admitted(set, steps, states)
}

// admitted are the steps that train a task, with those tasks left out of each
// that would have more than their shares.
func (t *Trainer) admitted(set *data.Dataset, steps []step, states []progress.State) ([]step, []float64, error) {
	if t.tracker == nil {
		return steps, nil, nil
	}
	labelled := make([][]bool, len(states)) // by task and example
	for i, s := range states {
		labelled[i] = make([]bool, set.Len())
		if s.Counts() {
			for _, example := range set.With(i) {
				labelled[i][example] = true
			}
		}
	}
	ledger := progress.NewLedger(t.config.Shares, t.model.Schema().TaskNames())
	var kept []step
	for _, s := range steps {
		present := make([]bool, len(states))
		for i := range present {
			present[i] = (s.Task < 0 || s.Task == i) && slices.ContainsFunc(s.Examples, func(e int) bool { return labelled[i][e] })
		}
		if !slices.Contains(present, true) {
			continue
		}
		cost, err := t.costOf(set, s.Examples)
		if err != nil {
			return nil, nil, err
		}
		takes := ledger.Admit(present, cost)
		for i, there := range present {
			if there && !takes[i] {
				s.without = append(s.without, i)
			}
		}
		if slices.Contains(takes, true) {
			kept = append(kept, s)
		}
	}
	return kept, ledger.Shares(), nil
}

// costOf returns what a step on some examples costs.
func (t *Trainer) costOf(set *data.Dataset, examples []int) (progress.Cost, error) {
	if t.costs == nil {
		return progress.EachStep, nil
	}
	cost, err := t.costs.step(set.Sizes(examples))
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return cost, nil
}

// limit keeps the batches of one task that are drawn to the caps, so that others
// are drawn in their place.
type limit struct {
	trainer *Trainer
	set     *data.Dataset
	ledger  *progress.Ledger
	usual   []float64 // what a step of each task costs
}

func (t *Trainer) newLimit(set *data.Dataset, with [][]int, size int) *limit {
	l := &limit{trainer: t, set: set, ledger: progress.NewLedger(t.config.Shares, t.model.Schema().TaskNames())}
	for i, examples := range with {
		l.usual = append(l.usual, l.cost(i, examples[:min(size, len(examples))]))
	}
	return l
}

// cost is what a step of a task alone costs.
func (l *limit) cost(task int, examples []int) float64 {
	alone := make([]bool, len(l.trainer.states))
	alone[task] = true
	cost, err := l.trainer.costOf(l.set, examples)
	if err != nil {
		return 1 // the same error ends the plan
	}
	_, c := cost(alone)
	return c
}

func (l *limit) May(task int) bool { return l.ledger.May(task, l.usual[task]) }

func (l *limit) Took(task int, examples []int) {
	if task < 0 {
		l.ledger.Take(task, slices.Max(l.usual))
		return
	}
	l.ledger.Take(task, l.cost(task, examples))
}

// mask makes labels missing that do not count in this epoch.
func (t *Trainer) mask(b *data.Batch) {
	for i, s := range t.states {
		if !s.Counts() {
			b.Without(i)
		}
	}
}

// layOutSteps counts the steps of the run for the schedules: as if tasks that
// begin by epoch did so, and all others trained from the first on.
func (t *Trainer) layOutSteps(set *data.Dataset, opts data.BatchOptions) error {
	all, shares, err := t.plan(set, opts, 0, make([]progress.State, len(t.states)))
	if err != nil {
		return err
	}
	uncapped := *t
	uncapped.config.Shares = progress.Shares{}
	for i, task := range t.model.Schema().Tasks {
		c, ok := t.config.Shares.Caps[task.Name]
		if !ok || shares[i] > 0 {
			continue
		}
		_, free, err := uncapped.plan(set, opts, 0, make([]progress.State, len(t.states)))
		if err != nil {
			return err
		}
		if free[i] > 0 { // else no step was drawn of it, which is not the cap's doing
			return fmt.Errorf("train: the cap of %v leaves task %q no step in an epoch of %d; raise it, or make batches smaller", c, task.Name, len(all))
		}
	}
	total, last := 0, -1
	var states []progress.State
	for epoch := range t.config.Epochs {
		now := make([]progress.State, len(t.states))
		if t.tracker != nil {
			now = t.tracker.Scheduled(epoch)
		}
		if last < 0 || !slices.Equal(now, states) {
			plan, _, err := t.plan(set, opts, 0, now)
			if err != nil {
				return err
			}
			last, states = len(plan), now
		}
		total += last
	}
	return t.setSchedules(len(all), total)
}
