package train

import (
	"fmt"

	"espalier/builder"
	"espalier/train/optim"
	"espalier/train/progress"
)

// block is parameters of one group that the same losses reach. In a step whose
// batch has no label of their tasks they have no gradient: then neither they nor
// their moments change, weight decay included, and the step does not count for
// Adam's bias correction. PyTorch treats a parameter whose grad is None so.
type block struct {
	group   int
	owner   int    // the task whose own it is; -1: several share it
	tasks   []bool // whose losses reach it
	penalty bool   // the sharing structure's reaches it, in every step
	optim   *optim.Optimizer
}

// newBlocks finds the blocks of what a step learns, and returns the number of
// each parameter's.
func (t *Trainer) newBlocks(p *program) (map[string]int, error) {
	var reached []map[*builder.Value]bool
	for _, task := range p.built.Tasks {
		reached = append(reached, ancestors([]*builder.Value{task.Loss}, nil))
	}
	penalty := ancestors([]*builder.Value{p.built.Penalty}, nil)
	c := t.config.Optimizer
	of, numbers := map[string]int{}, map[string]int{}
	for _, v := range p.built.Graph.Parameters() {
		b := block{group: t.groupOf(v.Name()), owner: t.ownerOf(v.Name()), penalty: penalty[v]}
		for _, values := range reached {
			b.tasks = append(b.tasks, values[v])
		}
		key := fmt.Sprint(b.group, b.owner, b.tasks, b.penalty)
		number, ok := numbers[key]
		if !ok {
			var err error
			b.optim, err = optim.New(optim.Config{
				Type: c.Type, Beta1: c.Beta1, Beta2: c.Beta2, Epsilon: c.Epsilon, Momentum: c.Momentum, Nesterov: c.Nesterov,
			})
			if err != nil {
				return nil, err
			}
			number = len(t.blocks)
			numbers[key] = number
			t.blocks = append(t.blocks, b)
		}
		of[v.Name()] = number
	}
	return of, nil
}

// notUpdated reports whether a block is not updated in the step: its group rests, or
// the batch has no label of a task whose loss reaches it. The loss of a task that
// is dropped reaches only what is the task's own. A balancer that remembers
// gradients writes those of what tasks share in every step.
func (t *Trainer) notUpdated(number int) bool {
	b := &t.blocks[number]
	switch {
	case t.rests(b.group):
		return true
	case b.penalty, b.owner < 0 && t.balancer.Needs().Direction && t.balancer.Remembers():
		return false
	}
	for i, reaches := range b.tasks {
		if reaches && t.present[i] && (i == b.owner || t.states[i] != progress.Dropped) {
			return false
		}
	}
	return true
}
