package train

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"espalier/metric"
	"espalier/models"
	"espalier/train/optim"
	"espalier/train/progress"
)

// group is parameters that learn at one rate and rest together: what tasks
// share, which is the first, or what belongs to one task. Without settings of
// single tasks there is one group of all.
type group struct {
	factor   float64
	schedule optim.Schedule
	// begun is the number of steps before the first that the group learned in,
	// which a schedule of its own counts from; -1 until then.
	begun   int
	own     bool
	plateau *progress.Rate // nil: the rate follows from the step
}

// rate is what the optimizer's learning rate is multiplied by in a step.
func (g *group) rate(step int) float64 {
	s := g.schedule
	if g.own && g.begun > 0 {
		s.Total -= g.begun
		step -= g.begun
	}
	x := g.factor * s.At(step)
	if g.plateau != nil {
		x *= g.plateau.Value()
	}
	return x
}

// apart reports whether single tasks have settings of their own: then each has a
// group, and the log of a run says how it does.
func (c Config) apart() bool {
	return len(c.Tasks) > 0 || c.Trunk != (RateConfig{}) || len(c.Priorities.Groups) > 0 || c.Schedule.Type == plateau || len(c.Shares.Caps) > 0
}

const plateau = "plateau"

// checkRates reports the first learning rate that cannot be.
func (c Config) checkRates(tasks []string) error {
	if err := c.Schedule.check(); err != nil {
		return fmt.Errorf("train: schedule: %w", err)
	}
	rates := map[string]RateConfig{"the trunk": c.Trunk}
	for _, name := range slices.Sorted(maps.Keys(c.Tasks)) {
		if !slices.Contains(tasks, name) {
			return fmt.Errorf("train: a learning rate or a stop is given for task %q; the model has %v", name, tasks)
		}
		rates[fmt.Sprintf("task %q", name)] = c.Tasks[name].Rate
	}
	for _, name := range slices.Sorted(maps.Keys(rates)) {
		r := rates[name]
		if !(r.LR >= 0) || math.IsInf(r.LR, 0) {
			return fmt.Errorf("train: the factor of the learning rate of %s is %v, it must be above 0", name, r.LR)
		}
		if err := r.Schedule.check(); r.Schedule.Type != "" && err != nil {
			return fmt.Errorf("train: the schedule of %s: %w", name, err)
		}
	}
	return nil
}

// check reports the first setting that cannot be.
func (s ScheduleConfig) check() error {
	if err := s.of(1, 1).Check(); err != nil {
		return err
	}
	if s.Type == plateau {
		return s.plateau().Check()
	}
	return nil
}

func (s ScheduleConfig) plateau() progress.Plateau {
	return progress.Plateau{Factor: s.Factor, Patience: s.Patience, Min: s.Min, Threshold: s.Threshold}
}

// of is the schedule of a run of so many steps.
func (s ScheduleConfig) of(perEpoch, total int) optim.Schedule {
	return optim.Schedule{
		Type: s.Type, Warmup: s.Warmup, Total: total, Epoch: perEpoch, Final: s.Final, Every: s.Every, Factor: s.Factor,
	}
}

// rates are the settings of the groups, in their order.
func (t *Trainer) rates() []RateConfig {
	rates := []RateConfig{t.config.Trunk}
	if !t.config.apart() {
		return rates
	}
	for _, task := range t.model.Schema().Tasks {
		rates = append(rates, t.config.Tasks[task.Name].Rate)
	}
	return rates
}

// newGroups makes the groups, at the start of a run.
func (t *Trainer) newGroups() error {
	for i, r := range t.rates() {
		g := group{factor: r.LR, own: r.Schedule.Type != "", begun: -1}
		if g.factor == 0 {
			g.factor = 1
		}
		s := t.config.Schedule
		if g.own {
			s = r.Schedule
		}
		if s.Type == plateau {
			var err error
			lower := i > 0 && t.lower()[i-1]
			if g.plateau, err = progress.NewRate(s.plateau(), lower); err != nil {
				return err
			}
		}
		t.groups = append(t.groups, g)
	}
	return nil
}

// lower says of each task whether less of its metric is better.
func (t *Trainer) lower() []bool {
	tasks := t.model.Schema().Tasks
	lower := make([]bool, len(tasks))
	for i := range tasks {
		lower[i] = !metric.HigherIsBetter(t.metricOf(&tasks[i]))
	}
	return lower
}

// setSchedules lays the schedules over the steps of a run.
func (t *Trainer) setSchedules(perEpoch, total int) error {
	for i, r := range t.rates() {
		s := t.config.Schedule
		if t.groups[i].own {
			s = r.Schedule
		}
		t.groups[i].schedule = s.of(perEpoch, total)
		if err := t.groups[i].schedule.Check(); err != nil {
			return err
		}
	}
	return nil
}

// groupOf returns the number of the group that a parameter belongs to.
func (t *Trainer) groupOf(name string) int {
	if len(t.groups) == 1 {
		return 0
	}
	return t.ownerOf(name) + 1
}

// ownerOf returns the number of the task that a parameter belongs to, -1 for a
// shared one.
func (t *Trainer) ownerOf(name string) int {
	task, _ := models.TaskOf(name)
	return t.model.Schema().TaskIndex(task)
}

// rests reports whether nothing of a group moves: a task's own part where it
// does not learn, and the trunk where no task shapes it, or none of a step.
func (t *Trainer) rests(group int) bool {
	if group > 0 {
		return !t.states[group-1].Learns()
	}
	return t.idle || !slices.ContainsFunc(t.states, progress.State.Shapes)
}
