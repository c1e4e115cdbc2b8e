package data

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"espalier/data/source"
	"espalier/schema"
	"espalier/text"
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
	// Cache has examples of sources that other encoders read, too; nil reads
	// them anew.
	Cache *Cache

	schema     *schema.Schema
	vocabulary *text.Vocabulary
	tokenizer  *text.Tokenizer
	characters *text.Characters   // nil: the model reads none
	columns    *columns           // in place of the three, where the model reads a table
	labels     []map[string]int32 // by task, for those with labels
	notes      []string           // of what Learn learned
}

// NewEncoder returns an encoder for a schema with one text input. Tasks need
// not have labels yet. The schema is copied.
func NewEncoder(s *schema.Schema) (*Encoder, error) { return NewSubwordEncoder(s, nil) }

// NewSubwordEncoder is NewEncoder for a schema whose tokenizer may be subword,
// with the vocabulary of its tokenizer.json.
func NewSubwordEncoder(s *schema.Schema, v *text.Vocabulary) (*Encoder, error) {
	if len(s.Inputs) != 1 || s.Inputs[0].Type != schema.Text {
		return nil, fmt.Errorf("data: the schema must have one text input")
	}
	own := *s
	own.Inputs = append([]schema.Input{}, s.Inputs...)
	own.Tasks = append([]schema.Task{}, s.Tasks...)
	in := &own.Inputs[0]
	o := text.Options{Pattern: in.Pattern, Lowercase: in.Lowercase, Subwords: v, Special: in.SpecialTokens}
	tok, err := text.NewTokenizer(in.Tokenizer, o)
	if err != nil {
		return nil, err
	}
	e := &Encoder{schema: &own, tokenizer: tok}
	if tok.Subwords() {
		e.vocabulary, in.VocabularySize = v, v.Size()
	}
	return e, nil
}

// Resume returns an encoder for a schema and a vocabulary that were learned
// before.
func Resume(s *schema.Schema, v *text.Vocabulary) (*Encoder, error) {
	e, err := NewSubwordEncoder(s, v)
	if err != nil {
		return nil, err
	}
	e.vocabulary = v
	if ch := e.schema.Inputs[0].Characters; ch != nil {
		e.characters = text.NewCharacters(ch.Alphabet, ch.MaxLength)
	}
	e.index()
	return e, nil
}

// Schema returns the schema with what Learn filled in.
func (e *Encoder) Schema() *schema.Schema { return e.schema }

// Notes returns, in sentences, what Learn found about numbers: how each regression
// is standardised, which columns are read as float64, and where different numbers
// become equal.
func (e *Encoder) Notes() []string { return e.notes }

// Vocabulary returns the vocabulary, nil before Learn.
func (e *Encoder) Vocabulary() *text.Vocabulary { return e.vocabulary }

// Fields lists the record fields that are read: the inputs' and the tasks'
// names.
func (e *Encoder) Fields() []string {
	var fields []string
	for _, in := range e.schema.Inputs {
		fields = append(fields, in.Name)
	}
	return append(fields, e.schema.TaskNames()...)
}

// Learn reads the training examples once, without keeping them: words are
// counted into a vocabulary and each task's labels collected, sorted, "O"
// first. Of a table's columns it learns means, deviations and values.
func (e *Encoder) Learn(train source.Input) error {
	in := &e.schema.Inputs[0]
	words, forms := text.NewCounter(), text.NewCounter()
	seen := make([]map[string]int, len(e.schema.Tasks))
	for i := range seen {
		seen[i] = map[string]int{}
	}
	examples := make([]int, len(e.schema.Tasks))
	values := momentsOf(len(e.schema.Tasks), len(e.schema.Tasks)+len(e.schema.Inputs))
	records := 0
	var stats Stats
	err := e.each(train, &stats, func(_ *source.Record, x *example) error {
		records++
		if e.columns != nil {
			e.columns.count(x.cells)
		}
		for _, t := range x.units() {
			words.Add(t.word)
			if in.Characters != nil {
				forms.Add(t.form)
			}
		}
		for i, l := range x.labels {
			examples[i] += e.decisions(i, x)
			for _, label := range l.list {
				if label != "" {
					seen[i][label]++
				}
			}
			if l.ok {
				values[i].add(l.value)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if records == 0 {
		return e.nothing(train, &stats)
	}
	if e.columns != nil {
		if e.notes, err = e.columns.learn(records); err != nil {
			return err
		}
	} else {
		e.learnWords(words, forms)
	}
	for i := range e.schema.Tasks {
		t := &e.schema.Tasks[i]
		if len(seen[i]) == 0 {
			reason := fmt.Sprintf("has no label in any of %d training examples; check that its field is mapped, or remove the task", records)
			if lack := stats.Lacking(t.Name); lack != "" {
				reason = fmt.Sprintf("has no label in any of %d training examples; %s", records, lack)
			}
			return &TaskError{t.Name, reason}
		}
		if t.Type == schema.Regression {
			m := &values[i]
			t.Mean, t.Deviation = m.mean, m.deviation()
			if t.Deviation == 0 {
				return &TaskError{t.Name, fmt.Sprintf("has the one value %v in training; there is nothing to learn", t.Mean)}
			}
			t.Double = schema.NeedsDouble(schema.Rounding(math.Abs(t.Mean)+t.Deviation), t.Deviation)
			e.notes = append(e.notes, m.ofTask(t)...)
			continue
		}
		t.Labels = order(seen[i])
		t.Counts, t.Examples = make([]int, len(t.Labels)), examples[i]
		for j, l := range t.Labels {
			t.Counts[j] = seen[i][l]
		}
		if len(t.Labels) < schema.LeastLabels(t.Type) {
			return &TaskError{t.Name, fmt.Sprintf("has the one label %q in training; there is nothing to tell apart", t.Labels[0])}
		}
	}
	e.index()
	return nil
}

// decisions returns how many decisions about each label of task i an example
// has: see [schema.Task.Examples].
func (e *Encoder) decisions(i int, x *example) int {
	t, l := &e.schema.Tasks[i], &x.labels[i]
	switch {
	case !l.ok:
		return 0
	case t.Type == schema.MultiLabel:
		return 1
	case t.Type == schema.Relation:
		n := 0
		for _, s := range x.labels[e.schema.TaskIndex(t.Entities)].spans {
			if s != gone {
				n++
			}
		}
		return n * (n - 1)
	}
	n := 0
	for _, label := range l.list {
		if label != "" {
			n++
		}
	}
	return n
}

// TaskError says that nothing can be learned of a task from the training data.
type TaskError struct {
	Task   string
	Reason string
}

func (e *TaskError) Error() string { return fmt.Sprintf("data: task %q %s", e.Task, e.Reason) }

// learnWords completes the text input from the words of the training data.
func (e *Encoder) learnWords(words, forms *text.Counter) {
	in := &e.schema.Inputs[0]
	if !e.tokenizer.Subwords() {
		e.vocabulary = words.Build(max(in.MinCount, 1), e.MaxVocabulary)
	}
	in.VocabularySize = e.vocabulary.Size()
	if in.Characters != nil {
		own := *in.Characters
		own.Alphabet = forms.Alphabet(2)
		in.Characters = &own
		e.characters = text.NewCharacters(own.Alphabet, own.MaxLength)
	}
}

// each calls do for the records that count. What it gives do is for that call
// alone.
func (e *Encoder) each(in source.Input, stats *Stats, do func(*source.Record, *example) error) (err error) {
	if done, err := e.Cache.each(e, in, stats, do); done {
		return err
	}
	stats.Counts, err = source.Each(in, e.Fields(), func(r *source.Record) error {
		x, err := e.read(r, stats)
		if err != nil {
			return err
		}
		if e.SkipUnlabelled && !x.labelled() {
			stats.Unlabelled++
			return nil
		}
		return do(r, x)
	})
	return err
}

// nothing says that an input holds no example.
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

func order(seen map[string]int) []string {
	labels := make([]string, 0, len(seen))
	for l := range seen {
		labels = append(labels, l)
	}
	sort.Slice(labels, func(i, j int) bool {
		if (labels[i] == "O") != (labels[j] == "O") {
			return labels[i] == "O"
		}
		return labels[i] < labels[j]
	})
	return labels
}

// example is what a record says, before it is numbered.
type example struct {
	tokens []token
	pieces []token  // of the tokens, where the tokenizer makes them
	begins []int    // by piece, the token that it begins, or -1
	cells  []cell   // by input, in place of those, where the model reads a table
	labels []labels // by task
	// listed says that the record gives its tokens, which the tokenizer did not make.
	listed bool
}

// units returns what the model reads: the tokens or their pieces.
func (x *example) units() []token {
	if x.begins != nil {
		return x.pieces
	}
	return x.tokens
}

// labels is what a record says of one task.
type labels struct {
	ok bool
	// list has the tag of each token, the labels that apply, the one label, or
	// a word for the value that is there.
	list  []string
	value float64
	// spans are those of tags, by their numbers in the record; nil where only
	// tags are given and no relation has asked. relations join them.
	spans     []schema.Span
	relations []relation
}

// labelled reports whether there is a label of any task.
func (x *example) labelled() bool {
	return slices.ContainsFunc(x.labels, func(l labels) bool { return l.ok })
}

// read checks a record and takes it apart. stats is changed only where the
// record is good.
func (e *Encoder) read(r *source.Record, stats *Stats) (*example, error) {
	own := *stats
	x := &example{labels: make([]labels, len(e.schema.Tasks)), listed: e.input(r).List}
	var err error
	if e.columns != nil {
		x.cells, err = e.columns.read(r)
	} else if x.tokens, err = e.tokens(r); err == nil && e.tokenizer.Subwords() {
		e.takeApart(x, e.input(r))
	}
	if err != nil {
		return nil, err
	}
	for _, relations := range []bool{false, true} { // which need spans that others have read
		for i, t := range e.schema.Tasks {
			if (t.Type == schema.Relation) != relations {
				continue
			}
			if err := e.readLabels(r, x, i, &own); err != nil {
				return nil, err
			}
		}
	}
	*stats = own
	return x, nil
}

// readLabels reads what a record says of task i.
func (e *Encoder) readLabels(r *source.Record, x *example, i int, stats *Stats) (err error) {
	t, l := &e.schema.Tasks[i], &x.labels[i]
	switch t.Type {
	case schema.Relation:
		return e.readRelations(r, x, i, stats)
	case schema.Tagging:
		l.list, l.spans, l.ok, err = e.tags(r, t, x.tokens, stats)
	case schema.MultiLabel:
		l.list, l.ok, err = several(r, t)
	case schema.Regression:
		l.value, l.ok, err = number(r, t)
		if l.ok {
			l.list = []string{"a number"}
		}
	default:
		l.list, l.ok, err = single(r, t)
	}
	return err
}

func (e *Encoder) index() {
	e.labels = make([]map[string]int32, len(e.schema.Tasks))
	for i, t := range e.schema.Tasks {
		e.labels[i] = map[string]int32{}
		for j, l := range t.Labels {
			e.labels[i][l] = int32(j)
		}
	}
}

// checkScheme reports a tag that its scheme does not know.
func checkScheme(scheme, tag string) error {
	prefixes, ok := map[string]string{"bio": "BI", "bioes": "BIES"}[scheme]
	if !ok || tag == "O" || tag == "" {
		return nil
	}
	prefix, label, _ := strings.Cut(tag, "-")
	if len(prefix) != 1 || !strings.Contains(prefixes, prefix) || label == "" {
		return fmt.Errorf("tag %q is not of the scheme %s: O, or one of %s with a dash and a type", tag, scheme, strings.Join(strings.Split(prefixes, ""), ", "))
	}
	return nil
}

// token is a word as the vocabulary knows it and as it stands in the text; and
// where, in bytes, if the input is a text.
type token struct {
	word, form string
	start, end int
}

// input returns the field of a record that the model reads.
func (e *Encoder) input(r *source.Record) source.Field { return r.Fields[e.schema.Inputs[0].Name] }

// tokens returns a record's words.
func (e *Encoder) tokens(r *source.Record) ([]token, error) {
	name := e.schema.Inputs[0].Name
	f, ok := r.Fields[name]
	if !ok || f.Related || f.Marked && f.Unit == "" { // spans alone are no text
		return nil, r.Errorf("there is no field for input %q", name)
	}
	if f.List {
		words := make([]token, len(f.Tokens))
		for i, t := range f.Tokens {
			words[i] = token{word: e.tokenizer.Normalize(t), form: t}
		}
		return words, nil
	}
	var words []token
	for _, t := range e.tokenizer.Words(nil, f.Text) {
		words = append(words, token{t.Text, f.Text[t.Start:t.End], t.Start, t.End})
	}
	return words, nil
}

// takeApart makes the pieces of an example's tokens. Tokens that are given one
// by one are pieces of the text that they make with spaces between them.
func (e *Encoder) takeApart(x *example, f source.Field) {
	s := f.Text
	words := make([]text.Token, len(x.tokens))
	at := 0
	for i, t := range x.tokens {
		if f.List {
			t.start, t.end = at, at+len(t.form)
			at = t.end + 1
		}
		words[i] = text.Token{Start: t.start, End: t.end}
	}
	if f.List {
		s = strings.Join(f.Tokens, " ")
	}
	pieces := e.tokenizer.Tokenize(nil, s)
	for _, p := range pieces {
		x.pieces = append(x.pieces, token{p.Text, s[p.Start:p.End], p.Start, p.End})
	}
	x.begins = text.Begins([]int{}, pieces, words)
}

// text returns a record's text. One that is given as tokens is joined, if the
// tokenizer takes it apart again.
func (e *Encoder) text(r *source.Record, tokens int) (string, error) {
	name := e.schema.Inputs[0].Name
	f := r.Fields[name]
	if !f.List {
		return f.Text, nil
	}
	joined := strings.Join(f.Tokens, e.tokenizer.Separator())
	if n := len(e.tokenizer.Tokenize(nil, joined)); n != tokens {
		return "", r.ErrorAt(name, "the text is given as %d tokens, which the tokenizer %s splits into %d once they are joined", tokens, e.schema.Inputs[0].Tokenizer, n)
	}
	return joined, nil
}

// single returns the label of a task that has one for a whole input, and
// whether it is there.
func single(r *source.Record, t *schema.Task) ([]string, bool, error) {
	f, ok := r.Fields[t.Name]
	if !ok || f.Missing() {
		return nil, false, nil
	}
	if f.List {
		return nil, false, r.ErrorAt(t.Name, "task %q is %s, but its field is a list of %d tokens; map it to a column or comment with one value", t.Name, t.Type, len(f.Tokens))
	}
	if err := noSpans(r, t, f); err != nil {
		return nil, false, err
	}
	return []string{strings.TrimSpace(f.Text)}, true, nil
}

// noSpans refuses a field that is nothing but spans or relations.
func noSpans(r *source.Record, t *schema.Task, f source.Field) error {
	if f.Related {
		return r.ErrorAt(t.Name, "task %q is %s, but its field is a list of %d relations", t.Name, t.Type, len(f.Relations))
	}
	if f.Marked && f.Unit == "" {
		return r.ErrorAt(t.Name, "task %q is %s, but its field is a list of %d spans, which are for tagging", t.Name, t.Type, len(f.Spans))
	}
	return nil
}

// number returns the value of a regression, and whether it is there.
func number(r *source.Record, t *schema.Task) (float64, bool, error) {
	label, ok, err := single(r, t)
	if err != nil || !ok {
		return math.NaN(), false, err
	}
	x, err := schema.ParseNumber(label[0])
	if err != nil {
		return 0, false, r.ErrorAt(t.Name, "task %q is regression, %q %w", t.Name, label[0], err)
	}
	return x, true, nil
}

// several returns the labels of a task that may have any number of them, each
// once, and whether the field is there at all. A list may be empty: none
// applies.
func several(r *source.Record, t *schema.Task) ([]string, bool, error) {
	f, ok := r.Fields[t.Name]
	if !ok || f.Missing() {
		return nil, false, nil
	}
	if err := noSpans(r, t, f); err != nil {
		return nil, false, err
	}
	parts := f.Tokens
	if !f.List {
		separator := t.Separator
		if separator == "" {
			separator = ","
		}
		parts = strings.Split(f.Text, separator)
	}
	var labels []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" && !slices.Contains(labels, p) {
			labels = append(labels, p)
		}
	}
	return labels, true, nil
}

// Encode reads examples into a data set.
func (e *Encoder) Encode(in source.Input) (*Dataset, error) {
	if e.labels == nil {
		return nil, fmt.Errorf("data: the encoder has not learned from training data yet")
	}
	d := newDataset(e.schema)
	d.ignores = e.Unseen == IgnoreUnseen
	err := e.each(in, &d.Stats, func(r *source.Record, x *example) error {
		if e.SkipUnlabelled {
			d.rows = append(d.rows, d.Len()+d.Stats.Unlabelled)
		}
		return e.add(d, r, x)
	})
	if err != nil {
		return nil, err
	}
	if d.Len() == 0 {
		return nil, e.nothing(in, &d.Stats)
	}
	return d, nil
}

func (e *Encoder) add(d *Dataset, r *source.Record, x *example) error {
	if e.columns != nil {
		e.columns.add(d, x.cells)
	}
	words := x.units()
	if limit := e.schema.Inputs[0].MaxLength; limit > 0 && len(words) > limit {
		d.Stats.Truncated++
		d.Stats.Cut += len(words) - limit
		words = words[:limit]
	}
	for _, w := range words {
		id := e.vocabulary.ID(w.word)
		if id == text.Unknown {
			d.Stats.Unknown++
		}
		d.ids = append(d.ids, int32(id))
		d.scripts.add(w.form, x.listed)
		if e.characters != nil {
			d.addForm(e.characters, w.form)
		}
	}
	d.Stats.Tokens += len(words)
	if e.KeepText {
		s, err := e.text(r, len(x.tokens))
		if err != nil {
			return err
		}
		d.texts = append(d.texts, s)
	}
	for i, l := range x.labels {
		l, kept := l, len(words)
		if e.schema.Tasks[i].Type == schema.Relation {
			if err := e.addRelations(d, r, i, x, kept); err != nil {
				return err
			}
			continue
		}
		if x.begins != nil && e.schema.Tasks[i].Type == schema.Tagging {
			l = e.spread(i, l, x.begins[:kept])
		}
		if err := e.label(d, r, i, l, kept); err != nil {
			return err
		}
	}
	d.offsets = append(d.offsets, len(d.ids))
	return nil
}

// spread gives the tags of tokens to their first pieces; other pieces have
// none. begins says which token each piece that is kept begins.
func (e *Encoder) spread(task int, l labels, begins []int) labels {
	if !l.ok {
		return l
	}
	begun := 0
	for _, token := range begins {
		begun = max(begun, token+1)
	}
	tags := cut(e.schema.Tasks[task].Scheme, l.list, begun)
	list := make([]string, len(begins))
	for piece, token := range begins {
		if token < 0 {
			continue
		}
		list[piece] = tags[token]
		if _, known := e.labels[task][tags[token]]; !known && tags[token] != l.list[token] {
			list[piece] = "" // only the cut made it
		}
	}
	l.list = list
	return l
}

// label adds what a record says of task i, of the tokens that are kept.
func (e *Encoder) label(d *Dataset, r *source.Record, i int, l labels, kept int) error {
	t := &e.schema.Tasks[i]
	c := &d.columns[i]
	if t.Type == schema.Regression {
		c.values = append(c.values, l.value)
		return nil
	}
	list := l.list
	if t.Type == schema.Tagging && l.ok {
		list = cut(t.Scheme, list, kept)
	}
	numbers := make([]int32, 0, len(list)) // not nil: a set may be empty
	for j, label := range list {
		n := int32(missing)
		if label != "" {
			var err error
			if n, err = e.number(d, r, i, label, t.Type == schema.Tagging && label != l.list[j]); err != nil {
				return err
			}
		}
		if n != missing || t.Type != schema.MultiLabel {
			numbers = append(numbers, n)
		}
	}
	switch {
	case t.Type == schema.Tagging && l.ok:
		c.tags = append(c.tags, numbers...)
	case t.Type == schema.Tagging:
		for range kept {
			c.tags = append(c.tags, missing)
		}
	case t.Type == schema.MultiLabel && l.ok:
		c.sets = append(c.sets, numbers)
	case t.Type == schema.MultiLabel:
		c.sets = append(c.sets, nil)
	case l.ok:
		c.classes = append(c.classes, numbers...)
	default:
		c.classes = append(c.classes, missing)
	}
	return nil
}
