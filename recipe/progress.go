package recipe

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Stop ends a task's training.
type Stop struct {
	// Patience is after how many epochs without a better value of the task's
	// metric it is done, at least 1.
	Patience int `key:"patience"`
	// Then is what becomes of it: stop (the default), after which its labels do
	// not count and its head stays as it is, freeze, where the head does and the
	// loss goes on shaping the trunk, or drop, where the head goes on learning
	// and the loss moves nothing else.
	Then string `key:"then"`
}

// Rate is the learning rate of a part of the model.
type Rate struct {
	// LR is the factor of optimizer.lr; 1.
	LR float64 `key:"lr"`
	// Frozen keeps the trunk as it starts.
	Frozen bool `key:"frozen,omitempty"`
	// Schedule moves the rate in the place of train.schedule. A plateau looks at
	// what train.select says.
	Schedule Schedule `key:"schedule,omitempty"`
	// LayerDecay multiplies the rate of layer l of n by LayerDecay^(n-1-l), and that of
	// the embeddings by LayerDecay^n; 1.
	LayerDecay float64 `key:"layer_decay"`
	// Unfreeze trains in the first epoch only what is above the trunk's layers, and then
	// every so many epochs one more layer from the top; 0, all from the first on.
	Unfreeze int `key:"unfreeze,omitempty"`
}

// Priorities is the order in which tasks begin, the most important first;
// docs/priorities.md says what becomes of a task in each of its states.
type Priorities struct {
	// Order lists tasks, one after the other; a list in it are tasks that begin
	// together. Tasks that it does not name begin last.
	Order [][]string `key:"order,groups"`
	// By is epoch (the default), or performance, by which the next tasks begin
	// when none of those that began last improves any more.
	By string `key:"by"`
	// Every is after how many epochs the next tasks begin by epoch, or a list of
	// such numbers, one for each step of the order but the last; 1.
	Every   int   `key:"every"`
	Everies []int `key:"every,many"`
	// Patience is after how many epochs without a better value of its metric a
	// task lets the next begin, by performance; 2. Reach are values of metrics,
	// by task, with which it does so at once.
	Patience int                `key:"patience"`
	Reach    map[string]float64 `key:"reach,omitempty"`
	// Earlier is what becomes of the tasks that train when the next begin: train
	// (the default: they go on), freeze, drop or stop, as in a task's stop.
	Earlier string `key:"earlier"`
}

// Shares caps how much of an epoch single tasks take.
type Shares struct {
	// Of is what is counted: steps (the default), those in which labels of a task
	// count, or compute, what its steps cost, counted from the model.
	Of string `key:"of"`
	// Caps are the largest shares, by task, above 0 and at most 1. A task that is
	// not named has no cap.
	Caps map[string]float64 `key:"caps"`
}

// Schedule moves a learning rate.
type Schedule struct {
	// Type is constant (the default), linear, cosine, inverse_sqrt, step or
	// plateau, which lowers the rate when a metric on validation has stopped
	// improving.
	Type string `key:"type"`
	// Warmup is how many steps the rate takes to rise from 0, or below 1 what share of
	// all steps; 0.
	Warmup float64 `key:"warmup"`
	// Final is the share of the rate that is left at the end of linear and
	// cosine; 0.
	Final float64 `key:"final"`
	// Every is after how many epochs step multiplies the rate by factor; 1.
	Every int `key:"every"`
	// Factor is that factor, and by which plateau lowers the rate; 0.5.
	Factor float64 `key:"factor"`
	// Patience is how many epochs plateau lets pass without improvement before
	// the next lowers the rate; 2.
	Patience int `key:"patience"`
	// Min is the share of the rate that plateau never goes below; 0.
	Min float64 `key:"min"`
	// Threshold is by which share of the best value a better one must differ for
	// plateau; 0.0001.
	Threshold float64 `key:"threshold"`
}

// onlyPlateau says that a setting of plateau was given to another schedule. Those of
// other schedules are only not read.
func onlyPlateau(s section, key, chosen string) (at, text string) {
	if readers := s.readers(key); len(readers) == 1 && readers[0] == "plateau" {
		return key, "is for type plateau, not for " + chosen
	}
	return "", ""
}

// schedule checks how a learning rate moves.
func (c *checker) schedule(path string, s *Schedule) {
	c.complete(path, s, nil)
	if s.Type == "plateau" && s.Factor == 1 {
		c.fail(path+".factor", "is 1, with which a plateau lowers nothing; it must be below 1")
	}
}

// progress checks the learning rates of single tasks and of the trunk, when
// tasks are done, and the order in which they begin.
func (c *checker) progress(r *Recipe) {
	for i := range r.Tasks {
		t := &r.Tasks[i]
		path := "tasks." + t.Name
		if c.has(path + ".schedule") {
			c.schedule(path+".schedule", &t.Schedule)
		}
		if c.has(path + ".stop") {
			c.complete(path+".stop", &t.Stop, nil)
		}
	}
	if t := &r.Train.Trunk; c.has("train.trunk") {
		c.complete("train.trunk", t, nil)
		if c.has("train.trunk.schedule") {
			c.schedule("train.trunk.schedule", &t.Schedule)
		}
	}
	if c.has("train.priorities") {
		c.priorities(r)
	}
	if c.has("train.shares") {
		c.shares(r)
	}
}

func (c *checker) shares(r *Recipe) {
	const path = "train.shares."
	s := &r.Train.Shares
	c.complete("train.shares", s, nil)
	if len(s.Caps) == 0 {
		c.fail(path+"caps", "is missing; name tasks with their largest shares, as in {%s: 0.3}", r.Tasks[0].Name)
	}
	tasks := taskNames(r.Tasks)
	for _, name := range slices.Sorted(maps.Keys(s.Caps)) {
		if !slices.Contains(tasks, name) {
			c.fail(path+"caps."+name, "is of a task that is not there; there are %v", tasks)
		}
	}
	if c.err == nil {
		if err := r.Training().Shares.Check(tasks); err != nil {
			c.fail("train.shares", "cannot be: %w", err)
		}
	}
}

func (c *checker) priorities(r *Recipe) {
	const path = "train.priorities."
	p := &r.Train.Priorities
	tasks := taskNames(r.Tasks)
	if len(p.Order) == 0 {
		c.fail(path+"order", "is missing; name the tasks that begin first, as in [%s]", tasks[0])
	}
	for i, group := range p.Order {
		at := fmt.Sprint(path, "order.", i)
		for j, name := range group {
			c.oneOf(cmp.Or(c.inside(fmt.Sprint(at, ".", j)), at), name, tasks...)
		}
	}
	c.complete("train.priorities", p, nil)
	for _, name := range slices.Sorted(maps.Keys(p.Reach)) {
		if !slices.Contains(tasks, name) {
			c.fail(path+"reach."+name, "is of a task that is not there; there are %v", tasks)
		}
	}
	if c.err == nil {
		if err := r.Training().CheckProgress(tasks); err != nil {
			c.fail("train.priorities", "cannot be: %w", err)
		}
	}
}

// inside returns a path that the file has, "" for another.
func (c *checker) inside(path string) string {
	if c.has(path) {
		return path
	}
	return ""
}

func taskNames(tasks []Task) []string {
	var names []string
	for _, t := range tasks {
		names = append(names, t.Name)
	}
	return names
}
