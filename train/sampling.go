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
func (t *Trainer) batching() data.BatchOptions {
	return data.BatchOptions{Size: t.config.Batch, MaxTokens: t.config.MaxTokens, Shuffle: true, Seed: t.config.Seed}
}

// learnScores tells the sampler how validation went.
func (t *Trainer) learnScores(scores score.Scores) {
	if t.sampler == nil {
		return
	}
	of := make([]float64, len(scores))
	for i, s := range scores {
		if of[i] = s.Skill(); math.IsNaN(t.outlooks[i].Right) { // see judged
			of[i] = math.NaN()
		}
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
