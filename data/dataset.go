package data

import (
	"fmt"
	"slices"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
	"espalier/text"
)

// Dataset holds encoded examples compactly: four bytes a token, a table's cell
// and a label, eight a regression's value and a cell of a column that needs float64,
// and eight for where an example's tokens end, and the tags of each task.
// It is immutable and safe for concurrent use.
type Dataset struct {
	Stats Stats

	encoder *Encoder
	schema  *schema.Schema
	n       int // examples
	inputs  []store
	text    *texts // that of the inputs which is a text, or nil
	tasks   []task.Targets
	indices []*task.Index // by task
	// rows are the examples' places among all that were read, where unlabelled
	// ones were left out.
	rows []int
}

// Stats counts what encoding did.
type Stats struct {
	Tokens  int // tokens kept
	Unknown int // tokens that are not in the vocabulary, and values that training did not see
	// Cells counts the values of a table's columns, MissingCells those of them
	// that are missing.
	Cells, MissingCells int
	Truncated           int // examples cut at the maximal length
	Cut                 int // tokens cut off them
	Unlabelled          int // examples left out because no task has a label of them
	// Labels counts labels that were not taken as they stood.
	Labels        task.Counts
	source.Counts // of reading
}

// Notes says in sentences what was not taken as it stood.
func (s Stats) Notes() []string {
	var notes []string
	note := func(n int, one, many string, args ...any) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf(counted(n, one, many), args...))
		}
	}
	note(s.Skipped, "broken example was left out: %s", "broken examples were left out, the first: %s", s.FirstSkipped)
	note(s.Unlabelled, "example without a label was left out", "examples without a label were left out")
	note(s.Truncated, "example was longer than the maximum and was cut, by %s", "examples were longer than the maximum and were cut, by %s in all", counted(s.Cut, "token", "tokens"))
	note(s.Labels.CutTags, "tag that training never had, made by cutting a span, counts as missing", "tags that training never had, made by cutting spans, count as missing")
	note(s.Labels.Repaired, "tag that cannot stand where it does was repaired", "tags that cannot stand where they do were repaired")
	note(s.Labels.Overlapping, "span that shares tokens with another was left out", "spans that share tokens with others were left out")
	note(s.Labels.Unrelated, "relation was left out because an entity of it was", "relations were left out because an entity of theirs was")
	note(s.Labels.Misaligned, "span that begins or ends within a token was widened or left out", "spans that begin or end within a token were widened or left out")
	for _, l := range s.Lacks {
		notes = append(notes, l.String())
	}
	return notes
}

// counted is a number and what follows it, of one thing or of several.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d ", n) + many
}

// newDataset returns an empty data set, whose labels no index numbers yet.
func (e *Encoder) newDataset() *Dataset {
	d := &Dataset{encoder: e, schema: e.schema}
	for _, in := range e.inputs {
		d.inputs = append(d.inputs, in.newStore(d))
	}
	for i := range e.schema.Tasks {
		t := &e.schema.Tasks[i]
		d.tasks = append(d.tasks, task.Of(t.Type).NewTargets(e.schema, t))
	}
	return d
}

// Len returns the number of examples.
func (d *Dataset) Len() int { return d.n }

// Length returns the number of tokens of an example, 0 of a table's row.
func (d *Dataset) Length(i int) int {
	if d.text == nil {
		return 0
	}
	return d.text.length(i)
}

// Vocabulary returns the vocabulary that token ids are of, nil for a table.
func (d *Dataset) Vocabulary() *text.Vocabulary { return d.encoder.Vocabulary() }

// Frequencies returns how often each id of a token stands in the examples, up to the
// largest that does.
func (d *Dataset) Frequencies() []int {
	if d.text == nil {
		return nil
	}
	return d.text.frequencies()
}

// Longest returns the number of tokens of the longest example.
func (d *Dataset) Longest() int {
	n := 0
	for i := range d.Len() {
		n = max(n, d.Length(i))
	}
	return n
}

// Task returns the labels of task i.
func (d *Dataset) Task(i int) task.Targets { return d.tasks[i] }

// Targets returns the labels of the task of that name, nil where there is none.
func (d *Dataset) Targets(name string) task.Targets {
	if i := d.schema.TaskIndex(name); i >= 0 {
		return d.tasks[i]
	}
	return nil
}

// Labelled returns how many labels task i has, those that training never had
// included: examples, or tokens for tagging.
func (d *Dataset) Labelled(task int) int {
	n := 0
	for i := range d.Len() {
		n += d.tasks[task].Labelled(i)
	}
	return n
}

// With returns the examples that have a label of task i, tagging's are those
// with a tag.
func (d *Dataset) With(task int) []int {
	var with []int
	for i := range d.Len() {
		if d.tasks[task].Has(i) {
			with = append(with, i)
		}
	}
	return with
}

// Overlap reports whether an example has labels of two tasks.
func (d *Dataset) Overlap() bool {
	labelled := make([]bool, d.Len())
	for task := range d.tasks {
		for _, i := range d.With(task) {
			if labelled[i] {
				return true
			}
			labelled[i] = true
		}
	}
	return false
}

// Split holds back a share of the examples, chosen by the seed, at least one
// and not all. Both parts keep the order. Where unlabelled examples were left
// out, those held back are the ones that would be if they were there, so that a
// model of one task and one of several learn from the same examples.
func (d *Dataset) Split(share float64, seed uint64) (rest, held *Dataset) {
	out := drawn(d.Len(), share, seed)
	if d.Stats.Unlabelled > 0 {
		all := drawn(d.Len()+d.Stats.Unlabelled, share, seed)
		own := make([]bool, d.Len())
		for i, row := range d.rows {
			own[i] = all[row]
		}
		if slices.Contains(own, true) && slices.Contains(own, false) {
			out = own
		}
	}
	rest, held = d.empty(), d.empty()
	for i := range d.Len() {
		to := rest
		if out[i] {
			to = held
		}
		to.copy(d, i)
	}
	return rest, held
}

// Select returns the given examples alone, in their order.
func (d *Dataset) Select(examples []int) *Dataset {
	s := d.empty()
	for _, i := range examples {
		s.copy(d, i)
	}
	return s
}

// drawn marks a share of n examples, at least one and not all.
func drawn(n int, share float64, seed uint64) []bool {
	out := make([]bool, n)
	count := min(max(int(share*float64(n)+0.5), 1), n-1)
	for _, i := range shuffled(n, seed, 0)[:max(count, 0)] {
		out[i] = true
	}
	return out
}

// empty returns a data set without examples that numbers labels as this one does.
func (d *Dataset) empty() *Dataset {
	out := d.encoder.newDataset()
	out.indices = d.indices // shared: all labels have been numbered
	return out
}

func (d *Dataset) copy(from *Dataset, i int) {
	for j, s := range d.inputs {
		s.copy(from.inputs[j], i)
	}
	for j, c := range d.tasks {
		c.Copy(from.tasks[j], i)
	}
	d.Stats.Tokens += from.Length(i)
	d.n++
}
