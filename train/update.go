package train

import (
	"math"
	"slices"

	"espalier/train/optim"
	"espalier/train/progress"
)

// update moves the parameters by the gradients of the arena and the tables.
func (t *Trainer) update(step int) error {
	if norm := t.clip(); math.IsNaN(norm) || math.IsInf(norm, 0) {
		return &DivergedError{Step: step, Epoch: t.epoch + 1, Value: norm}
	}
	t.apply(step)
	t.average.update(t.arena.byName, step)
	return nil
}

// clip limits the norm of all gradients that parameters follow, and returns
// what it was. Those of a task that is dropped are clipped by themselves: else
// it would shape the trunk that way.
func (t *Trainer) clip() float64 {
	var all [][][]float32
	if len(t.groups) == 1 {
		all = [][][]float32{{t.arena.gradients}}
		for _, s := range t.tables {
			all[0] = append(all[0], s.rows.Sums)
		}
	} else {
		all = t.gradientParts()
	}
	norm := 0.0
	for _, parts := range all {
		if t.config.ClipNorm > 0 {
			norm = math.Hypot(norm, optim.Clip(t.config.ClipNorm, parts...))
		} else {
			norm = math.Hypot(norm, optim.Norm(parts...))
		}
	}
	return norm
}

// gradientParts are the gradients of the blocks that are updated: first those
// that are clipped together, then those of each task that is dropped.
func (t *Trainer) gradientParts() [][][]float32 {
	all := make([][][]float32, 1+len(t.states))
	add := func(block int, part []float32) {
		at, group := 0, t.blocks[block].group
		if t.notUpdated(block) {
			return
		}
		if group > 0 && t.states[group-1] == progress.Dropped {
			at = group
		}
		all[at] = append(all[at], part)
	}
	for _, r := range t.dense {
		add(r.block, t.arena.gradients[r.from:r.to])
	}
	for _, s := range t.tables {
		add(s.block, s.rows.Sums)
	}
	return slices.DeleteFunc(all, func(parts [][]float32) bool { return len(parts) == 0 })
}

// apply makes the optimizers' step. What is not updated keeps its moments, too.
func (t *Trainer) apply(step int) {
	rates := make([]float64, len(t.groups))
	for i := range t.groups {
		g := &t.groups[i]
		if t.rests(i) {
			continue
		}
		if g.begun < 0 {
			g.begun = step - 1
		}
		rates[i] = t.config.Optimizer.LR * g.rate(step)
	}
	skipped := make([]bool, len(t.blocks))
	for i := range t.blocks {
		if skipped[i] = t.notUpdated(i); !skipped[i] {
			t.blocks[i].optim.Begin()
		}
	}
	for _, r := range t.dense {
		if b := &t.blocks[r.block]; !skipped[r.block] {
			b.optim.Update(t.arena.values[r.from:r.to], t.arena.gradients[r.from:r.to], r.slots, rates[b.group], r.decay)
		}
	}
	for _, s := range t.tables {
		b := &t.blocks[s.block]
		switch {
		case skipped[s.block]:
		case t.config.Optimizer.Dense:
			b.optim.UpdateTable(s.values, s.rows, s.slots, rates[b.group], 0)
		default:
			b.optim.UpdateRows(s.values, s.rows, s.slots, rates[b.group], 0)
		}
	}
}
