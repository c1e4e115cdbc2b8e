package train

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"espalier/data"
	"espalier/runtime"
	"espalier/safetensors"
	"espalier/tensor"
	"espalier/train/balance"
	"espalier/train/progress"
)

// TaskProgress is how a task did in an epoch.
type TaskProgress struct {
	State progress.State `json:"state"`
	// LR is the learning rate of what belongs to the task alone in the epoch's
	// last step; 0 where it rests.
	LR float64 `json:"lr"`
	// Share is the share of the steps that the epoch might have had in which
	// labels of the task counted or, where Config.Shares is of compute, of what
	// they cost. A step that the caps leave to no task is one of them, though it
	// is not made.
	Share float64 `json:"share"`
}

// newProgress makes what Config says of order and ends of tasks.
func (t *Trainer) newProgress() error {
	tasks := t.model.Schema().TaskNames()
	t.states = make([]progress.State, len(tasks))
	if !t.config.apart() {
		return nil
	}
	var err error
	if t.tracker, err = progress.New(t.config.progress(tasks, t.lower())); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	t.states = t.tracker.States()
	if err := t.config.Shares.Check(tasks); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if t.config.Shares.Compute() {
		if t.costs, err = newCosts(t.model); err != nil {
			return err
		}
	}
	t.heads, err = plainHeads(t.config, tasks)
	return err
}

func (c Config) progress(tasks []string, lower []bool) progress.Config {
	p := progress.Config{Tasks: tasks, Lower: lower, Epochs: c.Epochs, Order: c.Priorities, Stop: map[string]progress.Stop{}}
	for name, task := range c.Tasks {
		if task.Stop != (progress.Stop{}) {
			p.Stop[name] = task.Stop
		}
	}
	return p
}

// CheckProgress reports an order of tasks or an end of one that cannot be,
// before anything is compiled.
func (c Config) CheckProgress(tasks []string) error {
	_, err := progress.New(c.withDefaults().progress(tasks, make([]bool, len(tasks))))
	return err
}

// over reports whether no task trains any more.
func (t *Trainer) over() bool { return t.tracker != nil && t.tracker.Over() }

// endProgress takes in the scores of an epoch, and says what was and what
// changes.
func (t *Trainer) endProgress(e *Epoch, shares []float64) error {
	if t.tracker == nil {
		return nil
	}
	e.Tasks = map[string]TaskProgress{}
	values := make([]float64, len(e.Valid))
	for i, s := range e.Valid {
		p := TaskProgress{State: t.states[i], Share: shares[i]}
		if !t.rests(i + 1) {
			p.LR = t.config.Optimizer.LR * t.groups[i+1].rate(t.steps)
		}
		e.Tasks[s.Task] = p
		values[i] = s.Value()
		if g := &t.groups[i+1]; g.plateau != nil && t.states[i].Learns() {
			g.plateau.EndEpoch(values[i])
		}
	}
	if p := t.groups[0].plateau; p != nil && !t.rests(0) {
		p.EndEpoch(t.score)
	}
	e.Changes = t.tracker.EndEpoch(values)
	return t.enter(t.tracker.States())
}

// enter begins an epoch's states. What a step needs to leave a task out of the
// trunk's gradient is compiled when the first is dropped.
func (t *Trainer) enter(states []progress.State) error {
	t.states = states
	if !t.drops() || t.parts != nil {
		return nil
	}
	var err error
	t.parts, err = t.openParts(false, runtime.Options{Threads: t.config.Threads, Deterministic: true})
	return err
}

// drops reports whether a task's loss moves its head and not the trunk.
func (t *Trainer) drops() bool { return slices.Contains(t.states, progress.Dropped) }

// setApart gives the heads of dropped tasks, which balancing does not see, the
// factors that they have without it.
func (t *Trainer) setApart(w balance.Weights, b *data.Batch) {
	for i, state := range t.states {
		t.parts.apart[i] = state == progress.Dropped
		if t.parts.apart[i] && b.Counts[i] > 0 {
			w.Heads[i] = t.heads[i]
		}
	}
}

// plainHeads are the factors of the tasks' heads without balancing: those of
// fixed weights, and 1 with any other method.
func plainHeads(c Config, tasks []string) ([]float64, error) {
	if c.Balance.Method != "" && c.Balance.Method != "fixed" {
		c.Balance = BalanceConfig{Method: "equal"}
	}
	b, err := newBalancer(c, tasks)
	if err != nil {
		return nil, err
	}
	w, err := b.Weigh(&balance.Step{})
	return w.Heads, err
}

// The parts of a saved state that are about tasks' progress.
const (
	trackerState = "progress/tasks"
	groupState   = "progress/groups" // steps before the start of each
	rateState    = "progress/rate_"  // of a plateau, by group
)

func (t *Trainer) saveProgress(f *safetensors.File) {
	if t.tracker == nil {
		return
	}
	put := func(name string, s []float64) { f.Tensors[name] = tensor.Must(tensor.Of(s, int64(len(s)))) }
	put(trackerState, t.tracker.State())
	var counts []float64
	for i, g := range t.groups {
		counts = append(counts, float64(g.begun))
		if g.plateau != nil {
			put(fmt.Sprint(rateState, i), g.plateau.State())
		}
	}
	put(groupState, counts)
}

// restoreProgress goes on from what saveProgress wrote.
func (t *Trainer) restoreProgress(f *safetensors.File, steps int) error {
	if t.tracker == nil {
		return nil
	}
	floats := func(name string) []float64 {
		if v := f.Tensors[name]; v != nil && v.DType() == tensor.Float64 {
			return v.Float64s()
		}
		return nil
	}
	counts := floats(groupState)
	if len(counts) != len(t.groups) || slices.ContainsFunc(counts, func(x float64) bool {
		return !(x >= -1 && x <= float64(steps)) || x != math.Trunc(x)
	}) {
		return errors.New("train: the state is of a run without learning rates, an order or ends of single tasks")
	}
	if err := t.tracker.Restore(floats(trackerState)); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	for i := range t.groups {
		g := &t.groups[i]
		g.begun = int(counts[i])
		if g.plateau == nil {
			continue
		}
		if err := g.plateau.Restore(floats(fmt.Sprint(rateState, i))); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	return t.enter(t.tracker.States())
}
