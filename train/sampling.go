package train

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"espalier/data"
	"espalier/safetensors"
	"espalier/tensor"
	"espalier/train/sample"
	"espalier/train/score"
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

// batching is how examples are grouped in training.
func (p *planner) batching() data.BatchOptions {
	return data.BatchOptions{Size: p.config.Batch, MaxTokens: p.config.MaxTokens, Shuffle: true, Seed: p.config.Seed}
}

// learn tells the sampler how validation went.
func (p *planner) learn(scores score.Scores, outlooks []score.Outlook) {
	if p.sampler == nil {
		return
	}
	of := make([]float64, len(scores))
	for i, s := range scores {
		if of[i] = s.Skill(); math.IsNaN(outlooks[i].Right) { // see judged
			of[i] = math.NaN()
		}
	}
	p.sampler.Learn(of)
}

// save and restore keep what the sampler learned in a state.
func (p *planner) save(f *safetensors.File) {
	if p.sampler != nil {
		scores := p.sampler.State()
		f.Tensors[samplerState] = tensor.Must(tensor.Of(scores, int64(len(scores))))
	}
}

func (p *planner) restore(f *safetensors.File) error {
	if p.sampler == nil {
		return nil
	}
	saved := f.Tensors[samplerState]
	if saved == nil {
		return errors.New("train: the state is of a run without sampling by task")
	}
	if err := p.sampler.Restore(saved.Float64s()); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}
