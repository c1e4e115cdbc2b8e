package recipe

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// schedule checks how a learning rate moves.
func (c *checker) schedule(path string, s *Schedule) {
	path += "."
	c.oneOf(path+"type", s.Type, "constant", "linear", "cosine", "inverse_sqrt", "step", "plateau")
	c.atLeast(path+"warmup", s.Warmup, 0)
	if !(s.Final >= 0 && s.Final <= 1) {
		c.fail(path+"final", "is %v, it must be between 0 and 1", s.Final)
	}
	c.atLeast(path+"every", s.Every, 1)
	if !(s.Factor > 0 && s.Factor <= 1) {
		c.fail(path+"factor", "is %v, it must be above 0 and at most 1", s.Factor)
	}
	if s.Type == "plateau" && s.Factor == 1 {
		c.fail(path+"factor", "is 1, with which a plateau lowers nothing; it must be below 1")
	}
	c.atLeast(path+"patience", s.Patience, 0)
	if !(s.Min >= 0 && s.Min <= 1) {
		c.fail(path+"min", "is %v, it must be between 0 and 1", s.Min)
	}
	c.positive(path+"threshold", s.Threshold, true)
	for _, key := range ofPlateau {
		if s.Type != "plateau" && c.has(path+key) {
			c.fail(path+key, "is for type plateau, not for %s", s.Type)
		}
	}
}

// progress checks the learning rates of single tasks and of the trunk, when
// tasks are done, and the order in which they begin.
func (c *checker) progress(r *Recipe) {
	for i := range r.Tasks {
		t := &r.Tasks[i]
		path := "tasks." + t.Name
		c.positive(path+".lr", t.LR, false)
		if c.has(path + ".schedule") {
			c.schedule(path+".schedule", &t.Schedule)
		}
		if c.has(path + ".stop") {
			c.atLeast(path+".stop.patience", t.Stop.Patience, 1)
			c.oneOf(path+".stop.then", t.Stop.Then, "stop", "freeze", "drop")
		}
	}
	if t := &r.Train.Trunk; c.has("train.trunk") {
		c.positive("train.trunk.lr", t.LR, false)
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
	c.oneOf(path+"of", s.Of, "steps", "compute")
	if len(s.Caps) == 0 {
		c.fail(path+"caps", "is missing; name tasks with their largest shares, as in {%s: 0.3}", r.Tasks[0].Name)
	}
	tasks := taskNames(r.Tasks)
	for _, name := range slices.Sorted(maps.Keys(s.Caps)) {
		if !slices.Contains(tasks, name) {
			c.fail(path+"caps."+name, "is of a task that is not there; there are %v", tasks)
		}
		if x := s.Caps[name]; !(x > 0 && x <= 1) {
			c.fail(path+"caps."+name, "is %v, it must be above 0 and at most 1", x)
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
	c.oneOf(path+"by", p.By, "epoch", "performance")
	c.oneOf(path+"earlier", p.Earlier, "train", "freeze", "drop", "stop")
	c.atLeast(path+"every", p.Every, 1)
	for i, n := range p.Everies {
		c.atLeast(fmt.Sprint(path, "every.", i), n, 1)
	}
	c.atLeast(path+"patience", p.Patience, 1)
	for _, name := range slices.Sorted(maps.Keys(p.Reach)) {
		if !slices.Contains(tasks, name) {
			c.fail(path+"reach."+name, "is of a task that is not there; there are %v", tasks)
		}
	}
	for _, key := range p.unused() {
		if c.has(path + key) {
			c.fail(path+key, "is not for an order by %s", p.By)
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
