package progress

import (
	"fmt"
	"slices"
)

// Shares caps how much of training single tasks take.
type Shares struct {
	// Of is what is counted: steps (the default), those in which a task's labels
	// count, or compute, what they cost.
	Of string
	// Caps are the largest shares of an epoch, by task, above 0 and at most 1,
	// which is none. A task that is not named has none.
	Caps map[string]float64
}

// Counts of shares.
const (
	ofSteps   = "steps"
	ofCompute = "compute"
)

// Compute reports whether what steps cost is counted.
func (s Shares) Compute() bool { return s.Of == ofCompute }

// Check reports the first setting that cannot be.
func (s Shares) Check(tasks []string) error {
	if s.Of != "" && s.Of != ofSteps && s.Of != ofCompute {
		return fmt.Errorf("shares are of %q, which is not one of steps, compute", s.Of)
	}
	sum := 0.0
	for _, name := range sortedNames(s.Caps) {
		if !slices.Contains(tasks, name) {
			return unknownTask("a share is capped of", name, tasks)
		}
		c := s.Caps[name]
		if !(c > 0 && c <= 1) {
			return fmt.Errorf("the cap on the share of task %q is %v, it must be above 0 and at most 1", name, c)
		}
		sum += c
	}
	if len(s.Caps) == len(tasks) && sum < 1-slack {
		return fmt.Errorf("the caps of all tasks add up to %.4g, below 1: there would be steps that no task may take; raise one, or leave one out", sum)
	}
	return nil
}

// slack is by which part of a step a count may be off by rounding.
const slack = 1e-9

// Ledger holds the steps of an epoch to the caps. It counts what each task has
// taken against all that the steps so far took, or would have taken where no task
// might. It is for one goroutine.
type Ledger struct {
	caps  []float64
	used  []float64
	total float64
}

// NewLedger returns the ledger of an epoch in which nothing has happened.
func NewLedger(s Shares, tasks []string) *Ledger {
	l := &Ledger{caps: make([]float64, len(tasks)), used: make([]float64, len(tasks))}
	for i, name := range tasks {
		l.caps[i] = 1
		if c, ok := s.Caps[name]; ok {
			l.caps[i] = c
		}
	}
	return l
}

// May reports whether a task may take a step alone that costs so much: as long
// as it has had less than its share of what has come so far, this step included.
// So it never has more than its share by as much as one step.
func (l *Ledger) May(task int, cost float64) bool {
	return l.caps[task] >= 1 || l.used[task] < l.caps[task]*(l.total+cost)-slack*cost
}

// Take counts a step that one task takes, -1 for none, and what it costs.
func (l *Ledger) Take(task int, cost float64) {
	l.total += cost
	if task >= 0 {
		l.used[task] += cost
	}
}

// Cost is what a step costs in which some tasks take part: each of them, and all
// together.
type Cost func(tasks []bool) (each []float64, all float64)

// Admit says which of the tasks that a step has labels of take part in it, and
// counts it. Of tasks that would have more than their shares, those leave first
// that would exceed theirs by the most. Where none is left, the one takes the
// step alone that may and lacks most to its share; else nobody does.
func (l *Ledger) Admit(present []bool, cost Cost) []bool {
	admitted := slices.Clone(present)
	for {
		costs, all := cost(admitted)
		worst, excess := -1, 1.0
		for i, in := range admitted {
			if !in || l.caps[i] >= 1 {
				continue
			}
			if by := (l.used[i] + costs[i] - slack*all) / (l.caps[i] * (l.total + all)); by > excess {
				worst, excess = i, by
			}
		}
		if worst < 0 {
			break
		}
		admitted[worst] = false
	}
	if !slices.Contains(admitted, true) {
		l.admitOne(present, admitted, cost)
	}
	costs, all := cost(admitted)
	if !slices.Contains(admitted, true) {
		_, all = cost(present)
	}
	l.total += all
	for i, c := range costs {
		if admitted[i] {
			l.used[i] += c
		}
	}
	return admitted
}

// admitOne admits the task that may take a step alone and lacks most.
func (l *Ledger) admitOne(present, admitted []bool, cost Cost) {
	best, most := -1, 0.0
	for i, in := range present {
		if !in {
			continue
		}
		alone := make([]bool, len(present))
		alone[i] = true
		_, c := cost(alone)
		if lacks := l.caps[i]*(l.total+c) - l.used[i]; l.May(i, c) && lacks > most {
			best, most = i, lacks
		}
	}
	if best >= 0 {
		admitted[best] = true
	}
}

// Shares are what the tasks took of the epoch so far.
func (l *Ledger) Shares() []float64 {
	shares := make([]float64, len(l.used))
	for i, u := range l.used {
		if l.total > 0 {
			shares[i] = u / l.total
		}
	}
	return shares
}

// EachStep is the cost where steps are counted: 1 for each task that takes part,
// and for all together.
func EachStep(tasks []bool) (each []float64, all float64) {
	each = make([]float64, len(tasks))
	for i, in := range tasks {
		if in {
			each[i], all = 1, 1
		}
	}
	return each, all
}
