package step

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
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
// et al. 2021). The step must be plain, and it is this worker's own: nothing is
// summed over workers.
func (s *Step) Probe(ctx context.Context, in Input, rate float64) (*Probe, error) {
	p := &Probe{After: make([][]float64, len(s.states)), Squares: make([]float64, len(s.states))}
	if err := s.complete(ctx, &in); err != nil {
		return nil, err
	}
	var err error
	if p.Before, err = s.lossesOn(ctx, &in); err != nil {
		return nil, err
	}
	weights, values := slices.Clone(s.weights), slices.Clone(s.params.values)
	defer func() {
		copy(s.weights, weights)
		copy(s.params.values, values)
	}()
	for i, n := range in.Labels {
		if n == 0 {
			continue
		}
		clear(s.weights)
		s.weights[i], s.weights[len(s.states)] = 1, 1
		if err := s.plain.run(ctx, &in); err != nil {
			return nil, err
		}
		s.sumRows(&in)
		var back func()
		p.Squares[i], back = s.lookAhead(rate)
		p.After[i], err = s.lossesOn(ctx, &in)
		back()
		copy(s.params.values, values)
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

// lossesOn evaluates the losses of a batch.
func (s *Step) lossesOn(ctx context.Context, in *Input) ([]float64, error) {
	of, err := s.Evaluate(ctx, Input{Batch: in.Batch, Features: in.Features})
	if err != nil {
		return nil, err
	}
	losses := make([]float64, len(of))
	for i, l := range of {
		if losses[i] = float64(l); math.IsNaN(losses[i]) || math.IsInf(losses[i], 0) {
			return nil, fmt.Errorf("train: the loss of task %q is %v where a step is looked ahead; take a smaller one", s.model.Schema().Tasks[i].Name, l)
		}
	}
	return losses, nil
}

// shared reports whether all tasks have a parameter.
func shared(name string) bool { return !strings.HasPrefix(name, "head/") }

// lookAhead moves the shared parameters down the gradient, and returns its
// squared norm and what brings the tables back.
func (s *Step) lookAhead(rate float64) (square float64, back func()) {
	move := func(values, gradient []float32) {
		for i, g := range gradient {
			square += float64(g) * float64(g)
			values[i] -= float32(rate * float64(g))
		}
	}
	for _, at := range s.params.slots {
		if shared(at.param.Name) && s.plain.program.graded[at.param.Name] {
			move(at.value.Float32s(), at.gradient.Float32s())
		}
	}
	var rows [][]float32
	eachRow := func(do func(row, gradient []float32)) {
		for _, t := range s.tables {
			if !shared(t.param.Name) {
				continue
			}
			for i, id := range t.rows.IDs {
				at := int(id) * t.dim
				do(t.values[at:at+t.dim], t.rows.Sums[i*t.dim:(i+1)*t.dim])
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
