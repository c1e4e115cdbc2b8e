package balance

import (
	"fmt"
	"math"
)

// problem is a step as a rule sees it: the tasks that are present and nothing
// of the others.
type problem struct {
	seed   uint64
	number int
	tasks  []int // their numbers among all tasks
	losses []float64
	after  []float64
	gram   *gram
	cross  []float64
	rows   [][]float32
	// activations are what rows are gradients by, nil: parameters.
	activations []Activation
	out         []float32
	// squares of the rows' lengths, for methods that need the rows
	squares []float64
}

// size is the number of tasks.
func (p *problem) size() int { return len(p.tasks) }

// small is what losses count as that are below it, where a method divides by
// them or takes their logarithm.
const small = 1e-8

// problem checks a step for Weigh and leaves out absent tasks.
func (b *Balancer) problem(s *Step) (*problem, error) {
	tasks, err := b.present(s.Present)
	if err != nil {
		return nil, err
	}
	p := &problem{seed: b.seed, number: s.Number, tasks: tasks, out: s.Direction}
	needs := b.Needs()
	if needs.Losses {
		if p.losses, err = b.losses(s.Losses, tasks); err != nil {
			return nil, err
		}
	}
	if needs.Rows || needs.Gram && s.Gram == nil {
		if p.rows, err = b.rows(s, tasks); err != nil {
			return nil, err
		}
	}
	if needs.Rows {
		if err = b.finite(p); err == nil {
			err = b.activations(s, p)
		}
		if err != nil {
			return nil, err
		}
	}
	if needs.Gram {
		if p.gram, err = b.gram(s, p); err != nil {
			return nil, err
		}
	}
	if needs.Batches > 0 {
		if p.cross, err = b.square("cross products of the gradients", s.Cross, tasks); err != nil {
			return nil, err
		}
	}
	if needs.Direction && len(tasks) > 0 && len(s.Direction) != len(p.rows[0]) {
		return nil, fmt.Errorf("balance: %s writes a direction of %d numbers, the step has room for %d", b.method.Name, len(p.rows[0]), len(s.Direction))
	}
	return p, nil
}

// lesson checks a step for Learn.
func (b *Balancer) lesson(s *Step) (*problem, error) {
	tasks, err := b.present(s.Present)
	if err != nil {
		return nil, err
	}
	p := &problem{seed: b.seed, number: s.Number, tasks: tasks}
	if p.losses, err = b.losses(s.Losses, tasks); err != nil {
		return nil, err
	}
	if b.Needs().After {
		p.after, err = b.losses(s.After, tasks)
	}
	return p, err
}

// present returns the numbers of the tasks that are there.
func (b *Balancer) present(flags []bool) ([]int, error) {
	if flags != nil && len(flags) != len(b.tasks) {
		return nil, fmt.Errorf("balance: the step says of %d tasks whether they are present, there are %d", len(flags), len(b.tasks))
	}
	var tasks []int
	for i := range b.tasks {
		if flags == nil || flags[i] {
			tasks = append(tasks, i)
		}
	}
	return tasks, nil
}

// perTask picks the entries of the tasks and checks that they are finite.
func (b *Balancer) perTask(what string, all []float64, tasks []int) ([]float64, error) {
	if len(all) != len(b.tasks) {
		return nil, fmt.Errorf("balance: %s needs the %s of %d tasks, it was given %d", b.method.Name, what, len(b.tasks), len(all))
	}
	of := make([]float64, len(tasks))
	for i, t := range tasks {
		of[i] = all[t]
		if math.IsNaN(of[i]) || math.IsInf(of[i], 0) {
			return nil, fmt.Errorf("balance: the %s of task %q is %v, training has diverged", what, b.tasks[t], of[i])
		}
	}
	return of, nil
}

// losses are those of the tasks, checked for their sign where that matters.
func (b *Balancer) losses(all []float64, tasks []int) ([]float64, error) {
	of, err := b.perTask("loss", all, tasks)
	if err != nil || !b.Needs().Positive {
		return of, err
	}
	for i, t := range tasks {
		if of[i] < 0 {
			return nil, fmt.Errorf("balance: the loss of task %q is %v, %s needs losses that are not negative: use another method", b.tasks[t], of[i], b.method.Name)
		}
	}
	return of, nil
}

func (b *Balancer) rows(s *Step, tasks []int) ([][]float32, error) {
	if len(s.Rows) != len(b.tasks) {
		return nil, fmt.Errorf("balance: %s needs the gradients of %d tasks, it was given %d", b.method.Name, len(b.tasks), len(s.Rows))
	}
	rows := make([][]float32, len(tasks))
	for i, t := range tasks {
		rows[i] = s.Rows[t]
		if rows[i] == nil {
			return nil, fmt.Errorf("balance: task %q is present and has no gradient", b.tasks[t])
		}
		if len(rows[i]) != len(rows[0]) {
			return nil, fmt.Errorf("balance: the gradient of task %q has %d numbers, that of task %q has %d", b.tasks[t], len(rows[i]), b.tasks[tasks[0]], len(rows[0]))
		}
	}
	return rows, nil
}

// finite keeps the rows' sums of squares and reports one that is not finite.
func (b *Balancer) finite(p *problem) error {
	p.squares = make([]float64, len(p.rows))
	for i, row := range p.rows {
		p.squares[i] = squares(row)
		if x := p.squares[i]; math.IsNaN(x) || math.IsInf(x, 0) {
			return notFinite(b.tasks[p.tasks[i]])
		}
	}
	return nil
}

// notFinite is what gradients that are not finite end in.
func notFinite(task string) error {
	return fmt.Errorf("balance: the gradient of task %q is not finite, training has diverged", task)
}

func (b *Balancer) gram(s *Step, p *problem) (*gram, error) {
	g := s.Gram
	tasks := p.tasks
	if g == nil {
		g = Gram(p.rows)
		for i, t := range tasks {
			if x := g[i*len(tasks)+i]; math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, notFinite(b.tasks[t])
			}
		}
		return newGram(len(tasks), g), nil
	}
	g, err := b.square("inner products of the gradients", g, tasks)
	if err != nil {
		return nil, err
	}
	return newGram(len(tasks), g), nil
}

// square picks the entries of the tasks from a matrix of all tasks.
func (b *Balancer) square(what string, all []float64, tasks []int) ([]float64, error) {
	k := len(b.tasks)
	if len(all) != k*k {
		return nil, fmt.Errorf("balance: %s needs the %d %s, it was given %d", b.method.Name, k*k, what, len(all))
	}
	of := make([]float64, 0, len(tasks)*len(tasks))
	for _, i := range tasks {
		for _, j := range tasks {
			x := all[i*k+j]
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, fmt.Errorf("balance: among the %s that of tasks %q and %q is %v, training has diverged", what, b.tasks[i], b.tasks[j], x)
			}
			of = append(of, x)
		}
	}
	return of, nil
}
