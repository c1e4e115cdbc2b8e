package predict

import (
	"fmt"
	"unicode/utf8"

	"espalier/runtime"
	"espalier/schema"
	"espalier/text"
)

// Prediction is all tasks' answers about one input.
type Prediction struct {
	// Tokens are the words that the model read, with byte offsets in the text.
	// Those of a tokenizer that makes pieces of words are what stands between
	// white space, without the words that have no piece.
	Tokens []text.Token `json:"tokens"`
	// Pieces are what the model read of the words, if not the words. A word's
	// tag is that of its first piece.
	Pieces []text.Token `json:"pieces,omitempty"`
	// Truncated says that the text had more tokens than the model reads.
	Truncated bool     `json:"truncated,omitempty"`
	Tasks     []Answer `json:"tasks"`
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

// Answer is one task's answer. Which fields are set depends on the type: a
// classification has Label and Probability, multilabel has Labels, tagging has Tags and Spans, a
// regression has Value, a relation has Relations.
type Answer struct {
	Task string          `json:"task"`
	Type schema.TaskType `json:"type"`

	Label string `json:"label,omitempty"`
	// Labels are those that apply, in the schema's order; none may.
	Labels []string `json:"labels,omitempty"`
	// Probability is that of Label.
	Probability float32 `json:"probability,omitempty"`
	// Probabilities are those of all labels, in the schema's order. A label of
	// multilabel applies from its threshold in the schema on.
	Probabilities []float32 `json:"probabilities,omitempty"`

	Tags  []Tag  `json:"tags,omitempty"`
	Spans []Span `json:"spans,omitempty"`

	// Relations are between spans of the task of the relation's entities, in the
	// order of heads, tails and the schema's labels.
	Relations []Relation `json:"relations,omitempty"`

	// Value is the number of the file's output, which is float32 unless the
	// schema says Double.
	Value *float64 `json:"value,omitempty"`
	// Unit is what Value counts, as the schema says it.
	Unit string `json:"unit,omitempty"`
}

// Tag is the label of one token.
type Tag struct {
	Label       string  `json:"label"`
	Probability float32 `json:"probability"`
}

// Span is a labelled stretch of the text: tokens First to Last, bytes Start to
// End and characters (code points) StartChar to EndChar, both ends exclusive.
type Span struct {
	Type      string `json:"type"`
	Text      string `json:"text"`
	Start     int    `json:"start"`
	End       int    `json:"end"`
	StartChar int    `json:"start_char"`
	EndChar   int    `json:"end_char"`
	First     int    `json:"first"`
	Last      int    `json:"last"`
}

// Relation says that a label holds between two spans.
type Relation struct {
	Label string `json:"label"`
	// Probability is the label's for the two: from its threshold in the schema on
	// it holds.
	Probability float32 `json:"probability"`
	Head        Span    `json:"head"`
	Tail        Span    `json:"tail"`
}

// task is a task and what reading its outputs needs.
type task struct {
	schema.Task
	numbers  map[string]int64 // of labels
	integers *meaning         // of integers in an output of labels
	bools    *meaning         // of bools there
	first    int              // of the outputs, the task's own
	entities int              // of a relation: the number of its entities' task
}

// newTask returns the task; one of another tool's file may answer with classes
// of its own.
func newTask(t *schema.Task, foreign bool) task {
	out := task{Task: *t, numbers: make(map[string]int64, len(t.Labels))}
	if foreign {
		out.integers, out.bools = newMeaning(t.Labels, false), newMeaning(t.Labels, true)
	}
	for i, l := range t.Labels {
		out.numbers[l] = int64(i)
	}
	return out
}

// read takes the tasks' outputs, of so many rows, apart into predictions, and
// writes over what these hold. Answers that only relations needed stand behind
// those that were asked for, where the next call finds their memory.
func (w *worker) read(out []Prediction, texts []string, outputs []runtime.Named, rows int) error {
	// What a fresh batch needs is made at once for all its rows.
	var fresh slabs
	n := len(w.predictor.tasks)
	for i := range out {
		if cap(out[i].Tasks) < n {
			out[i].Tasks = carve(&fresh.answers, n, (len(out)-i)*n)
		}
		out[i].Tasks = out[i].Tasks[:n]
	}
	for _, k := range w.predictor.order {
		t := &w.predictor.tasks[k]
		v, err := t.view(&w.numbers, outputs[t.first:], rows)
		if err != nil {
			return fmt.Errorf("predict: task %q: %w", t.Name, err)
		}
		for i := range out {
			a := &out[i].Tasks[k]
			a.Task, a.Type, a.Unit = t.Name, t.Type, t.Unit
			switch t.Type {
			case schema.Regression:
				if a.Value == nil {
					a.Value = new(float64)
				}
				*a.Value = v.values[i]
			case schema.MultiLabel:
				v.readSet(a, i, &fresh, len(out)-i)
			case schema.Relation:
				err = w.readRelations(&v, i, a, out[i].Tasks[t.entities].Spans)
			case schema.Tagging:
				err = w.readTags(a, &v, i, out[i:], texts, &fresh)
			default:
				err = v.readLabel(a, i, &fresh, len(out)-i)
			}
			if err != nil {
				return fmt.Errorf("predict: task %q: %w", t.Name, err)
			}
		}
	}
	for i := range out {
		out[i].Tasks = out[i].Tasks[:w.predictor.asked]
	}
	return nil
}

// slabs are memory that the rows of one batch share.
type slabs struct {
	answers       []Answer
	tags          []Tag
	probabilities []float32
}

// carve takes n elements off a slab, which is made anew, for so many elements as
// are still to come, where it is too short.
func carve[T any](slab *[]T, n, toCome int) []T {
	if len(*slab) < n {
		*slab = make([]T, max(n, toCome))
	}
	out := (*slab)[:n:n]
	*slab = (*slab)[n:]
	return out
}

// setProbabilities copies row i of the batch, which so many rows remain of.
func (v *view) setProbabilities(a *Answer, i int, fresh *slabs, remain int) {
	row := v.row(i)
	if cap(a.Probabilities) < len(row) {
		a.Probabilities = carve(&fresh.probabilities, len(row), remain*len(row))
	}
	a.Probabilities = append(a.Probabilities[:0], row...)
}

func (v *view) readLabel(a *Answer, i int, fresh *slabs, remain int) error {
	l, p, err := v.at(i)
	if err != nil {
		return err
	}
	a.Label, a.Probability = v.task.Labels[l], p
	v.setProbabilities(a, i, fresh, remain)
	return nil
}

// readSet reads row i of a multi-label task.
func (v *view) readSet(a *Answer, i int, fresh *slabs, remain int) {
	v.setProbabilities(a, i, fresh, remain)
	if a.Labels == nil {
		a.Labels = []string{}
	}
	a.Labels = a.Labels[:0]
	for j, l := range v.task.Labels {
		if v.applies(i, j) {
			a.Labels = append(a.Labels, l)
		}
	}
}

// readTags reads row i of a tagging task, the first of rest, as many tags as
// there are tokens.
func (w *worker) readTags(a *Answer, v *view, i int, rest []Prediction, texts []string, fresh *slabs) error {
	p := &rest[0]
	n := len(p.Tokens)
	if texts == nil {
		n = v.length
	}
	if n > v.length {
		return fmt.Errorf("the outputs have %d places for %d tokens", v.length, n)
	}
	if cap(a.Tags) < n || a.Tags == nil {
		toCome := 0
		if len(fresh.tags) < n {
			for j := range rest {
				toCome += len(rest[j].Tokens)
			}
		}
		a.Tags = carve(&fresh.tags, n, toCome)
	}
	a.Tags = a.Tags[:n]
	w.names = w.names[:0]
	for j := range a.Tags {
		place := j
		if texts != nil && w.predictor.file.subwords() {
			place = w.places[i][j]
		}
		l, probability, err := v.at(i*v.length + place)
		if err != nil {
			return err
		}
		a.Tags[j] = Tag{v.task.Labels[l], probability}
		w.names = append(w.names, a.Tags[j].Label)
	}
	if a.Spans = a.Spans[:0]; v.task.Scheme != "" && texts != nil {
		a.Spans = w.spans(a.Spans, p.Tokens, texts[i])
	}
	return nil
}

// spans joins the tags in w.names into stretches of the original text.
func (w *worker) spans(dst []Span, tokens []text.Token, original string) []Span {
	w.found = schema.AppendSpans(w.found[:0], w.names)
	if cap(dst) < len(w.found) {
		dst = make([]Span, 0, len(w.found))
	}
	at, character := 0, 0
	for _, s := range w.found {
		start, end := tokens[s.Start].Start, tokens[s.End-1].End
		if start < at { // tokens of other tools may overlap
			at, character = 0, 0
		}
		first := character + utf8.RuneCountInString(original[at:start])
		at, character = end, first+utf8.RuneCountInString(original[start:end])
		dst = append(dst, Span{
			Type: s.Type, Text: original[start:end], Start: start, End: end,
			StartChar: first, EndChar: character, First: s.Start, Last: s.End - 1,
		})
	}
	return dst
}
