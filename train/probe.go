package train

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/data"
)

// Probe is what a gradient step on one task alone does to all losses on the
// same batch: a look ahead, after which everything is as it was.
type Probe struct {
	// Before are the tasks' losses as they are evaluated, without dropout.
	Before []float64
	// After[i] are those after a step of the shared parameters down the
	// gradient of task i's loss; nil for a task without labels in the batch.
	After [][]float64
	// Squares are the squared norms of those gradients.
	Squares []float64
}

// Probe looks ahead from the current parameters: one plain gradient step of the
// given rate on each task of the batch in turn, heads left alone (as in Fifty
// et al. 2021). Masks are those of the step that would come next.
func (t *Trainer) Probe(ctx context.Context, b *data.Batch, rate float64) (*Probe, error) {
	if t.plain == nil {
		return nil, fmt.Errorf("train: a look ahead is on the plain gradients of tasks; set the method of balance to equal or fixed, not %s", t.balancer.Method().Name)
	}
	p := &Probe{After: make([][]float64, len(t.weights)), Squares: make([]float64, len(t.weights))}
	var err error
	if p.Before, err = t.lossesOn(ctx, b); err != nil {
		return nil, err
	}
	weights, values := slices.Clone(t.weights), slices.Clone(t.arena.values)
	defer func() {
		copy(t.weights, weights)
		copy(t.arena.values, values)
	}()
	for i := range t.weights {
		if b.Counts[i] == 0 {
			continue
		}
		clear(t.weights)
		t.weights[i] = 1
		if err := t.gradientOn(ctx, b); err != nil {
			return nil, err
		}
		var back func()
		p.Squares[i], back = t.lookAhead(rate)
		p.After[i], err = t.lossesOn(ctx, b)
		back()
		copy(t.arena.values, values)
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

// lossesOn evaluates the losses of a batch.
func (t *Trainer) lossesOn(ctx context.Context, b *data.Batch) ([]float64, error) {
	if err := t.eval.run(ctx, &b.Batch, nil); err != nil {
		return nil, err
	}
	losses := make([]float64, len(t.eval.losses))
	for i, l := range t.eval.losses {
		if losses[i] = float64(l); math.IsNaN(losses[i]) || math.IsInf(losses[i], 0) {
			return nil, fmt.Errorf("train: the loss of task %q is %v where a step is looked ahead; take a smaller one", t.model.Schema().Tasks[i].Name, l)
		}
	}
	return losses, nil
}

// gradientOn computes the gradient of the weighted losses, with the draws of
// the next step.
func (t *Trainer) gradientOn(ctx context.Context, b *data.Batch) error {
	if err := t.draw(&t.draws, b, uint64(t.steps+1), 0); err != nil {
		return err
	}
	return t.reading(b, &t.draws, func() error {
		if err := t.plain.run(ctx, &b.Batch, &t.draws); err != nil {
			return err
		}
		t.sumRows(b)
		return nil
	})
}

// shared reports whether all tasks have a parameter.
func shared(name string) bool { return !strings.HasPrefix(name, "head/") }

// lookAhead moves the shared parameters down the gradient, and returns its
// squared norm and what brings the tables back.
func (t *Trainer) lookAhead(rate float64) (square float64, back func()) {
	move := func(values, gradient []float32) {
		for i, g := range gradient {
			square += float64(g) * float64(g)
			values[i] -= float32(rate * float64(g))
		}
	}
	for _, s := range t.arena.slots {
		if shared(s.param.Name) && t.plain.program.graded[s.param.Name] {
			move(s.value.Float32s(), s.gradient.Float32s())
		}
	}
	var rows [][]float32
	eachRow := func(do func(row, gradient []float32)) {
		for _, s := range t.tables {
			if !shared(s.param.Name) {
				continue
			}
			for i, id := range s.rows.IDs {
				at := int(id) * s.dim
				do(s.values[at:at+s.dim], s.rows.Sums[i*s.dim:(i+1)*s.dim])
			}
		}
	}
	eachRow(func(row, gradient []float32) {
		rows = append(rows, slices.Clone(row))
		move(row, gradient)
	})
	return square, func() {
		i := 0
		eachRow(func(row, _ []float32) {
			copy(row, rows[i])
			i++
		})
	}
}
