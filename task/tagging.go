package task

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"espalier/metric"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
	"espalier/text"
)

// tagging chooses one of the labels for every token. With a scheme, tags spell spans.
type tagging struct{}

func (tagging) Name() schema.TaskType { return schema.Tagging }
func (tagging) Traits() Traits        { return Traits{OfToken, OneLabel} }

// Roles: probabilities [batch, sequence, labels] and label [batch, sequence].
func (tagging) Roles() []schema.Role { return []schema.Role{schema.Probabilities, schema.Label} }

func (tagging) Check(_ *schema.Schema, t *schema.Task) error { return checkLabels(t, 2) }

func (tagging) Options() []setting.Option {
	options := []setting.Option{
		{Key: "scheme", Kind: setting.Word, Words: []string{"bio", "bioes"}, Doc: "how tags spell spans; without it, tags are measured one by one"},
		{Key: "repair", Kind: setting.Flag, Default: false, Doc: "makes tags legal in the scheme that are not, such as an I-x after O, by spelling the spans they stand for anew; without it they are an error"},
		{Key: "overlap", Kind: setting.Word, Words: []string{"error", "longest", "first"}, Default: "error", Doc: "what happens to spans that share tokens; longest and first keep one and count the others"},
		{Key: "misaligned", Kind: setting.Word, Words: []string{"error", "drop", "widen"}, Default: "error", Doc: "what happens to spans of a text that begin or end within a token; drop and widen, to whole tokens, count them"},
		{Key: "offsets", Kind: setting.Word, Words: []string{"characters", "bytes", "utf16"}, Default: "characters", Doc: "what spans of a text count: code points, bytes of UTF-8, or code units of UTF-16"},
	}
	for i := range options[1:] {
		ofSpans(&options[i+1])
	}
	return options
}

// ofSpans makes a setting one of tags that spell spans.
func ofSpans(o *setting.Option) {
	const elsewhere = "is for tagging with a scheme, bio or bioes"
	o.Elsewhere = elsewhere
	o.Moot = func(of setting.Values) string {
		if of.Text("scheme") == "" {
			return elsewhere
		}
		return ""
	}
}

func (tagging) Configure(v setting.Values, t *schema.Task, rules *TagRules) {
	t.Scheme = v.Text("scheme")
	rules.Repair = v.Flag("repair")
	rules.Overlap = v.Text("overlap")
	rules.Misaligned = v.Text("misaligned")
	rules.Offsets = v.Text("offsets")
}

// Read returns a label for each token, as the task's scheme spells them, and the spans
// that they spell where those are given.
func (tagging) Read(t *schema.Task, r *Record) (Labels, error) {
	if !r.Given || r.Field.Missing() {
		return Labels{}, nil
	}
	var tags []string
	switch f := &r.Field; {
	case f.Linked:
		return Labels{}, fmt.Errorf("task %q is %s, but its field is a list of %d relations", t.Name, t.Type, len(f.Links))
	case f.Marked, t.Scheme != "" && f.List && len(f.Tokens) == 0: // an empty list holds no spans
		tags, spans, err := spell(t, r)
		return Labels{OK: err == nil, Names: tags, Spans: spans}, err
	case f.List:
		tags = f.Tokens
	default:
		tags = strings.Fields(f.Text)
	}
	tags, err := checkTags(t, r, tags)
	return Labels{OK: err == nil, Names: tags}, err
}

// checkTags refuses or repairs tags that cannot stand where they do.
func checkTags(t *schema.Task, r *Record, tags []string) ([]string, error) {
	if len(tags) != len(r.Tokens) {
		return nil, fmt.Errorf("task %q has %d tags for %d tokens", t.Name, len(tags), len(r.Tokens))
	}
	for i, tag := range tags {
		if err := checkScheme(t.Scheme, tag); err != nil {
			return nil, &TokenError{i, fmt.Errorf("task %q: %w", t.Name, err)}
		}
	}
	at, why := illegal(t.Scheme, tags)
	if at < 0 {
		return tags, nil
	}
	if !r.Rules.Repair {
		return nil, &TokenError{at, fmt.Errorf("task %q: tag %q of token %d, %.40q, cannot %s in scheme %s (correct it, or set tasks.%s.repair: true)",
			t.Name, tags[at], at+1, r.Tokens[at].Form, why, t.Scheme, t.Name)}
	}
	legal := repaired(t.Scheme, tags)
	for i := range tags {
		if legal[i] != tags[i] {
			r.Counts.Repaired++
		}
	}
	return legal, nil
}

func (tagging) NewLearner(LearnOptions) Learner { return newLabelLearner(2, named) }

func (tagging) NewTargets(_ *schema.Schema, t *schema.Task) Targets {
	return &tags{labels: LabelsInput(t.Name), scheme: t.Scheme, ends: []int{0}}
}

func (tagging) NewJudge(_ *schema.Schema, t *schema.Task, targets func(string) Targets) Judge {
	return &tagJudge{task: t, targets: targets(t.Name).(*tags)}
}

func (tagging) Metrics() []string {
	return []string{"accuracy", "span_f1", "exact_match", "macro_f1", "micro_f1"}
}

func (tagging) Main(t *schema.Task) string {
	if t.Scheme != "" {
		return "span_f1"
	}
	return "accuracy"
}

func (tagging) NewMetric(name string, t *schema.Task, unseen []string) metric.Accumulator {
	switch name {
	case "span_f1":
		return metric.NewSpanF1(t.Labels, unseen...)
	case "exact_match":
		return metric.NewExactMatch()
	case "macro_f1":
		return metric.NewF1(len(t.Labels), metric.Macro)
	case "micro_f1":
		return metric.NewF1(len(t.Labels), metric.Micro)
	}
	return metric.NewAccuracy()
}

func (tagging) NewLabelMetric(kind, label string, t *schema.Task, unseen []string) (metric.Accumulator, error) {
	if t.Scheme == "" {
		return labelMetric(kind, label, t, classF1(t))
	}
	if types := schema.SpanTypes(t.Labels); !slices.Contains(types, label) {
		return nil, fmt.Errorf("metric: %s:%s names a type of spans that the task does not have; its types are %s", kind, label, some(types))
	}
	s := metric.NewSpanF1(t.Labels, unseen...)
	return metric.NewOfLabel(kind, s, func() metric.Score { return s.Type(label) }), nil
}

func (tagging) ThresholdMetrics() []string { return nil }

func (tagging) Constant(t *schema.Task, _ string) Constant { return mostFrequent(t, false) }

// Decode reads as many tags as there are tokens, and the spans that they spell.
func (tagging) Decode(d *Decoder, v *View, i int, in *Input, a *Answer) error {
	n := len(in.Tokens)
	if !in.HasText {
		n = v.length
	}
	if n > v.length {
		return fmt.Errorf("the outputs have %d places for %d tokens", v.length, n)
	}
	if cap(a.Tags) < n || a.Tags == nil {
		a.Tags = carve(&d.tags, n, d.tokens)
	}
	d.tokens -= len(in.Tokens)
	a.Tags = a.Tags[:n]
	d.names = d.names[:0]
	for j := range a.Tags {
		place := j
		if in.HasText {
			place = in.place(j)
		}
		l, probability, err := v.at(i*v.length + place)
		if err != nil {
			return err
		}
		a.Tags[j] = Tag{v.task.Labels[l], probability}
		d.names = append(d.names, a.Tags[j].Label)
	}
	if a.Spans = a.Spans[:0]; v.task.Scheme != "" && in.HasText {
		a.Spans = d.spans(a.Spans, in.Tokens, in.Text)
	}
	return nil
}

// spans joins the tags in d.names into stretches of the original text.
func (d *Decoder) spans(dst []Span, tokens []text.Token, original string) []Span {
	d.found = schema.AppendSpans(d.found[:0], d.names)
	if cap(dst) < len(d.found) {
		dst = make([]Span, 0, len(d.found))
	}
	at, character := 0, 0
	for _, s := range d.found {
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

func (tagging) Print(_ *schema.Task, a *Answer, in *Input) string {
	var b strings.Builder
	if a.Spans == nil && slices.ContainsFunc(a.Tags, func(t Tag) bool { return t.Label != "O" }) {
		for i, tag := range a.Tags {
			fmt.Fprintf(&b, "%s/%s ", in.Text[in.Tokens[i].Start:in.Tokens[i].End], tag.Label)
		}
		return b.String()
	}
	for i, s := range a.Spans {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s [%s]", s.Text, s.Type)
	}
	if len(a.Spans) == 0 {
		b.WriteString("-")
	}
	return b.String()
}

func (tagging) Describe(t *schema.Task) string { return describeLabels(t) }

// tags holds a tag for each token, or piece of one.
type tags struct {
	labels string // the tensor's name
	scheme string
	list   []int32
	ends   []int // example i has list[ends[i]:ends[i+1]]
}

func (c *tags) of(i int) []int32 { return c.list[c.ends[i]:c.ends[i+1]] }

// Add adds the tags of the tokens that are kept. Those of pieces are on the first
// piece of each token; the others have none.
func (c *tags) Add(l *Labels, u *Units, x *Index) error {
	defer func() { c.ends = append(c.ends, len(c.list)) }()
	if !l.OK {
		for range u.Kept {
			c.list = append(c.list, schema.MissingLabel)
		}
		return nil
	}
	if u.Begins == nil {
		kept := cut(c.scheme, l.Names, u.Kept)
		for i, tag := range kept {
			if err := c.add(tag, tag != l.Names[i], x); err != nil {
				return err
			}
		}
		return nil
	}
	kept := begun(c.scheme, l.Names, u.Begins)
	for _, token := range u.Begins {
		tag := ""
		if token >= 0 {
			tag, kept = kept[0], kept[1:]
			if tag != l.Names[token] && !x.Knows(tag) {
				tag = "" // only the cut made it
			}
		}
		if err := c.add(tag, false, x); err != nil {
			return err
		}
	}
	return nil
}

// add adds a tag. One that only a cut made is missing where training never had it.
func (c *tags) add(tag string, made bool, x *Index) error {
	n := int32(schema.MissingLabel)
	var err error
	switch {
	case tag == "":
	case made && !x.Knows(tag):
		x.counts.CutTags++
	default:
		n, err = x.Number(tag)
	}
	c.list = append(c.list, n)
	return err
}

func (c *tags) Copy(from Targets, i int) {
	c.list = append(c.list, from.(*tags).of(i)...)
	c.ends = append(c.ends, len(c.list))
}

func (c *tags) Has(i int) bool {
	return slices.ContainsFunc(c.of(i), func(l int32) bool { return l != schema.MissingLabel })
}

func (c *tags) Labelled(i int) int {
	n := 0
	for _, l := range c.of(i) {
		n += count(l != schema.MissingLabel)
	}
	return n
}

// Truth has as many labels as the example has tokens.
func (c *tags) Truth(i int, dst []int64) (Truth, bool) {
	t := Truth{Labels: dst[:0]}
	for _, l := range c.of(i) {
		t.Labels = append(t.Labels, int64(l))
		t.Count += count(l != schema.MissingLabel)
	}
	return t, t.Count > 0
}

func (c *tags) SetSizes(*tensor.Batch, []int) {}

// Fill makes int64 [batch, sequence], -1 where there is no tag.
func (c *tags) Fill(b *tensor.Batch, examples []int) int {
	length := b.Size(Sequence)
	out := tensor.Fill(b, c.labels, int64(schema.MissingLabel), len(examples), length)
	n := 0
	for row, i := range examples {
		for j, l := range c.of(i) {
			out[row*length+j] = int64(l)
			n += count(l >= 0)
		}
	}
	return n
}

func (c *tags) Clear(b *tensor.Batch) { clearLabels(b, c.labels) }

// CountWhole leaves out the examples in which a token has no tag, or one that
// training never had: the loss of a conditional random field is of whole sequences.
// Of pieces those that begin a word count.
func (c *tags) CountWhole(b *tensor.Batch, examples []int) int {
	length, labels, starts := b.Size(Sequence), b.Int64s(c.labels), b.Int64s(schema.WordStarts)
	n := 0
	for row, i := range examples {
		from, words, gap := row*length, 0, false
		for j, l := range labels[from : from+len(c.of(i))] {
			if starts != nil && starts[from+j] == 0 {
				continue
			}
			words++
			gap = gap || l < 0
		}
		if !gap {
			n += words
		}
	}
	return n
}

// tagJudge reads a label for each token.
type tagJudge struct {
	task      *schema.Task
	targets   *tags
	examples  []int
	length    int
	predicted []int64
	truth     []int64
}

func (j *tagJudge) Take(outputs map[string]*tensor.Tensor, examples []int, length int) error {
	predicted, err := takeLabels(outputs, j.task, len(examples)*length, len(examples), length)
	if err != nil {
		return err
	}
	j.examples, j.length, j.predicted = examples, length, predicted
	return nil
}

// Row has as many labels as the example has tokens: which others stand in its batch
// does not matter.
func (j *tagJudge) Row(row int) (Judged, bool) {
	truth, ok := j.targets.Truth(j.examples[row], j.truth)
	j.truth = truth.Labels
	return Judged{Truth: truth, Predicted: j.predicted[row*j.length : row*j.length+len(j.truth)]}, ok
}
