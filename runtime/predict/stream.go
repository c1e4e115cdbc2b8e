package predict

import (
	"context"
	"iter"
)

// Stream answers for any number of texts, in their order, [Options].Batch at a
// time: no more texts than that are taken from the source ahead of their
// answers, so memory does not grow with the stream. The first error ends it.
//
//	for answer, err := range p.Stream(ctx, slices.Values(texts)) { ... }
//
// A channel is a source by ranging over it; one that trickles keeps answers
// back until a batch is full or the channel is closed, unless Batch is 1.
func (p *Predictor) Stream(ctx context.Context, texts iter.Seq[string]) iter.Seq2[Prediction, error] {
	return func(yield func(Prediction, error) bool) {
		batch := make([]string, 0, p.file.options.Batch)
		answer := func() bool {
			answers, err := p.predict(ctx, batch, nil)
			batch = batch[:0]
			if err != nil {
				yield(Prediction{}, err)
				return false
			}
			for _, a := range answers {
				if !yield(a, nil) {
					return false
				}
			}
			return true
		}
		for s := range texts {
			if batch = append(batch, s); len(batch) == cap(batch) && !answer() {
				return
			}
		}
		if len(batch) > 0 {
			answer()
		}
	}
}
