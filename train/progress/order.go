package progress

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/internal/nearest"
)

// Order is the order in which tasks begin, the most important first.
type Order struct {
	// Groups are tasks that begin together, one group after the other; tasks
	// that are in none begin last, together. Without groups all begin at once.
	Groups [][]string
	// By is epoch (the default) or performance.
	By string
	// Every is, by epoch, how many epochs pass before the next group begins:
	// one number for all groups, or one for each but the last.
	Every []int
	// Patience is, by performance, after how many epochs without improvement of
	// any of a group's tasks the next group begins.
	Patience int
	// Reach are, by performance, values of tasks' metrics: a task that has
	// reached its own waits for no further improvement.
	Reach map[string]float64
	// Earlier is what becomes of the tasks that trained before when the next
	// group begins: train (the default), freeze, drop or stop.
	Earlier string
}

// Ways in which the next group begins.
const (
	byEpoch       = "epoch"
	byPerformance = "performance"
)

// check reports the first setting that cannot be.
func (o Order) check(tasks []string, epochs int) error {
	if len(o.Groups) == 0 {
		return nil
	}
	seen := map[string]bool{}
	for _, g := range o.Groups {
		if len(g) == 0 {
			return fmt.Errorf("the order has an empty group")
		}
		for _, name := range g {
			switch {
			case !slices.Contains(tasks, name):
				return unknownTask("the order names", name, tasks)
			case seen[name]:
				return fmt.Errorf("the order names task %q twice", name)
			}
			seen[name] = true
		}
	}
	if _, ok := endings[o.Earlier]; !ok && o.Earlier != "" && o.Earlier != "train" {
		return fmt.Errorf("earlier tasks are to %q, which is not one of train, freeze, drop, stop", o.Earlier)
	}
	groups := len(o.groups(tasks))
	if groups < 2 {
		return fmt.Errorf("the order has all tasks in one group, nothing comes after it; leave some out or divide it")
	}
	switch o.By {
	case "", byEpoch:
		return o.checkEpochs(groups, epochs)
	case byPerformance:
		return o.checkPerformance(tasks)
	}
	return fmt.Errorf("the next tasks begin by %q, which is not one of epoch, performance", o.By)
}

func (o Order) checkEpochs(groups, epochs int) error {
	if len(o.Every) != 1 && len(o.Every) != groups-1 {
		return fmt.Errorf("every has %d numbers, it must have 1, or %d: one for each group but the last", len(o.Every), groups-1)
	}
	total := 0
	for i := range groups - 1 {
		n := o.every(i)
		if n < 1 {
			return fmt.Errorf("the next tasks begin after %d epochs, it must be at least 1", n)
		}
		total += n
	}
	if total >= epochs {
		return fmt.Errorf("the last tasks would begin after %d epochs, and there are %d; lower every or train longer", total, epochs)
	}
	if len(o.Reach) > 0 || o.Patience != 0 {
		return fmt.Errorf("patience and reach are for an order by performance, this one is by epoch")
	}
	return nil
}

func (o Order) checkPerformance(tasks []string) error {
	switch {
	case len(o.Every) > 0:
		return fmt.Errorf("every is for an order by epoch, this one is by performance")
	case o.Patience < 1:
		return fmt.Errorf("the patience of the order is %d, it must be at least 1", o.Patience)
	}
	for _, name := range sortedNames(o.Reach) {
		if !slices.Contains(tasks, name) {
			return unknownTask("a value to reach is given for", name, tasks)
		}
		if v := o.Reach[name]; math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("task %q is to reach %v, it must be a finite number", name, v)
		}
	}
	return nil
}

func (o Order) every(group int) int {
	if len(o.Every) == 1 {
		return o.Every[0]
	}
	return o.Every[group]
}

// groups are the groups as the tasks' numbers, with the one of tasks that are
// not named.
func (o Order) groups(tasks []string) [][]int {
	var groups [][]int
	named := map[string]bool{}
	for _, g := range o.Groups {
		var of []int
		for _, name := range g {
			of = append(of, slices.Index(tasks, name))
			named[name] = true
		}
		groups = append(groups, of)
	}
	var rest []int
	for i, name := range tasks {
		if !named[name] {
			rest = append(rest, i)
		}
	}
	if len(rest) > 0 {
		groups = append(groups, rest)
	}
	return groups
}

func unknownTask(what, name string, tasks []string) error {
	if near := nearest.Word(name, tasks); near != "" {
		return fmt.Errorf("%s task %q, which is not there; did you mean %q?", what, name, near)
	}
	return fmt.Errorf("%s task %q; there are %s", what, name, strings.Join(tasks, ", "))
}
