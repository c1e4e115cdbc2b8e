package step

import (
	"math"
	"slices"

	"espalier/train/optim"
	"espalier/train/progress"
)

// Update moves the parameters by the combined gradients, whose global norm it
// limits, and returns what the norm was. Where that is not finite, nothing is
// updated. rate returns the learning rate of a group; it is asked once for each
// group that is updated.
func (s *Step) Update(rate func(group int) float64) (norm float64) {
	s.idle = s.drops() && !slices.Contains(s.shaping, true)
	defer func() { s.idle = false }()
	norm = s.clip()
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return norm
	}
	rates := make([]float64, s.groups())
	for i := range rates {
		if !s.Rests(i) {
			rates[i] = rate(i)
		}
	}
	s.apply(rates)
	return norm
}

// groups is how many groups of parameters have rates of their own.
func (s *Step) groups() int {
	if s.config.Grouped {
		return 1 + len(s.states)
	}
	return 1
}

// clip limits the norm of all gradients that parameters follow, and returns
// what it was. Those of a task that is dropped are clipped by themselves: else
// it would shape the trunk that way.
func (s *Step) clip() float64 {
	var all [][][]float32
	if !s.config.Grouped && s.lowest <= embeddings {
		all = [][][]float32{{s.params.gradients}}
		for _, t := range s.tables {
			all[0] = append(all[0], t.rows.Sums)
		}
	} else {
		all = s.clipped()
	}
	norm := 0.0
	for _, parts := range all {
		if s.config.ClipNorm > 0 {
			norm = math.Hypot(norm, optim.Clip(s.config.ClipNorm, parts...))
		} else {
			norm = math.Hypot(norm, optim.Norm(parts...))
		}
	}
	return norm
}

// clipped are the gradients of the blocks that are updated: first those that are
// clipped together, then those of each task that is dropped.
func (s *Step) clipped() [][][]float32 {
	all := make([][][]float32, 1+len(s.states))
	add := func(block int, part []float32) {
		at, group := 0, s.blocks[block].group
		if s.notUpdated(block) {
			return
		}
		if group > 0 && s.states[group-1] == progress.Dropped {
			at = group
		}
		all[at] = append(all[at], part)
	}
	for _, r := range s.dense {
		add(r.block, s.params.gradients[r.from:r.to])
	}
	for _, t := range s.tables {
		add(t.block, t.rows.Sums)
	}
	return slices.DeleteFunc(all, func(parts [][]float32) bool { return len(parts) == 0 })
}

// apply makes the optimizers' step. What is not updated keeps its moments, too.
func (s *Step) apply(rates []float64) {
	skipped := make([]bool, len(s.blocks))
	for i := range s.blocks {
		if skipped[i] = s.notUpdated(i); !skipped[i] {
			s.blocks[i].optim.Begin()
		}
	}
	for _, r := range s.dense {
		if b := &s.blocks[r.block]; !skipped[r.block] {
			b.optim.Update(s.params.values[r.from:r.to], s.params.gradients[r.from:r.to], r.slots, rates[b.group]*b.factor, r.decay)
		}
	}
	for _, t := range s.tables {
		b := &s.blocks[t.block]
		switch {
		case skipped[t.block]:
		case s.config.DenseRows:
			b.optim.UpdateTable(t.values, t.rows, t.slots, rates[b.group]*b.factor, 0)
		default:
			b.optim.UpdateRows(t.values, t.rows, t.slots, rates[b.group]*b.factor, 0)
		}
	}
}

// Moments returns the optimizer's moments by parameter and "/first" or "/second".
// The slices are the step's own.
func (s *Step) Moments() map[string][]float32 {
	all := map[string][]float32{}
	add := func(name string, of *optim.Slots, from, to int) {
		if of.First != nil {
			all[name+"/first"] = of.First[from:to:to]
		}
		if of.Second != nil {
			all[name+"/second"] = of.Second[from:to:to]
		}
	}
	for _, r := range s.dense {
		for _, at := range s.params.slots {
			if from := at.offset - r.from; at.offset >= r.from && at.offset < r.to {
				add(at.param.Name, r.slots, from, from+at.param.Size())
			}
		}
	}
	for _, t := range s.tables {
		add(t.param.Name, t.slots, 0, len(t.values))
	}
	return all
}

// Updates returns how many steps each block of parameters was updated in.
func (s *Step) Updates() []int64 {
	counts := make([]int64, len(s.blocks))
	for i := range s.blocks {
		counts[i] = int64(s.blocks[i].optim.Step())
	}
	return counts
}

// SetUpdates resumes from counts that Updates returned.
func (s *Step) SetUpdates(counts []int64) {
	for i, n := range counts {
		s.blocks[i].optim.SetStep(int(n))
	}
}
