package predict

import "context"

// Buffer answers one call after the other with the same memory: once it has
// seen texts as long, in batches as large, a call on package ort allocates
// nothing where words need no lower-casing and the tokenizer is no regular
// expression. It is for one goroutine at a time; make one for each.
type Buffer struct {
	predictor *Predictor
	worker    *worker
	answers   []Prediction
}

// NewBuffer makes a buffer. Close it to give its memory back at once.
func (p *Predictor) NewBuffer() *Buffer {
	return &Buffer{predictor: p, worker: &worker{predictor: p}}
}

// Predict answers for texts, all in one batch. The answers, and all that they
// hold, are good until the next call.
func (b *Buffer) Predict(ctx context.Context, texts ...string) ([]Prediction, error) {
	answers, err := b.worker.predict(ctx, b.answers, texts)
	if cap(answers) >= cap(b.answers) {
		b.answers = answers[:len(answers):cap(answers)]
	}
	if err != nil {
		return nil, err
	}
	return answers, nil
}

// Close frees the buffer's native memory. It is idempotent, and the buffer may
// be used again.
func (b *Buffer) Close() error {
	b.worker.release()
	return nil
}
