package train

import (
	"errors"
	"fmt"
	"math"
	"slices"

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

// newTracker makes what Config says of order and ends of tasks; nil where no task has
// settings of its own.
func newTracker(c *Config, tasks []string, lower []bool) (*progress.Tracker, error) {
	if !c.apart() {
		return nil, nil
	}
	t, err := progress.New(c.progress(tasks, lower))
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if err := c.Shares.Check(tasks); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return t, nil
}

func (c Config) progress(tasks []string, lower []bool) progress.Config {
	p := progress.Config{
		Tasks: tasks, Lower: lower, Epochs: c.Epochs, Order: c.Priorities, Stop: map[string]progress.Stop{},
		Kept: map[string]bool{}, KeptTrunk: c.Trunk.Frozen,
	}
	for name, task := range c.Tasks {
		p.Kept[name] = task.Rate.Frozen
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
		if !t.step.Rests(i + 1) {
			p.LR = t.rates.of(i+1, t.steps)
		}
		e.Tasks[s.Task] = p
		values[i] = s.Value()
		if t.states[i].Learns() {
			t.rates.endEpoch(i+1, values[i])
		}
	}
	if !t.step.Rests(0) {
		t.rates.endEpoch(0, t.chooser.last)
	}
	e.Changes = t.tracker.EndEpoch(values)
	return t.enter(t.tracker.States())
}

// enter begins an epoch's states.
func (t *Trainer) enter(states []progress.State) error {
	t.states = states
	return t.step.SetStates(states)
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

// Names in a saved state of tasks' progress.
const (
	trackerState = "progress/tasks"
	groupState   = "progress/groups" // steps before the start of each
	rateState    = "progress/rate_"  // of a plateau, by group
)

// saveProgress adds the states of tasks and the learning rates to a saved state.
func saveProgress(f *safetensors.File, t *progress.Tracker, r *rates) {
	if t == nil {
		return
	}
	put := func(name string, s []float64) { f.Tensors[name] = tensor.Must(tensor.Of(s, int64(len(s)))) }
	put(trackerState, t.State())
	var counts []float64
	for i, g := range r.groups {
		counts = append(counts, float64(g.begun))
		if g.plateau != nil {
			put(fmt.Sprint(rateState, i), g.plateau.State())
		}
	}
	put(groupState, counts)
}

// restoreProgress goes on from what saveProgress wrote.
func restoreProgress(f *safetensors.File, t *progress.Tracker, r *rates, steps int) error {
	if t == nil {
		return nil
	}
	floats := func(name string) []float64 {
		if v := f.Tensors[name]; v != nil && v.DType() == tensor.Float64 {
			return v.Float64s()
		}
		return nil
	}
	counts := floats(groupState)
	if len(counts) != len(r.groups) || slices.ContainsFunc(counts, func(x float64) bool {
		return !(x >= -1 && x <= float64(steps)) || x != math.Trunc(x)
	}) {
		return errors.New("train: the state is of a run without learning rates, an order or ends of single tasks")
	}
	if err := t.Restore(floats(trackerState)); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	for i := range r.groups {
		g := &r.groups[i]
		g.begun = int(counts[i])
		if g.plateau == nil {
			continue
		}
		if err := g.plateau.Restore(floats(fmt.Sprint(rateState, i))); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	return nil
}
