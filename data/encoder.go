package data

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
	"espalier/text"
)

// TagRules say what to do with a tagging task's labels that are not as they should
// be.
type TagRules = task.TagRules

// What an encoder does with labels that training never had; see [Encoder.Unseen].
const (
	CountUnseen  = task.CountUnseen
	IgnoreUnseen = task.IgnoreUnseen
	RefuseUnseen = task.RefuseUnseen
)

// Encoder turns records into ids and label numbers, by a schema whose labels
// and vocabulary it learns from the training data. After Learn it is safe for
// concurrent use.
type Encoder struct {
	// Unseen says what to do with a label that training never had. [CountUnseen],
	// the default, gives it a number of its own, which has no loss and which every
	// metric counts as an error; [IgnoreUnseen] makes it missing, which raises
	// scores; [RefuseUnseen] makes encoding fail.
	Unseen string
	// SkipUnlabelled leaves out records that have no label of any task, from
	// learning and from data sets.
	SkipUnlabelled bool
	// KeepText makes data sets that keep each example's text, for files that
	// tokenize themselves.
	KeepText bool
	// Rules are what to do with tags that are not as they should be, by task.
	Rules map[string]TagRules
	// MaxVocabulary is the most ids the vocabulary may have; 0: no limit.
	MaxVocabulary int
	// Kept is what an earlier encoder learned; nil: nothing is kept.
	Kept *Kept
	// Cache has examples of sources that other encoders read, too; nil reads
	// them anew.
	Cache *Cache

	schema  *schema.Schema
	inputs  []input
	text    *textInput // that of the inputs which is a text, or nil
	order   []int      // of reading tasks: relations behind what they join
	learned bool
	notes   []string // of what Learn learned
}

// Kept is what Learn takes from an earlier encoder in the place of learning it: the
// vocabulary, the alphabet of characters, and tasks with their labels.
type Kept struct {
	Schema     *schema.Schema
	Vocabulary *text.Vocabulary
	Tasks      []string
}

// task returns a task as it was learned before, nil for one that is learned.
func (k *Kept) task(name string) *schema.Task {
	if k == nil || !slices.Contains(k.Tasks, name) {
		return nil
	}
	return k.Schema.Task(name)
}

// NewEncoder returns an encoder for a schema with one text input or with any
// number of columns of a table. Tasks need not have labels yet. The schema is
// copied.
func NewEncoder(s *schema.Schema) (*Encoder, error) { return NewSubwordEncoder(s, nil) }

// NewSubwordEncoder is NewEncoder for a schema whose tokenizer may be subword,
// with the vocabulary of its tokenizer.json.
func NewSubwordEncoder(s *schema.Schema, v *text.Vocabulary) (*Encoder, error) {
	own := *s
	own.Inputs = append([]schema.Input{}, s.Inputs...)
	own.Tasks = append([]schema.Task{}, s.Tasks...)
	e := &Encoder{schema: &own}
	if err := e.newInputs(v); err != nil {
		return nil, err
	}
	for _, joins := range []bool{false, true} {
		for i := range own.Tasks {
			if (own.Tasks[i].Entities != "") == joins {
				e.order = append(e.order, i)
			}
		}
	}
	return e, nil
}

// Resume returns an encoder for a schema and a vocabulary that were learned
// before. A table has no vocabulary.
func Resume(s *schema.Schema, v *text.Vocabulary) (*Encoder, error) {
	e, err := NewSubwordEncoder(s, v)
	if err != nil {
		return nil, err
	}
	if e.text != nil {
		e.text.vocabulary = v
	}
	for _, in := range e.inputs {
		if err := in.resume(); err != nil {
			return nil, err
		}
	}
	e.learned = true
	return e, nil
}

// Schema returns the schema with what Learn filled in.
func (e *Encoder) Schema() *schema.Schema { return e.schema }

// Notes returns, in sentences, what Learn found about numbers: how each regression
// is standardised, which columns are read as float64, and where different numbers
// become equal.
func (e *Encoder) Notes() []string { return e.notes }

// Vocabulary returns the vocabulary, nil before Learn and for a table.
func (e *Encoder) Vocabulary() *text.Vocabulary {
	if e.text == nil {
		return nil
	}
	return e.text.vocabulary
}

// Fields lists the record fields that are read: the inputs' and the tasks'
// names.
func (e *Encoder) Fields() []string {
	var fields []string
	for _, in := range e.schema.Inputs {
		fields = append(fields, in.Name)
		if in.Pair != "" {
			fields = append(fields, in.Pair)
		}
	}
	return append(fields, e.schema.TaskNames()...)
}

// Learn reads the training examples once, without keeping them: words are
// counted into a vocabulary and each task's labels collected, sorted, "O"
// first. Of a table's columns it learns means, deviations and values.
func (e *Encoder) Learn(train source.Input) error {
	e.notes = nil
	learners := make([]task.Learner, len(e.schema.Tasks))
	o := task.LearnOptions{Columns: len(e.schema.Tasks) + len(e.schema.Inputs)}
	for i := range learners {
		learners[i] = task.Of(e.schema.Tasks[i].Type).NewLearner(o)
	}
	for _, in := range e.inputs {
		in.begin(o.Columns)
	}
	records := 0
	var stats Stats
	err := e.each(train, &stats, func(_ *source.Record, x *example) error {
		records++
		for _, in := range e.inputs {
			in.count(x)
		}
		for i, l := range learners {
			l.Add(&x.labels[i], e.entities(x, i))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if records == 0 {
		return e.nothing(train, &stats)
	}
	for _, in := range e.inputs {
		notes, err := in.learn(records)
		if err != nil {
			return err
		}
		e.notes = append(e.notes, notes...)
	}
	for i, l := range learners {
		if err := e.learnTask(&e.schema.Tasks[i], l, records, &stats); err != nil {
			return err
		}
	}
	e.learned = true
	return nil
}

// learnTask completes a task from what its learner has counted.
func (e *Encoder) learnTask(t *schema.Task, l task.Learner, records int, stats *Stats) error {
	if was := e.Kept.task(t.Name); was != nil {
		*t = *was
		return nil
	}
	if l.Empty() {
		reason := fmt.Sprintf("has no label in any of %d training examples; check that its field is mapped, or remove the task", records)
		if lack := stats.Lacking(t.Name); lack != "" {
			reason = fmt.Sprintf("has no label in any of %d training examples; %s", records, lack)
		}
		return &TaskError{t.Name, reason}
	}
	notes, err := l.Learn(t)
	if err != nil {
		return &TaskError{t.Name, err.Error()}
	}
	e.notes = append(e.notes, notes...)
	return nil
}

// entities are the labels of the task whose spans task i joins, nil where it joins
// none.
func (e *Encoder) entities(x *example, i int) *task.Labels {
	if of := e.schema.TaskIndex(e.schema.Tasks[i].Entities); of >= 0 {
		return &x.labels[of]
	}
	return nil
}

// TaskError says that nothing can be learned of a task from the training data.
type TaskError struct {
	Task   string
	Reason string
}

func (e *TaskError) Error() string { return fmt.Sprintf("data: task %q %s", e.Task, e.Reason) }

// each calls do for the records that count. What it gives do is for that call
// alone.
func (e *Encoder) each(in source.Input, stats *Stats, do func(*source.Record, *example) error) (err error) {
	if done, err := e.Cache.each(e, in, stats, do); done {
		return err
	}
	x := e.newExample()
	stats.Counts, err = source.Each(in, e.Fields(), func(r *source.Record) error {
		if err := e.read(r, x); err != nil {
			return err
		}
		stats.Labels.Add(&x.counts)
		if e.SkipUnlabelled && !x.labelled() {
			stats.Unlabelled++
			return nil
		}
		return do(r, x)
	})
	return err
}

// nothing says that sources hold no example.
func (e *Encoder) nothing(in source.Input, stats *Stats) error {
	if e.SkipUnlabelled {
		hint := ""
		for _, t := range e.schema.Tasks {
			if lack := stats.Lacking(t.Name); lack != "" {
				hint = " (" + lack + ")"
				break
			}
		}
		return fmt.Errorf("data: %s: no example has a label of %s%s", in, strings.Join(e.schema.TaskNames(), ", "), hint)
	}
	return fmt.Errorf("data: %s: there are no examples", in)
}

// read checks a record and takes it apart.
func (e *Encoder) read(r *source.Record, x *example) error {
	clear(x.labels)
	x.counts = task.Counts{}
	for _, in := range e.inputs {
		if err := in.read(r, x); err != nil {
			return err
		}
	}
	if e.text != nil {
		x.from.Input, _ = fieldOf(r, e.text.Name)
	}
	for _, i := range e.order {
		if err := e.readLabels(r, x, i); err != nil {
			return err
		}
	}
	return nil
}

// newExample returns memory for examples, one after the other.
func (e *Encoder) newExample() *example {
	x := &example{labels: make([]task.Labels, len(e.schema.Tasks))}
	if e.text == nil {
		x.cells = make([]cell, len(e.inputs))
	}
	return x
}

// readLabels reads what a record says of task i.
func (e *Encoder) readLabels(r *source.Record, x *example, i int) (err error) {
	t, from := &e.schema.Tasks[i], &x.from
	from.Tokens, from.Entities, from.Rules, from.Counts = x.words.tokens, e.entities(x, i), e.Rules[t.Name], &x.counts
	from.Field, from.Given = fieldOf(r, t.Name)
	x.labels[i], err = task.Of(t.Type).Read(t, from)
	if err == nil {
		return nil
	}
	if at := new(task.TokenError); errors.As(err, &at) {
		return r.ErrorAtToken(t.Name, at.Token, "%w", err)
	}
	return r.ErrorAt(t.Name, "%w", err)
}

// fieldOf returns a record's field as task types read it.
func fieldOf(r *source.Record, name string) (task.Field, bool) {
	f, ok := r.Fields[name]
	out := task.Field{Text: f.Text, Tokens: f.Tokens, List: f.List, Spans: f.Spans, Marked: f.Marked, Linked: f.Related, Unit: f.Unit}
	for _, rel := range f.Relations {
		out.Links = append(out.Links, task.Link(rel))
	}
	return out, ok
}

// Encode reads examples into a data set.
func (e *Encoder) Encode(in source.Input) (*Dataset, error) {
	if !e.learned {
		return nil, fmt.Errorf("data: the encoder has not learned from training data yet")
	}
	d := e.newDataset()
	for i := range e.schema.Tasks {
		d.indices = append(d.indices, task.NewIndex(&e.schema.Tasks[i], e.Unseen, &d.Stats.Labels))
	}
	err := e.each(in, &d.Stats, func(r *source.Record, x *example) error {
		row := d.Len() + d.Stats.Unlabelled
		err := e.add(d, r, x)
		if err == nil && e.SkipUnlabelled {
			d.rows = append(d.rows, row)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if d.Len() == 0 {
		return nil, e.nothing(in, &d.Stats)
	}
	return d, nil
}

// add adds an example to a data set.
func (e *Encoder) add(d *Dataset, r *source.Record, x *example) error {
	if e.text != nil {
		e.text.truncate(&x.words)
	}
	for _, s := range d.inputs {
		if err := s.add(r, x, &d.Stats); err != nil {
			return err
		}
	}
	var units task.Units
	if e.text != nil {
		units = e.text.keep(&x.words)
	}
	for i, c := range d.tasks {
		units.Entities = e.entities(x, i)
		if err := c.Add(&x.labels[i], &units, d.indices[i]); err != nil {
			if unseen := new(task.UnseenError); errors.As(err, &unseen) {
				return e.refuse(r, &e.schema.Tasks[i], unseen.Label)
			}
			return err
		}
	}
	d.n++
	return nil
}
