package predict

import (
	"context"
	"slices"
)

// Buffer answers one call after the other with the same memory: once it has
// seen texts as long, in batches as large, a call with the same context
// allocates nothing on package ort. It is for one goroutine at a time; make one
// for each.
type Buffer struct {
	predictor *Predictor
	worker    *worker
	answers   []Prediction
	// What is asked is copied, so that the list that Go makes of arguments can
	// stay on the caller's stack.
	texts   []string
	seconds []string // of pairs
	rows    []map[string]string
}

// NewBuffer makes a buffer. Close it to give its memory back at once.
func (p *Predictor) NewBuffer() *Buffer {
	return &Buffer{predictor: p, worker: &worker{predictor: p, owns: true}}
}

// Predict answers for texts, all in one batch. The answers, and all that they
// hold, are good until the next call.
func (b *Buffer) Predict(ctx context.Context, texts ...string) ([]Prediction, error) {
	b.texts = append(b.texts[:0], texts...)
	defer clear(b.texts)
	return b.keep(b.worker.predict(ctx, b.answers, b.texts, nil))
}

// PredictPairs answers for pairs of texts, as [Predictor.PredictPairs] does. The
// answers are good until the next call.
func (b *Buffer) PredictPairs(ctx context.Context, pairs ...[2]string) ([]Prediction, error) {
	b.texts, b.seconds = b.texts[:0], slices.Grow(b.seconds[:0], len(pairs)+1) // not nil
	for _, pair := range pairs {
		b.texts, b.seconds = append(b.texts, pair[0]), append(b.seconds, pair[1])
	}
	defer clear(b.texts)
	defer clear(b.seconds)
	return b.keep(b.worker.predict(ctx, b.answers, b.texts, b.seconds))
}

// PredictColumns answers for the rows of a table, as [Predictor.PredictColumns]
// does. The answers are good until the next call.
func (b *Buffer) PredictColumns(ctx context.Context, c Columns) ([]Prediction, error) {
	return b.keep(b.worker.predictTable(ctx, b.answers, &table{columns: c}))
}

// PredictRows answers for rows as they stand in a file, as
// [Predictor.PredictRows] does. The answers are good until the next call.
func (b *Buffer) PredictRows(ctx context.Context, rows ...map[string]string) ([]Prediction, error) {
	b.rows = append(b.rows[:0], rows...)
	defer clear(b.rows)
	return b.keep(b.worker.predictTable(ctx, b.answers, &table{byRows: true, texts: b.rows, rows: len(rows)}))
}

func (b *Buffer) keep(answers []Prediction, err error) ([]Prediction, error) {
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
