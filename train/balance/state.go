package balance

import (
	"fmt"
	"maps"
	"slices"
)

// State is what a balancer goes on from: named numbers, those that are as many
// as gradients in float32.
type State struct {
	Float64s map[string][]float64
	Float32s map[string][]float32
}

// slot is one slice that a rule remembers. Exactly one pointer is set.
type slot struct {
	name  string
	small *[]float64
	large *[]float32 // a row per task, or nothing before the first step
}

// slots are those of the rule and of the smoothing around it.
func (b *Balancer) slots() []slot {
	var all []slot
	if r, ok := b.rule.(rememberer); ok {
		all = r.memory()
	}
	if b.smooth != nil {
		all = append(all, b.smooth.memory()...)
	}
	return all
}

// Remembers reports whether the method keeps a number for each element of each
// task's row: the rows of all steps must then be of the same parameters.
func (b *Balancer) Remembers() bool {
	for _, at := range b.slots() {
		if at.large != nil {
			return true
		}
	}
	return false
}

// State returns a copy of what the balancer remembers.
func (b *Balancer) State() State {
	s := State{Float64s: map[string][]float64{}, Float32s: map[string][]float32{}}
	for _, at := range b.slots() {
		if at.small != nil {
			s.Float64s[at.name] = slices.Clone(*at.small)
		} else if len(*at.large) > 0 {
			s.Float32s[at.name] = slices.Clone(*at.large)
		}
	}
	return s
}

// Restore goes on from a state that a balancer of the same configuration
// returned. A state that does not fit changes nothing.
func (b *Balancer) Restore(s State) error {
	known := map[string]bool{}
	for _, at := range b.slots() {
		known[at.name] = true
		if at.small != nil {
			from, ok := s.Float64s[at.name]
			if !ok {
				return fmt.Errorf("balance: the state lacks %q, which %s goes on from: it was written with another method or other options", at.name, b.method.Name)
			}
			if len(from) != len(*at.small) {
				return fmt.Errorf("balance: %q of the state has %d numbers, %s over %d tasks has %d: it was written with other tasks", at.name, len(from), b.method.Name, len(b.tasks), len(*at.small))
			}
		} else if n := len(s.Float32s[at.name]); n%len(b.tasks) != 0 {
			return fmt.Errorf("balance: %q of the state has %d numbers, which are not rows of %d tasks: it was written with other tasks", at.name, n, len(b.tasks))
		}
	}
	for _, names := range [][]string{slices.Sorted(maps.Keys(s.Float64s)), slices.Sorted(maps.Keys(s.Float32s))} {
		for _, name := range names {
			if !known[name] {
				return fmt.Errorf("balance: the state has %q, which %s does not know: it was written with another method or other options", name, b.method.Name)
			}
		}
	}
	for _, at := range b.slots() {
		if at.small != nil {
			copy(*at.small, s.Float64s[at.name])
		} else {
			*at.large = slices.Clone(s.Float32s[at.name])
		}
	}
	return nil
}

// largeRow returns task t's row of a memory with a row of n numbers per task,
// all 0 at first.
func largeRow(memory *[]float32, tasks, t, n int) []float32 {
	if len(*memory) != tasks*n {
		*memory = make([]float32, tasks*n)
	}
	return (*memory)[t*n : (t+1)*n]
}
