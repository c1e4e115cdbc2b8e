package train

import (
	"cmp"
	"slices"

	"espalier/data"
	"espalier/models"
	"espalier/train/step"
)

// Memory estimates what training a model takes with batches of these sizes, which
// data.Dataset.Sizes has. It asks no engine.
func (c Config) Memory(m *models.Model, sizes map[string]int64) (step.Memory, error) {
	of, err := c.withDefaults().estimates(m)
	if err != nil {
		return step.Memory{}, err
	}
	return of(sizes)
}

// estimates returns what training a model takes, by the sizes of a batch.
func (c Config) estimates(m *models.Model) (func(sizes map[string]int64) (step.Memory, error), error) {
	b, err := newBalancing(&c, m.Schema().TaskNames())
	if err != nil {
		return nil, err
	}
	s := c.step(b.Balancer)
	s.Accumulates = c.Accumulate > 1
	all, err := step.NewEstimator(m, s)
	if err != nil {
		return nil, err
	}
	return func(sizes map[string]int64) (step.Memory, error) {
		of, err := all.Memory(sizes)
		copies := int64(2) // the best epoch and the start of this one
		if c.Average > 0 {
			copies += 2 // the average, and what it takes the place of meanwhile
		}
		of.Best *= copies
		return of, err
	}, nil
}

// largestBatches is of how many batches the estimate is looked at.
const largestBatches = 16

// Memory estimates what training on a data set takes: the most of the largest batches
// of its first epoch, with their sizes.
func (t *Trainer) Memory(set *data.Dataset) (most step.Memory, sizes map[string]int64, err error) {
	plan, _, err := t.planner.plan(set, 0, t.states)
	if err != nil {
		return most, nil, err
	}
	type candidate struct {
		sizes map[string]int64
		size  float64
	}
	var batches []candidate
	for _, p := range plan {
		of := candidate{sizes: set.Sizes(p.Examples), size: 1}
		for _, n := range of.sizes { //lint:allow maporder a product of whole numbers
			of.size *= float64(n)
		}
		batches = append(batches, of)
	}
	slices.SortStableFunc(batches, func(a, b candidate) int { return cmp.Compare(b.size, a.size) })
	estimate, err := t.config.estimates(t.model)
	if err != nil {
		return most, nil, err
	}
	for _, b := range batches[:min(largestBatches, len(batches))] {
		of, err := estimate(b.sizes)
		if err != nil {
			return most, nil, err
		}
		if of.Total() > most.Total() {
			most, sizes = of, b.sizes
		}
	}
	return most, sizes, nil
}
