package data

import (
	"fmt"
	"slices"

	"espalier/data/source"
	"espalier/internal/nearest"
	"espalier/schema"
)

// What an encoder does with labels that training never had; see [Encoder.Unseen].
const (
	CountUnseen  = "count"
	IgnoreUnseen = "ignore"
	RefuseUnseen = "error"
)

// unseen holds the labels of a task that training never had, in the order in
// which they first stand in a data set. Their numbers are [schema.UnseenLabel]
// and those below it.
type unseen struct {
	labels []string
	counts []int
	index  map[string]int
}

// number counts a label and returns its number.
func (u *unseen) number(label string) int32 {
	i, ok := u.index[label]
	if !ok {
		i = len(u.labels)
		if u.index == nil {
			u.index = map[string]int{}
		}
		u.index[label] = i
		u.labels, u.counts = append(u.labels, label), append(u.counts, 0)
	}
	u.counts[i]++
	return schema.UnseenLabel - int32(i)
}

// Unseen returns the labels of a task that training never had and that metrics
// count as errors, in the order of their numbers: the first has
// [schema.UnseenLabel]. The slice is the data set's own.
func (d *Dataset) Unseen(task int) []string {
	if d.ignores {
		return nil
	}
	return d.unseen[task].labels
}

// Summary returns lines on what the data set holds, followed by [Dataset.Notes].
func (d *Dataset) Summary() []string {
	s, examples := d.Stats, counted(d.Len(), "example", "examples")
	first := fmt.Sprintf("%s, %s, %.1f %% of them unknown words", examples, counted(s.Tokens, "token", "tokens"), percent(s.Unknown, s.Tokens))
	if d.schema.Tabular() {
		first = fmt.Sprintf("%s, %s, %.1f %% of them missing, %d unknown", examples, counted(s.Cells, "value", "values"), percent(s.MissingCells, s.Cells), s.Unknown)
	}
	return append([]string{first}, d.Notes()...)
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }

// Notes returns, in sentences, what was changed or left out in reading, [Stats.Notes]
// first.
func (d *Dataset) Notes() []string {
	notes := d.Stats.Notes()
	for i := range d.unseen {
		if len(d.unseen[i].labels) > 0 {
			notes = append(notes, d.unseen[i].note(d.schema.Tasks[i].Name, d.ignores))
		}
	}
	return notes
}

// note says what becomes of the labels, the most frequent first.
func (u *unseen) note(task string, ignored bool) string {
	order := make([]int, len(u.labels))
	total := 0
	for i, n := range u.counts {
		order[i] = i
		total += n
	}
	slices.SortStableFunc(order, func(a, b int) int { return u.counts[b] - u.counts[a] })
	names := make([]string, len(order))
	for i, j := range order {
		names[i] = fmt.Sprintf("%s (%d)", u.labels[j], u.counts[j])
	}
	what := counted(total, "label that training never had counts as an error", "labels that training never had count as errors")
	if ignored {
		what = counted(total, "label that training never had is", "labels that training never had are") + " left out (data.unseen: ignore), which raises the scores"
	}
	return fmt.Sprintf("task %q: %s: %s", task, what, nearest.List(names))
}

// number returns a label's number. One that only a cut made is missing where
// training never had it.
func (e *Encoder) number(d *Dataset, r *source.Record, i int, label string, made bool) (int32, error) {
	n, ok := e.labels[i][label]
	switch {
	case ok:
		return n, nil
	case made:
		d.Stats.CutTags++
		return missing, nil
	case e.Unseen == RefuseUnseen:
		return 0, e.refuse(r, &e.schema.Tasks[i], label)
	}
	if n = d.unseen[i].number(label); d.ignores {
		n = missing
	}
	return n, nil
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
