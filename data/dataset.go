package data

import (
	"fmt"
	"math"
	"slices"

	"espalier/data/source"
	"espalier/schema"
	"espalier/text"
)

const missing = schema.MissingLabel

// Dataset holds encoded examples compactly: four bytes a token, a table's cell
// and a label, eight a regression's value and a cell of a column that needs float64.
// It is immutable and safe for concurrent use.
type Dataset struct {
	Stats Stats

	schema  *schema.Schema
	ids     []int32
	offsets []int        // example i is ids[offsets[i]:offsets[i+1]]
	cells   []cellColumn // by input, where the model reads a table; there are no ids then
	columns []column
	texts   []string // by example, where they are kept
	// rows are the examples' places among all that were read, where unlabelled
	// ones were left out.
	rows []int
	// unseen are the labels that training never had, by task; ignores says that
	// they are missing here.
	unseen  []unseen
	ignores bool
	scripts scripts // of the tokens
	// Where the model reads characters: the number of each token's form, and
	// the characters of each form.
	forms     []int32
	spellings [][]int64
	known     map[string]int32
}

// addForm notes the next token's form.
func (d *Dataset) addForm(c *text.Characters, form string) {
	n, ok := d.known[form]
	if !ok {
		n = int32(len(d.spellings))
		d.spellings = append(d.spellings, c.IDs(nil, form))
		if d.known == nil {
			d.known = map[string]int32{}
		}
		d.known[form] = n
	}
	d.forms = append(d.forms, n)
}

// column holds one task's labels: one of its slices is in use. A number below
// [schema.MissingLabel] is that of a label that training never had.
type column struct {
	classes []int32   // by example
	sets    [][]int32 // by example, nil where missing; of relations schema.RelationWidth numbers each
	ends    [][]int32 // by example, places of the entities' last tokens, beside the sets of relations
	tags    []int32   // by token
	values  []float64 // by example, NaN where missing
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
	CutTags             int // tags that cutting a span made, and training never had
	Repaired            int // tags changed to be legal in their scheme
	Overlapping         int // spans left out because they share tokens with others
	Misaligned          int // spans left out or widened because they begin or end within tokens
	Unrelated           int // relations left out because an entity of theirs was
	Unlabelled          int // examples left out because no task has a label of them
	source.Counts           // of reading
}

// add adds what reading one example's labels counts.
func (s *Stats) add(o *Stats) {
	s.Repaired += o.Repaired
	s.Overlapping += o.Overlapping
	s.Misaligned += o.Misaligned
	s.Unrelated += o.Unrelated
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
	note(s.CutTags, "tag that training never had, made by cutting a span, counts as missing", "tags that training never had, made by cutting spans, count as missing")
	note(s.Repaired, "tag that cannot stand where it does was repaired", "tags that cannot stand where they do were repaired")
	note(s.Overlapping, "span that shares tokens with another was left out", "spans that share tokens with others were left out")
	note(s.Unrelated, "relation was left out because an entity of it was", "relations were left out because an entity of theirs was")
	note(s.Misaligned, "span that begins or ends within a token was widened or left out", "spans that begin or end within a token were widened or left out")
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

func newDataset(s *schema.Schema) *Dataset {
	return &Dataset{schema: s, offsets: []int{0}, columns: make([]column, len(s.Tasks)), unseen: make([]unseen, len(s.Tasks))}
}

// Len returns the number of examples.
func (d *Dataset) Len() int { return len(d.offsets) - 1 }

// Length returns the number of tokens of an example.
func (d *Dataset) Length(i int) int { return d.offsets[i+1] - d.offsets[i] }

// Frequencies returns how often each id stands in the examples, up to the
// largest that does.
func (d *Dataset) Frequencies() []int {
	var n []int
	for _, id := range d.ids {
		for int(id) >= len(n) {
			n = append(n, 0)
		}
		n[id]++
	}
	return n
}

// Longest returns the number of tokens of the longest example.
func (d *Dataset) Longest() int {
	n := 0
	for i := range d.Len() {
		n = max(n, d.Length(i))
	}
	return n
}

// Labelled returns how many labels task i has, those that training never had
// included: examples, or tokens for tagging.
func (d *Dataset) Labelled(task int) int {
	n := 0
	c := &d.columns[task]
	for _, ls := range [][]int32{c.classes, c.tags} {
		for _, l := range ls {
			if l != missing {
				n++
			}
		}
	}
	for _, s := range c.sets {
		if s != nil {
			n++
		}
	}
	for _, v := range c.values {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}

// With returns the examples that have a label of task i, tagging's are those
// with a tag.
func (d *Dataset) With(task int) []int {
	c := &d.columns[task]
	var with []int
	for i := range d.Len() {
		has := false
		switch {
		case c.tags != nil:
			has = slices.ContainsFunc(c.tags[d.offsets[i]:d.offsets[i+1]], func(l int32) bool { return l != missing })
		case c.sets != nil:
			has = c.sets[i] != nil
		case c.values != nil:
			has = !math.IsNaN(c.values[i])
		case c.classes != nil:
			has = c.classes[i] != missing
		}
		if has {
			with = append(with, i)
		}
	}
	return with
}

// Overlap reports whether an example has labels of two tasks.
func (d *Dataset) Overlap() bool {
	labelled := make([]bool, d.Len())
	for task := range d.columns {
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
	rest, held = newDataset(d.schema), newDataset(d.schema)
	for _, part := range []*Dataset{rest, held} {
		part.unseen, part.ignores, part.scripts = d.unseen, d.ignores, d.scripts // of all: they are finished
	}
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
	s := newDataset(d.schema)
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

func (d *Dataset) copy(from *Dataset, i int) {
	start, end := from.offsets[i], from.offsets[i+1]
	d.ids = append(d.ids, from.ids[start:end]...)
	if from.forms != nil {
		d.forms = append(d.forms, from.forms[start:end]...)
		d.spellings = from.spellings // shared: both are finished
	}
	d.copyCells(from, i)
	if from.texts != nil {
		d.texts = append(d.texts, from.texts[i])
	}
	d.Stats.Tokens += end - start
	for j := range d.columns {
		c, o := &d.columns[j], &from.columns[j]
		switch from.schema.Tasks[j].Type {
		case schema.Tagging:
			c.tags = append(c.tags, o.tags[start:end]...)
		case schema.Regression:
			c.values = append(c.values, o.values[i])
		case schema.MultiLabel:
			c.sets = append(c.sets, o.sets[i])
		case schema.Relation:
			c.sets, c.ends = append(c.sets, o.sets[i]), append(c.ends, o.ends[i])
		default:
			c.classes = append(c.classes, o.classes[i])
		}
	}
	d.offsets = append(d.offsets, len(d.ids))
}
