package train

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"espalier/metric"
	"espalier/schema"
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
	warmup  float64        // of the schedule: steps or, below 1, a share of them
	plateau *progress.Rate // nil: the rate follows from the step
}

// rate is what the optimizer's learning rate is multiplied by in a step.
func (g *group) rate(step int) float64 {
	s := g.schedule
	if g.own && g.begun > 0 {
		s.Total -= g.begun
		s.Warmup = optim.WarmupSteps(g.warmup, s.Total)
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
	if s.Warmup > 1 && s.Warmup != math.Trunc(s.Warmup) {
		return fmt.Errorf("warmup is %v, it must be a whole number of steps or, below 1, a share of all of them", s.Warmup)
	}
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
		Type: s.Type, Warmup: optim.WarmupSteps(s.Warmup, total), Total: total, Epoch: perEpoch, Final: s.Final, Every: s.Every, Factor: s.Factor,
	}
}

// rateConfigs are the settings of the groups, in their order.
func (c *Config) rateConfigs(tasks []string) []RateConfig {
	rates := []RateConfig{c.Trunk}
	if !c.apart() {
		return rates
	}
	for _, name := range tasks {
		rates = append(rates, c.Tasks[name].Rate)
	}
	return rates
}

// scheduleOf is the schedule of a group, its own or that of all.
func (c *Config) scheduleOf(r RateConfig) ScheduleConfig {
	if r.Schedule.Type != "" {
		return r.Schedule
	}
	return c.Schedule
}

// rates are the learning rates of the groups of a run.
type rates struct {
	lr      float64
	configs []ScheduleConfig
	groups  []group
}

// newRates makes the groups, at the start of a run. lower says of each task whether
// less of its metric is better.
func newRates(c *Config, tasks []string, lower []bool) (*rates, error) {
	all := &rates{lr: c.Optimizer.LR}
	for i, r := range c.rateConfigs(tasks) {
		g := group{factor: r.LR, warmup: c.scheduleOf(r).Warmup, own: r.Schedule.Type != "", begun: -1}
		if g.factor == 0 {
			g.factor = 1
		}
		s := c.scheduleOf(r)
		if s.Type == plateau {
			var err error
			if g.plateau, err = progress.NewRate(s.plateau(), i > 0 && lower[i-1]); err != nil {
				return nil, err
			}
		}
		all.configs, all.groups = append(all.configs, s), append(all.groups, g)
	}
	return all, nil
}

// of is the learning rate of a group in a step.
func (r *rates) of(group, step int) float64 { return r.lr * r.groups[group].rate(step) }

// begin is the learning rate of a group in a step that it learns in.
func (r *rates) begin(group, step int) float64 {
	if g := &r.groups[group]; g.begun < 0 {
		g.begun = step - 1
	}
	return r.of(group, step)
}

// layOut lays the schedules over the steps of a run.
func (r *rates) layOut(perEpoch, total int) error {
	for i, c := range r.configs {
		r.groups[i].schedule = c.of(perEpoch, total)
		if err := r.groups[i].schedule.Check(); err != nil {
			return err
		}
	}
	return nil
}

// unfrozen is how many layers of the trunk an epoch, from 0, trains; the embeddings are
// one more.
func (c *Config) unfrozen(epoch int) int {
	switch {
	case c.Unfreeze == 0:
		return math.MaxInt32
	case epoch <= 0:
		return 0
	}
	return 1 + (epoch-1)/c.Unfreeze
}

// unfreeze begins an epoch's layers.
func (t *Trainer) unfreeze() {
	if t.config.Unfreeze > 0 {
		t.step.Unfreeze(t.config.unfrozen(t.epoch))
	}
}

// follows reports whether a task's metric moves its learning rate.
func (r *rates) follows(task int) bool { return r.groups[task+1].plateau != nil }

// endEpoch gives a group's plateau, if it has one, the value that it looks at.
func (r *rates) endEpoch(group int, value float64) {
	if p := r.groups[group].plateau; p != nil {
		p.EndEpoch(value)
	}
}

// lower says of each task whether less of its metric is better.
func (c *Config) lower(s *schema.Schema) []bool {
	lower := make([]bool, len(s.Tasks))
	for i := range s.Tasks {
		lower[i] = !metric.HigherIsBetter(c.metricOf(&s.Tasks[i]))
	}
	return lower
}
