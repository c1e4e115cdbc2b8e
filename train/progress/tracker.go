package progress

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Stop says when a task is done, and what becomes of it then.
type Stop struct {
	// Patience is after how many epochs without a better value of the task's
	// metric it is done; 0: never.
	Patience int
	// Then is stop (the default), freeze or drop.
	Then string
}

// Config says how tasks progress.
type Config struct {
	Tasks []string
	// Lower says of each task whether less of its metric is better.
	Lower []bool
	// Epochs is how many there will be at most.
	Epochs int
	Order  Order
	Stop   map[string]Stop
	// Kept are tasks that never begin: their heads stay as they start. With KeptTrunk
	// all others train as if dropped, and what tasks share stays as it starts.
	Kept      map[string]bool
	KeptTrunk bool
}

// begun is the state of a task that has begun.
func (c *Config) begun() State {
	if c.KeptTrunk {
		return Dropped
	}
	return Training
}

// ending is the state of a task that is done, and false where it goes on.
func (c *Config) ending(then string) (State, bool) {
	s, ok := endings[then]
	if s == Frozen && c.KeptTrunk {
		s = Stopped // its loss has nothing to shape
	}
	return s, ok
}

// Tracker keeps the states of all tasks. It is for one goroutine.
type Tracker struct {
	config Config
	groups [][]int
	states []State
	tasks  []watch // from when they began
	// phase is the group that began last, since the epochs that were over then.
	phase, since, epoch int
}

// New checks a configuration and returns the states before the first epoch.
func New(c Config) (*Tracker, error) {
	if err := c.Order.check(c.Tasks, c.Epochs); err != nil {
		return nil, err
	}
	for _, name := range sortedNames(c.Stop) {
		s := c.Stop[name]
		if !slices.Contains(c.Tasks, name) {
			return nil, unknownTask("stop is set of", name, c.Tasks)
		}
		if _, ok := endings[s.Then]; !ok && s.Then != "" {
			return nil, fmt.Errorf("task %q is then to %q, which is not one of stop, freeze, drop", name, s.Then)
		}
		if s.Patience < 1 {
			return nil, fmt.Errorf("the patience of task %q is %d, it must be at least 1", name, s.Patience)
		}
	}
	t := &Tracker{config: c, groups: c.Order.groups(c.Tasks), states: make([]State, len(c.Tasks)), tasks: make([]watch, len(c.Tasks))}
	for i := range t.tasks {
		t.tasks[i] = newWatch(c.Lower[i])
	}
	for phase, g := range t.groups {
		for _, i := range g {
			if t.states[i] = Waiting; phase == 0 {
				t.states[i] = c.begun()
			}
		}
	}
	t.keep(t.states)
	return t, nil
}

// keep sets the states of tasks that never begin.
func (t *Tracker) keep(states []State) {
	for i, name := range t.config.Tasks {
		if t.config.Kept[name] {
			states[i] = Stopped
		}
	}
}

// States are those of the coming epoch. The slice is the caller's.
func (t *Tracker) States() []State { return slices.Clone(t.states) }

// Scheduled are the states in an epoch, from 0, as far as they follow from its
// number alone: tasks that begin by epoch wait until then, all others train.
func (t *Tracker) Scheduled(epoch int) []State {
	states := make([]State, len(t.states))
	for i := range states {
		states[i] = t.config.begun()
	}
	defer t.keep(states)
	if t.config.Order.By == byPerformance {
		return states
	}
	earlier, changes := t.config.ending(t.config.Order.Earlier)
	begins := 0
	for phase, g := range t.groups {
		for _, i := range g {
			switch {
			case epoch < begins:
				states[i] = Waiting
			case changes && phase+1 < len(t.groups) && epoch >= begins+t.config.Order.every(phase):
				states[i] = earlier
			}
		}
		if phase+1 < len(t.groups) {
			begins += t.config.Order.every(phase)
		}
	}
	return states
}

// Began returns how many epochs were over when the group began that began last.
func (t *Tracker) Began() int { return t.since }

// Waits reports whether a task has not begun.
func (t *Tracker) Waits() bool { return slices.Contains(t.states, Waiting) }

// Over reports whether there is nothing left to train.
func (t *Tracker) Over() bool {
	return !slices.ContainsFunc(t.states, func(s State) bool { return s != Stopped })
}

// Watches reports whether the task's metric decides anything, so that
// validation data must have labels of it.
func (t *Tracker) Watches(task int) bool {
	name := t.config.Tasks[task]
	if t.config.Stop[name].Patience > 0 {
		return true
	}
	last := len(t.groups) - 1
	return t.config.Order.By == byPerformance && !slices.Contains(t.groups[last], task)
}

// EndEpoch takes the tasks' metrics after an epoch and returns what changes with the
// next. A metric that is not defined is NaN: that epoch counts neither for nor
// against the task.
func (t *Tracker) EndEpoch(values []float64) []Change {
	t.epoch++
	was := t.States()
	why := make([]string, len(t.states))
	for i, s := range t.states {
		if s == Waiting || s == Stopped {
			continue
		}
		t.tasks[i].see(values[i], 0)
		stop := t.config.Stop[t.config.Tasks[i]]
		if s == t.config.begun() && stop.Patience > 0 && t.tasks[i].bad >= stop.Patience {
			if t.states[i], _ = t.config.ending(cmp.Or(stop.Then, "stop")); t.states[i] == s {
				continue // it goes on as it was
			}
			why[i] = fmt.Sprintf("no better than %.4g for %s", t.tasks[i].best, epochs(t.tasks[i].bad))
		}
	}
	if t.phase+1 < len(t.groups) {
		if reason := t.phaseOver(); reason != "" {
			t.nextPhase(reason, why)
		}
	}
	var changes []Change
	for i, s := range t.states {
		if s != was[i] {
			changes = append(changes, Change{Task: t.config.Tasks[i], From: was[i], To: s, Why: why[i]})
		}
	}
	return changes
}

// phaseOver says why the next group begins; "" when it does not yet.
func (t *Tracker) phaseOver() string {
	o := t.config.Order
	if !slices.ContainsFunc(t.states, State.Learns) {
		return "no other task learns any more"
	}
	if o.By != byPerformance {
		if n := t.epoch - t.since; n >= o.every(t.phase) {
			return fmt.Sprintf("%s of those before are over", epochs(n))
		}
		return ""
	}
	for _, i := range t.groups[t.phase] {
		over := t.tasks[i].bad >= o.Patience
		if math.IsNaN(t.tasks[i].best) { // nothing says that the task is to be waited for
			over = t.epoch-t.since >= o.Patience
		}
		if t.states[i] == t.config.begun() && !over && !t.reached(i) {
			return ""
		}
	}
	return "those before have come as far as they do"
}

// reached reports whether a task has come to the value that it is to reach.
func (t *Tracker) reached(task int) bool {
	goal, ok := t.config.Order.Reach[t.config.Tasks[task]]
	best := t.tasks[task].best
	if t.config.Lower[task] {
		return ok && best <= goal
	}
	return ok && best >= goal
}

func (t *Tracker) nextPhase(reason string, why []string) {
	earlier, changes := t.config.ending(t.config.Order.Earlier)
	for i, s := range t.states {
		if changes && s == t.config.begun() {
			t.states[i], why[i] = earlier, "the next tasks begin"
		}
	}
	t.phase++
	t.since = t.epoch
	for _, i := range t.groups[t.phase] {
		t.states[i], why[i] = t.config.begun(), reason
	}
	t.keep(t.states)
}

// State is what the tracker goes on from, and Restore brings it back.
func (t *Tracker) State() []float64 {
	s := []float64{float64(t.epoch), float64(t.phase), float64(t.since)}
	for i := range t.states {
		s = append(append(s, float64(t.states[i])), t.tasks[i].state()...)
	}
	return s
}

// Restore goes on from what State returned. On an error the tracker is as it
// was.
func (t *Tracker) Restore(state []float64) error {
	misfit := errors.New("the state is of other tasks")
	const each = 1 + watchState
	if len(state) != 3+each*len(t.states) {
		return misfit
	}
	whole := func(x float64, limit int) bool { return x >= 0 && x <= float64(limit) && x == math.Trunc(x) }
	if !whole(state[0], math.MaxInt32) || !whole(state[1], len(t.groups)-1) || !whole(state[2], math.MaxInt32) {
		return misfit
	}
	states, tasks := slices.Clone(t.states), slices.Clone(t.tasks)
	for i := range states {
		of := state[3+each*i : 3+each*(i+1)]
		if !whole(of[0], len(stateNames)-1) || !tasks[i].restore(of[1:]) {
			return misfit
		}
		states[i] = State(of[0])
	}
	t.epoch, t.phase, t.since = int(state[0]), int(state[1]), int(state[2])
	t.states, t.tasks = states, tasks
	return nil
}

func epochs(n int) string {
	if n == 1 {
		return "1 epoch"
	}
	return fmt.Sprintf("%d epochs", n)
}

func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
