package train

import (
	"fmt"
	"slices"

	"espalier/data"
	"espalier/models"
	"espalier/train/progress"
	"espalier/train/sample"
	"espalier/train/step"
)

// planned is what one step trains on.
type planned struct {
	sample.Step
	without []int // tasks whose labels do not count in it
}

// planner lays out the steps of epochs.
type planner struct {
	config  Config
	tasks   []string
	sampler *sample.Sampler // nil: examples as they come
	apart   bool            // tasks wait, end or have caps
	costs   *step.Costs     // of steps; nil where nothing asks for them
}

// newPlanner makes what Config asks for.
func newPlanner(c Config, m *models.Model) (*planner, error) {
	p := &planner{config: c, tasks: m.Schema().TaskNames(), apart: c.apart()}
	var err error
	if p.sampler, err = newSampler(c, p.tasks); err != nil {
		return nil, err
	}
	if p.apart && c.Shares.Compute() {
		p.costs, err = step.NewCosts(m)
	}
	return p, err
}

// plan returns the steps of an epoch, from 0, with tasks in these states, and the
// tasks' shares of it. A step that would train no task is left out.
func (p *planner) plan(set *data.Dataset, epoch int, states []progress.State) ([]planned, []float64, error) {
	opts := p.batching()
	var steps []planned
	if p.sampler == nil {
		for _, examples := range p.batches(set, opts, epoch) {
			steps = append(steps, planned{Step: sample.Step{Task: -1, Examples: examples}})
		}
		return p.admitted(set, steps, states)
	}
	with := make([][]int, len(states))
	for i, s := range states {
		if s.Counts() {
			with[i] = set.With(i)
		}
	}
	b := sample.Batching{Size: opts.Size, MaxTokens: opts.MaxTokens, Length: set.Length}
	if len(p.config.Shares.Caps) > 0 {
		b.Limit = p.newLimit(set, with, opts.Size)
	}
	sampled, err := p.sampler.Plan(with, b, epoch)
	if err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	for _, s := range sampled {
		steps = append(steps, planned{Step: s})
	}
	return p.admitted(set, steps, states)
}

// admitted are the steps that train a task, with those tasks left out of each
// that would have more than their shares.
func (p *planner) admitted(set *data.Dataset, steps []planned, states []progress.State) ([]planned, []float64, error) {
	if !p.apart {
		return steps, nil, nil
	}
	labelled := make([][]bool, len(states)) // by task and example
	for i, s := range states {
		labelled[i] = make([]bool, set.Len())
		if s.Counts() {
			for _, example := range set.With(i) {
				labelled[i][example] = true
			}
		}
	}
	ledger := progress.NewLedger(p.config.Shares, p.tasks)
	var kept []planned
	for _, s := range steps {
		present := make([]bool, len(states))
		for i := range present {
			present[i] = (s.Task < 0 || s.Task == i) && slices.ContainsFunc(s.Examples, func(e int) bool { return labelled[i][e] })
		}
		if !slices.Contains(present, true) {
			continue
		}
		cost, err := p.costOf(set, s.Examples)
		if err != nil {
			return nil, nil, err
		}
		takes := ledger.Admit(present, cost)
		for i, there := range present {
			if there && !takes[i] {
				s.without = append(s.without, i)
			}
		}
		if slices.Contains(takes, true) {
			kept = append(kept, s)
		}
	}
	return kept, ledger.Shares(), nil
}

// costOf returns what a step on some examples costs.
func (p *planner) costOf(set *data.Dataset, examples []int) (progress.Cost, error) {
	if p.costs == nil {
		return progress.EachStep, nil
	}
	cost, err := p.costs.Step(set.Sizes(examples))
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return cost, nil
}

// limit keeps the batches of one task that are drawn to the caps, so that others
// are drawn in their place.
type limit struct {
	planner *planner
	set     *data.Dataset
	ledger  *progress.Ledger
	usual   []float64 // what a step of each task costs
}

func (p *planner) newLimit(set *data.Dataset, with [][]int, size int) *limit {
	l := &limit{planner: p, set: set, ledger: progress.NewLedger(p.config.Shares, p.tasks)}
	for i, examples := range with {
		l.usual = append(l.usual, l.cost(i, examples[:min(size, len(examples))]))
	}
	return l
}

// cost is what a step of a task alone costs.
func (l *limit) cost(task int, examples []int) float64 {
	alone := make([]bool, len(l.planner.tasks))
	alone[task] = true
	cost, err := l.planner.costOf(l.set, examples)
	if err != nil {
		return 1 // the same error ends the plan
	}
	_, c := cost(alone)
	return c
}

func (l *limit) May(task int) bool { return l.ledger.May(task, l.usual[task]) }

func (l *limit) Took(task int, examples []int) {
	if task < 0 {
		l.ledger.Take(task, slices.Max(l.usual))
		return
	}
	l.ledger.Take(task, l.cost(task, examples))
}

// count counts the steps of an epoch and of the run, for the schedules: as if tasks
// that begin by epoch did so, and all others trained from the first on.
func (p *planner) count(set *data.Dataset, tracker *progress.Tracker) (perEpoch, total int, err error) {
	all, shares, err := p.plan(set, 0, make([]progress.State, len(p.tasks)))
	if err != nil {
		return 0, 0, err
	}
	if err := p.starved(set, shares, len(all)); err != nil {
		return 0, 0, err
	}
	last := -1
	var states []progress.State
	for epoch := range p.config.Epochs {
		now := make([]progress.State, len(p.tasks))
		if tracker != nil {
			now = tracker.Scheduled(epoch)
		}
		if last < 0 || !slices.Equal(now, states) {
			plan, _, err := p.plan(set, 0, now)
			if err != nil {
				return 0, 0, err
			}
			last, states = p.updates(len(plan)), now
		}
		total += last
	}
	return p.updates(len(all)), total, nil
}

// updates is how many steps so many batches make.
func (p *planner) updates(batches int) int {
	each := max(p.config.Accumulate, 1)
	return (batches + each - 1) / each
}

// starved reports a task whose cap leaves it no step of an epoch.
func (p *planner) starved(set *data.Dataset, shares []float64, steps int) error {
	uncapped := *p
	uncapped.config.Shares = progress.Shares{}
	for i, task := range p.tasks {
		c, ok := p.config.Shares.Caps[task]
		if !ok || shares[i] > 0 {
			continue
		}
		_, free, err := uncapped.plan(set, 0, make([]progress.State, len(p.tasks)))
		if err != nil {
			return err
		}
		if free[i] > 0 { // else no step was drawn of it, which is not the cap's doing
			return fmt.Errorf("train: the cap of %v leaves task %q no step in an epoch of %d; raise it, or make batches smaller", c, task, steps)
		}
	}
	return nil
}

// more are an epoch's plans of n further batches a step, each in an order of its own.
func (p *planner) more(set *data.Dataset, epoch, n int) [][][]int {
	plans := make([][][]int, n)
	for i := range plans {
		own := p.batching()
		own.Seed = step.ExtraSeed(own.Seed, i+1)
		plans[i] = p.batches(set, own, epoch)
	}
	return plans
}

// mask makes labels of tasks missing that do not count in their states.
func mask(b *data.Batch, states []progress.State) {
	for i, s := range states {
		if !s.Counts() {
			b.Without(i)
		}
	}
}
