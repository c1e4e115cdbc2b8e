package predict

import (
	"errors"
	"fmt"

	"espalier/runtime"
	"espalier/task"
	"espalier/text"
)

// Prediction is all tasks' answers about one input.
type Prediction struct {
	// Tokens are the words that the model read, with byte offsets in the text.
	// Those of a tokenizer that makes pieces of words are what stands between
	// white space, without the words that have no piece.
	Tokens []text.Token `json:"tokens"`
	// Pieces are what the model read of the words, if not the words. A word's
	// tag is that of its first piece. Of a pair those of the second text come last, with
	// offsets in that text.
	Pieces []text.Token `json:"pieces,omitempty"`
	// Truncated says that the text had more tokens than the model reads.
	Truncated bool     `json:"truncated,omitempty"`
	Tasks     []Answer `json:"tasks"`
	// Embedding is the vector of the text, where [Options].Embeddings asks for it.
	Embedding []float32 `json:"embedding,omitempty"`
}

// Task returns the answer of a task, or nil.
func (p *Prediction) Task(name string) *Answer {
	for i := range p.Tasks {
		if p.Tasks[i].Task == name {
			return &p.Tasks[i]
		}
	}
	return nil
}

// What a prediction holds of each task; package task says how outputs become answers.
type (
	// Answer is the prediction of one task for one input.
	Answer = task.Answer
	// Tag is the label of one token.
	Tag = task.Tag
	// Span is a labelled stretch of the text.
	Span = task.Span
	// Relation says that a label holds between two spans.
	Relation = task.Relation
)

// reader reads the outputs of one task.
type reader struct {
	*task.Reader
	first    int // of the outputs, the task's own
	entities int // the number of the task whose spans it joins, -1 for none
}

// read takes the tasks' outputs, of so many rows, apart into predictions, and
// writes over what these hold. Answers that only relations needed stand behind
// those that were asked for, where the next call finds their memory.
func (w *worker) read(out []Prediction, texts []string, outputs []runtime.Named, rows int) error {
	defer w.forget()
	n, tokens := len(w.predictor.tasks), 0
	var fresh []Answer // made at once for all rows
	for i := range out {
		p := &out[i]
		w.inputs = append(w.inputs, task.Input{Tokens: p.Tokens})
		if texts != nil {
			w.inputs[i].Text, w.inputs[i].HasText = texts[i], true
			if w.predictor.file.subwords() {
				w.inputs[i].Places = w.places[i]
			}
		}
		tokens += len(p.Tokens)
		if cap(p.Tasks) < n {
			if fresh == nil {
				fresh = make([]Answer, (len(out)-i)*n)
			}
			p.Tasks, fresh = fresh[:n:n], fresh[n:]
		}
		p.Tasks = p.Tasks[:n]
	}
	for _, k := range w.predictor.order {
		t := &w.predictor.tasks[k]
		w.decoder.Begin(len(out), tokens)
		if err := w.readTask(t, k, out, outputs[t.first:], rows); err != nil {
			return fmt.Errorf("predict: task %q: %w", t.Name, err)
		}
	}
	for i := range out {
		out[i].Tasks = out[i].Tasks[:w.predictor.asked]
	}
	if w.predictor.file.options.Embeddings {
		return w.readEmbeddings(out, outputs)
	}
	return nil
}

// readTask reads the outputs of task k.
func (w *worker) readTask(t *reader, k int, out []Prediction, outputs []runtime.Named, rows int) (err error) {
	if w.view, err = t.View(&w.decoder, outputs, rows); err != nil {
		var elements *task.ElementsError
		if errors.As(err, &elements) {
			err = fmt.Errorf("output %q: %w", elements.Output, unsupported(elements))
		}
		return err
	}
	for i := range out {
		if t.entities >= 0 {
			w.inputs[i].Entities = out[i].Tasks[t.entities].Spans
		}
		if err := t.Decode(&w.decoder, &w.view, i, &w.inputs[i], &out[i].Tasks[k]); err != nil {
			return err
		}
	}
	return nil
}

// forget lets go of what belongs to the caller of the last read.
func (w *worker) forget() {
	w.decoder.Forget()
	w.view = task.View{}
	clear(w.inputs)
	w.inputs = w.inputs[:0]
}

// unsupported is the error of an output whose elements are of a type that is not read.
func unsupported(err *task.ElementsError) error {
	return fmt.Errorf("%w: %w", runtime.ErrUnsupported, err)
}
