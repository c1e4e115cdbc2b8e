package data

import (
	"fmt"

	"espalier/data/source"
	"espalier/internal/nearest"
	"espalier/schema"
	"espalier/task"
)

// Unseen returns the labels of a task that training never had and that metrics
// count as errors, in the order of their numbers: the first has
// [schema.UnseenLabel]. The slice is the data set's own.
func (d *Dataset) Unseen(of int) []string {
	if d.indices[of].Ignores() {
		return nil
	}
	return d.indices[of].Unseen.Labels
}

// Summary returns lines on what the data set holds, followed by [Dataset.Notes].
func (d *Dataset) Summary() []string {
	examples := counted(d.Len(), "example", "examples")
	s := &d.Stats
	first := fmt.Sprintf("%s, %s, %.1f %% of them missing, %d unknown", examples, counted(s.Cells, "value", "values"), percent(s.MissingCells, s.Cells), s.Unknown)
	if d.text != nil {
		first = d.text.summary(examples, s)
	}
	return append([]string{first}, d.Notes()...)
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }

// Notes returns, in sentences, what was changed or left out in reading, [Stats.Notes]
// first.
func (d *Dataset) Notes() []string {
	notes := d.Stats.Notes()
	for i, x := range d.indices {
		if len(x.Unseen.Labels) > 0 {
			notes = append(notes, unseenNote(d.schema.Tasks[i].Name, x))
		}
	}
	return notes
}

// unseenNote says what becomes of labels that training never had, the most frequent
// first.
func unseenNote(name string, x *task.Index) string {
	labels, counts, total := x.Unseen.ByCount()
	for i := range labels {
		labels[i] = fmt.Sprintf("%s (%d)", labels[i], counts[i])
	}
	what := counted(total, "label that training never had counts as an error", "labels that training never had count as errors")
	if x.Ignores() {
		what = counted(total, "label that training never had is", "labels that training never had are") + " left out (data.unseen: ignore), which raises the scores"
	}
	return fmt.Sprintf("task %q: %s: %s", name, what, nearest.List(labels))
}

// refuse is the error of a label that training never had.
func (e *Encoder) refuse(r *source.Record, t *schema.Task, label string) error {
	hint := "training has " + nearest.List(t.Labels)
	if near := nearest.Word(label, t.Labels); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	at := r.ErrorAt(t.Name, "task %q: label %q was never seen in training; %s (correct it, add it to the training data, or count it as an error by data.unseen: count)",
		t.Name, label, hint)
	at.Example = false // the example is well formed
	return at
}
