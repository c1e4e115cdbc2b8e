package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat"

	"espalier/compare"
	"espalier/train/score"
)

// measured is what is kept of a row.
type measured struct {
	// Figures are in percent, by their titles.
	Figures map[string]scored `json:"figures,omitempty"`
	Cost    *cost             `json:"cost,omitempty"`
	// Comparison is that of the joint model with one model per task.
	Comparison *compare.Result `json:"comparison,omitempty"`
}

// scored is a figure on both splits.
type scored struct {
	Valid spread `json:"valid"`
	Test  spread `json:"test"`
}

// spread is a mean over seeds with the standard deviation.
type spread struct {
	Seeds int     `json:"seeds"`
	Mean  float64 `json:"mean"`
	SD    float64 `json:"sd"`
}

func spreadOf(x []float64) spread {
	if len(x) < 2 {
		return spread{Seeds: len(x), Mean: x[0]}
	}
	mean, sd := stat.MeanStdDev(x, nil)
	return spread{len(x), mean, sd}
}

func (s spread) String() string {
	if s.Seeds < 2 {
		return fmt.Sprintf("%.1f", s.Mean)
	}
	return fmt.Sprintf("%.1f ± %.1f", s.Mean, s.SD)
}

// cost is what a row's runs took.
type cost struct {
	Epochs  int     `json:"epochs"`
	Best    float64 `json:"best_epoch"`       // mean over seeds
	Seconds float64 `json:"seconds_an_epoch"` // of the fastest of all
	Shared  int     `json:"shared_parameters"`
	Heads   int     `json:"task_parameters"`
	Bytes   int64   `json:"file_bytes"` // of the first seed's exported file
}

// measure trains a row's seeds, or reads those that are trained.
func (w row) measure(ctx context.Context, b *bench) (any, error) {
	if w.compared != "" {
		return w.measureCompared(ctx, b)
	}
	many := b.seeds
	if w.seeds > 0 {
		many = w.seeds
	}
	seeds := make([]seedResult, many)
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(b.jobs)
	for seed := range many {
		group.Go(func() error {
			dir := filepath.Join(b.out, w.recipe, fmt.Sprintf("seed-%d", seed+1))
			r, err := fit(running, b.engine, w, seed+1, dir)
			if err != nil {
				return fmt.Errorf("%s, seed %d: %w", w.recipe, seed+1, err)
			}
			seeds[seed] = *r
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return &measured{Figures: w.scores(seeds), Cost: costOf(seeds)}, nil
}

// measureCompared compares the joint model with one model per task.
func (w row) measureCompared(ctx context.Context, b *bench) (any, error) {
	r, err := w.read(1)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s: joint and single-task models\n", w.recipe)
	dir := filepath.Join(b.out, w.recipe)
	if w.folder != "" {
		dir = filepath.Join(b.out, w.folder)
	}
	result, err := compare.Run(ctx, r, dir, b.comparing(b.seeds))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.recipe, err)
	}
	if len(w.figures) == 0 {
		return &measured{Comparison: result}, nil
	}
	var seeds []seedResult
	for _, seed := range result.Seeds {
		s, err := finished(ctx, b.engine, filepath.Join(dir, fmt.Sprintf("seed-%d", seed), "joint-"+w.recipe), seed == 1)
		if err != nil {
			return nil, err
		}
		seeds = append(seeds, *s)
	}
	return &measured{Figures: w.scores(seeds), Cost: costOf(seeds), Comparison: result}, nil
}

// scores are the row's figures.
func (w row) scores(seeds []seedResult) map[string]scored {
	all := map[string]scored{}
	for _, f := range w.figures {
		var valid, test []float64
		for _, s := range seeds {
			valid = append(valid, 100*f.of(s.outcome.Valid, s.outcome.ValidWhole))
			test = append(test, 100*f.of(s.outcome.Test, s.outcome.TestWhole))
		}
		all[f.title] = scored{spreadOf(valid), spreadOf(test)}
	}
	return all
}

// of returns the figure from the scores of a split.
func (f figure) of(scores score.Scores, whole *float64) float64 {
	if f.task == "" && whole != nil {
		return *whole
	}
	if f.task == everyTask {
		return f.mean(scores)
	}
	for _, s := range scores {
		if s.Task == f.task {
			if v, ok := s.Metrics[f.metric]; ok {
				return v
			}
		}
	}
	return math.NaN() // cannot be kept as JSON: an error
}

// mean is the mean of the metric over the tasks that have it.
func (f figure) mean(scores score.Scores) float64 {
	sum, n := 0.0, 0.0
	for _, s := range scores {
		if v, ok := s.Metrics[f.metric]; ok {
			sum, n = sum+v, n+1
		}
	}
	return sum / n
}

func costOf(seeds []seedResult) *cost {
	var best, seconds []float64
	for _, s := range seeds {
		best = append(best, float64(s.outcome.Best))
		seconds = append(seconds, s.epoch)
	}
	c := &cost{
		Epochs: seeds[0].outcome.Epochs, Best: stat.Mean(best, nil), Seconds: slices.Min(seconds),
		Shared: seeds[0].outcome.Shared, Bytes: seeds[0].size,
	}
	for _, n := range seeds[0].outcome.Heads {
		c.Heads += n
	}
	return c
}
