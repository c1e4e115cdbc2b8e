package train

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"espalier/data"
	"espalier/safetensors"
	"espalier/tensor"
	"espalier/train/progress"
	"espalier/train/sample"
)

// samplerState is what a sampler goes on from, in a saved state.
const samplerState = "sample/scores"

// newSampler makes what Config.Sampling asks for, nil for nothing.
func newSampler(c Config, tasks []string) (*sample.Sampler, error) {
	if c.Sampling.Method == "" {
		return nil, nil
	}
	own := c.Sampling
	own.Tasks, own.Epochs, own.Seed = tasks, c.Epochs, c.Seed
	s, err := sample.New(own)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return s, nil
}

// CheckSampling reports a method or a setting that cannot be, before anything is
// compiled.
func (c Config) CheckSampling(tasks []string) error {
	if _, err := newSampler(c.withDefaults(), tasks); err != nil {
		return errors.New(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "train: "), "sample: "))
	}
	return nil
}

// plan returns the steps of an epoch, from 0, with tasks in these states. A
// step that would train none of them is left out.
func (t *Trainer) plan(set *data.Dataset, opts data.BatchOptions, epoch int, states []progress.State) ([]sample.Step, error) {
	var steps []sample.Step
	if t.sampler == nil {
		for _, examples := range set.Plan(opts, epoch) {
			steps = append(steps, sample.Step{Task: -1, Examples: examples})
		}
		return t.trains(set, steps, states), nil
	}
	with := make([][]int, len(states))
	for i, s := range states {
		if s.Counts() {
			with[i] = set.With(i)
		}
	}
	steps, err := t.sampler.Plan(with, sample.Batching{Size: opts.Size, MaxTokens: opts.MaxTokens, Length: set.Length}, epoch)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return steps, nil
}

// EpochSteps is how many steps the first epoch of training on a data set has.
func (c Config) EpochSteps(set *data.Dataset, tasks []string) (int, error) {
	c = c.withDefaults()
	t := &Trainer{config: c, weights: make([]float32, len(tasks))}
	var err error
	if t.sampler, err = newSampler(c, tasks); err != nil {
		return 0, err
	}
	steps, err := t.plan(set, t.batching(), 0, make([]progress.State, len(tasks)))
	return len(steps), err
}

// batching is how examples are grouped in training.
func (t *Trainer) batching() data.BatchOptions {
	return data.BatchOptions{Size: t.config.Batch, MaxTokens: t.config.MaxTokens, Shuffle: true, Seed: t.config.Seed}
}

// trains leaves out the steps without a label that counts, where some do not.
func (t *Trainer) trains(set *data.Dataset, steps []sample.Step, states []progress.State) []sample.Step {
	if !slices.ContainsFunc(states, func(s progress.State) bool { return !s.Counts() }) {
		return steps
	}
	labelled := make([]bool, set.Len())
	for i, s := range states {
		if s.Counts() {
			for _, example := range set.With(i) {
				labelled[example] = true
			}
		}
	}
	return slices.DeleteFunc(steps, func(s sample.Step) bool {
		return !slices.ContainsFunc(s.Examples, func(i int) bool { return labelled[i] })
	})
}

// mask makes labels missing that do not count in this epoch.
func (t *Trainer) mask(b *data.Batch) {
	for i, s := range t.states {
		if !s.Counts() {
			b.Without(i)
		}
	}
}

// layOutSteps counts the steps of the run for the schedules: as if tasks that
// begin by epoch did so, and all others from the first on.
func (t *Trainer) layOutSteps(set *data.Dataset, opts data.BatchOptions) error {
	all, err := t.plan(set, opts, 0, make([]progress.State, len(t.states)))
	if err != nil {
		return err
	}
	total, last := 0, -1
	var states []progress.State
	for epoch := range t.config.Epochs {
		now := make([]progress.State, len(t.states))
		if t.tracker != nil {
			now = t.tracker.Scheduled(epoch)
		}
		if last < 0 || !slices.Equal(now, states) {
			plan, err := t.plan(set, opts, 0, now)
			if err != nil {
				return err
			}
			last, states = len(plan), now
		}
		total += last
	}
	return t.setSchedules(len(all), total)
}

// learnScores tells the sampler how validation went.
func (t *Trainer) learnScores(scores Scores) {
	if t.sampler == nil {
		return
	}
	of := make([]float64, len(scores))
	for i, s := range scores {
		of[i] = s.Value()
	}
	t.sampler.Learn(of)
}

// saveSampler and restoreSampler keep what the sampler learned in a state.
func (t *Trainer) saveSampler(f *safetensors.File) {
	if t.sampler != nil {
		scores := t.sampler.State()
		f.Tensors[samplerState] = tensor.Must(tensor.Of(scores, int64(len(scores))))
	}
}

func (t *Trainer) restoreSampler(f *safetensors.File) error {
	if t.sampler == nil {
		return nil
	}
	saved := f.Tensors[samplerState]
	if saved == nil {
		return errors.New("train: the state is of a run without sampling by task")
	}
	if err := t.sampler.Restore(saved.Float64s()); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}
