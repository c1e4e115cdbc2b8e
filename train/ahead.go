package train

import (
	"cmp"
	"context"

	"espalier/data"
)

// feed is a batch and what a step on it draws by chance.
type feed struct {
	batch data.Batch
	draws draws
	extra []*feed // further batches, for methods that compare gradients of several
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

// answered runs the evaluation on all of a data set and calls do with each
// batch when its answers are there.
func (t *Trainer) answered(ctx context.Context, d *data.Dataset, do func(b *data.Batch) error) error {
	plan := d.Plan(data.BatchOptions{Size: t.config.Batch, MaxTokens: t.config.MaxTokens}, 0)
	return ahead(ctx, len(plan), func(i int, f *feed) error {
		t.encode(&f.batch, d, plan[i])
		return nil
	}, func(_ int, f *feed) error {
		if err := t.eval.run(ctx, &f.batch.Batch, nil); err != nil {
			return err
		}
		return do(&f.batch)
	})
}
