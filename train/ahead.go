package train

import (
	"cmp"
	"context"

	"espalier/data"
	"espalier/models"
	"espalier/tensor"
	"espalier/train/progress"
	"espalier/train/step"
)

// feed is a batch and what a step on it draws by chance.
type feed struct {
	batch data.Batch
	draws step.Draws
	// features are those of the batch's examples, where they are kept; memory is theirs.
	features []*tensor.Tensor
	memory   [][]float32
	extra    []*feed // further batches, for methods that compare gradients of several
	// totals and examples are how many labels of each task, and how many examples, the
	// batches of a step have together; its first has them.
	totals   []int
	examples int
}

// inFlight is how many feeds there are: one in use and one that is filled
// meanwhile.
const inFlight = 2

// ahead calls use with n feeds, in order, each filled by fill on another
// goroutine while use is busy with the one before it. It ends at the first
// error of either and when ctx does, and leaves no goroutine behind.
func ahead(ctx context.Context, n int, fill, use func(i int, f *feed) error) error {
	ctx, cancel := context.WithCancel(ctx)
	free, ready := make(chan *feed, inFlight), make(chan *feed, inFlight)
	for range inFlight {
		free <- new(feed)
	}
	var failed error // may be read once ready is closed
	go func() {
		defer close(ready)
		for i := range n {
			select {
			case <-ctx.Done():
				return
			case f := <-free:
				if failed = fill(i, f); failed != nil {
					return
				}
				ready <- f
			}
		}
	}()
	defer func() {
		cancel()
		for range ready { // until the goroutine has closed it
		}
	}()
	for i := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, ok := <-ready
		if !ok {
			return cmp.Or(failed, ctx.Err())
		}
		if err := use(i, f); err != nil {
			return err
		}
		free <- f
	}
	return nil
}

// input is what a step reads of the feed.
func (f *feed) input() step.Input {
	return step.Input{Batch: &f.batch.Batch, Labels: f.batch.Counts, Draws: &f.draws, Features: f.features}
}

// fill makes the batches of step i of an epoch, without the labels that do not count
// in the tasks' states.
func (f *feed) fill(from *features, set *data.Dataset, s planned, more [][][]int, i int, states []progress.State) error {
	f.fillBatch(from.model, set, s, states)
	if err := from.give(f, set); err != nil {
		return err
	}
	for len(f.extra) < len(more) {
		f.extra = append(f.extra, new(feed))
	}
	for j, plan := range more {
		x := f.extra[j]
		encode(from.model, &x.batch, set, plan[i%len(plan)])
		mask(&x.batch, states)
		if err := from.give(x, set); err != nil {
			return err
		}
	}
	return nil
}

// fillBatch fills the batch alone.
func (f *feed) fillBatch(m *models.Model, set *data.Dataset, s planned, states []progress.State) {
	encode(m, &f.batch, set, s.Examples)
	if s.Task >= 0 {
		f.batch.Only(s.Task)
	}
	mask(&f.batch, states)
	for _, task := range s.without {
		f.batch.Without(task)
	}
}

// count takes in what the batches of a step have, each filled into another feed.
func (f *feed) count(m *models.Model, set *data.Dataset, batches []planned, scratch *feed, states []progress.State) {
	f.totals, f.examples = make([]int, len(states)), 0
	for _, s := range batches {
		scratch.fillBatch(m, set, s, states)
		for i, n := range scratch.batch.Counts {
			f.totals[i] += n
		}
		f.examples += len(s.Examples)
	}
}

// draw makes the draws of a step, numbered from 1, on its batches.
func (f *feed) draw(s *step.Step, number uint64) error {
	if err := s.Draw(&f.draws, &f.batch.Batch, number, 0); err != nil {
		return err
	}
	for i, x := range f.extra {
		if err := s.Draw(&x.draws, &x.batch.Batch, number, i+1); err != nil {
			return err
		}
	}
	return nil
}
