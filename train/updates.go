package train

import (
	"slices"

	"espalier/data"
	"espalier/train/progress"
)

// batches returns the batches of one epoch, from 0. With EpochSteps an epoch is
// a stretch of the batches of that many steps, of passes that follow one another, each in an
// order of its own.
func (p *planner) batches(set *data.Dataset, opts data.BatchOptions, epoch int) [][]int {
	steps := p.config.EpochSteps * max(p.config.Accumulate, 1)
	if steps == 0 {
		return set.Plan(opts, epoch)
	}
	skip, pass := epoch*steps, 0
	if opts.MaxTokens == 0 && opts.Size > 0 && set.Len() > 0 { // all passes have as many batches
		each := (set.Len() + opts.Size - 1) / opts.Size
		skip, pass = skip%each, skip/each
	}
	var all [][]int
	for ; len(all) < skip+steps; pass++ {
		plan := set.Plan(opts, pass)
		if len(plan) == 0 {
			return nil
		}
		if len(all) == 0 && skip >= len(plan) {
			skip -= len(plan)
			continue
		}
		all = append(all, plan...)
	}
	return all[skip : skip+steps]
}

// countedEpochs is how many epochs [Config.Updates] counts at most. Batches are
// drawn anew in each, so that the numbers differ a little.
const countedEpochs = 10

// Updates counts, for one task and one epoch, the steps whose batch has a label of
// the task and the labelled examples in them.
type Updates struct{ Steps, Examples int }

// Updates returns how many steps one epoch of training on a data set has, and the
// updates of every task: the largest numbers of up to ten epochs, in which all tasks
// train, without caps on their shares.
func (c Config) Updates(set *data.Dataset, tasks []string) (steps int, updates []Updates, err error) {
	c = c.withDefaults()
	p := &planner{config: c, tasks: tasks}
	if p.sampler, err = newSampler(c, tasks); err != nil {
		return 0, nil, err
	}
	p.config.Shares = progress.Shares{}
	updates = make([]Updates, len(tasks))
	labels := labelled(set, len(tasks))
	for epoch := range countedEpochs {
		if p.sampler != nil { // its shares may move from the first epoch to the last
			if epoch >= c.Epochs {
				break
			}
			epoch = epoch * max(c.Epochs-1, 1) / max(min(c.Epochs, countedEpochs)-1, 1)
		}
		plan, _, err := p.plan(set, epoch, make([]progress.State, len(tasks)))
		if err != nil {
			return 0, nil, err
		}
		steps = max(steps, p.updates(len(plan)))
		for i := range tasks {
			var n Updates
			for update := range slices.Chunk(plan, c.Accumulate) {
				seen := 0
				for _, s := range update {
					seen += s.count(i, labels[i])
				}
				if seen > 0 {
					n.Steps, n.Examples = n.Steps+1, n.Examples+seen
				}
			}
			updates[i] = Updates{max(updates[i].Steps, n.Steps), max(updates[i].Examples, n.Examples)}
		}
	}
	return steps, updates, nil
}

// labelled says of each task which examples have a label of it.
func labelled(set *data.Dataset, tasks int) [][]bool {
	all := make([][]bool, tasks)
	for i := range all {
		all[i] = make([]bool, set.Len())
		for _, example := range set.With(i) {
			all[i][example] = true
		}
	}
	return all
}

// count returns how many examples of the step have a label of the task that it
// trains on; labelled says which have one.
func (s planned) count(task int, labelled []bool) int {
	if s.Task >= 0 && s.Task != task {
		return 0
	}
	n := 0
	for _, e := range s.Examples {
		if labelled[e] {
			n++
		}
	}
	return n
}
