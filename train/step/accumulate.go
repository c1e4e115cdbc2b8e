package step

import (
	"context"
	"slices"
)

// Accumulator makes one update of several batches: a [Reduce] that adds up what each
// batch has before the step goes on with the sum. Start comes before the first Begin of
// an update and Last before that of its last batch; of the others Begin and Compute are
// called alone:
//
//	a.Start(labels, examples) // of all batches together
//	for i, in := range batches {
//		if i == len(batches)-1 {
//			a.Last()
//		}
//		s.Begin(ctx, in)
//		s.Compute(ctx, weights)
//	}
//	s.Combine(ctx, weights, direction)
//	s.Update(rate)
//
// Losses and gradients are then those of one batch of all examples, each loss a mean
// over the labels of all. The zero value adds up the batches of a single worker.
type Accumulator struct {
	// Workers sums over workers, each with as many batches; nil for a single one.
	Workers Reduce

	totals []float64 // of labels by task, and of examples
	agreed bool      // totals are those of all workers
	sums   []*Exchange
	used   int // of sums
	at     int // exchanges of the batch so far
	last   bool
}

// Start begins an update on batches that have so many labels of each task, and so many
// examples, together.
func (a *Accumulator) Start(labels []int, examples int) {
	a.totals, a.agreed, a.last, a.used = a.totals[:0], false, false, 0
	for _, n := range labels {
		a.totals = append(a.totals, float64(n))
	}
	a.totals = append(a.totals, float64(examples))
}

// Last says that the next batch is the update's last.
func (a *Accumulator) Last() { a.last = true }

// Reduce is for [Config].Reduce.
func (a *Accumulator) Reduce(ctx context.Context, x *Exchange) error {
	if x.Stage == Labels {
		return a.labels(ctx, x)
	}
	k := a.at
	a.at++
	switch {
	case k < a.used:
		if err := a.sums[k].Add(x); err != nil {
			return err
		}
	case !a.last:
		if k == len(a.sums) {
			a.sums = append(a.sums, new(Exchange))
		}
		a.sums[k].set(x)
		a.used++
	}
	if !a.last {
		return nil
	}
	if k < a.used {
		*x = *a.sums[k]
	}
	if a.Workers == nil {
		return nil
	}
	return a.Workers(ctx, x)
}

// labels gives each batch the counts of all.
func (a *Accumulator) labels(ctx context.Context, x *Exchange) error {
	a.at = 0
	if !a.agreed && a.Workers != nil {
		x.Numbers = slices.Clone(a.totals)
		if err := a.Workers(ctx, x); err != nil {
			return err
		}
		a.totals = append(a.totals[:0], x.Numbers...)
	}
	a.agreed = true
	copy(x.Numbers, a.totals)
	return nil
}

// set makes x a copy of another exchange, in the memory that it has.
func (x *Exchange) set(other *Exchange) {
	x.Stage, x.Numbers = other.Stage, append(x.Numbers[:0], other.Numbers...)
	x.Dense = setRows(x.Dense, other.Dense)
	x.Tables = slices.Grow(x.Tables, len(other.Tables))[:len(other.Tables)]
	for i, t := range other.Tables {
		to := &x.Tables[i]
		to.Name, to.Dim, to.IDs, to.Sums = t.Name, t.Dim, append(to.IDs[:0], t.IDs...), setRows(to.Sums, t.Sums)
	}
}

func setRows(to, from [][]float32) [][]float32 {
	to = slices.Grow(to, max(len(from)-len(to), 0))[:len(from)]
	for i, row := range from {
		to[i] = append(to[i][:0], row...)
	}
	return to
}
