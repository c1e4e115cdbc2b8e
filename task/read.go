package task

import (
	"fmt"
	"strings"

	"espalier/schema"
)

// Field is what a record has under a task's name: a text, a list of tokens, spans
// or relations.
type Field struct {
	Text   string
	Tokens []string
	List   bool // Tokens is in use
	// Spans are labelled stretches of the input's tokens where that is a list, and
	// of its characters where it is a text.
	Spans  []schema.Span
	Marked bool // Spans is in use
	// Links are pairs of the spans of another field.
	Links  []Link
	Linked bool // Links is in use
	// Unit is what the spans count, where the reader knows: bytes.
	Unit string
}

// Link is a labelled pair of spans, by their numbers in another field, from 0.
type Link struct {
	Type       string
	Head, Tail int
}

// Missing reports whether the field holds nothing: a text that is empty or white
// space is a missing label.
func (f *Field) Missing() bool {
	return !f.List && !f.Marked && !f.Linked && strings.TrimSpace(f.Text) == ""
}

// Record is what a type reads a label from.
type Record struct {
	Field Field
	Given bool // there is a field of the task's name
	// Input is the text that the model reads, and Tokens its tokens; both are empty
	// for a model that reads no text.
	Input  Field
	Tokens []Token
	// Entities has the labels of the task whose spans a relation joins.
	Entities *Labels
	// Rules say what to do with tags that are not as they should be, Counts counts what
	// was done. A record that is refused may have been counted in part.
	Rules  TagRules
	Counts *Counts
}

// Token is a word as the vocabulary knows it and as it stands in the text, and where,
// in bytes, if the input is a text.
type Token struct {
	Word, Form string
	Start, End int
}

// Labels is what a record says of one task, before labels have numbers.
type Labels struct {
	// OK says that there is a label, which may be that none applies.
	OK bool
	// Names has the tag of each token, the labels that apply, or the one label.
	Names []string
	Value float64
	// Spans are those of tags by their numbers in the record; nil where only tags
	// are given and no relation has asked. Relations join them.
	Spans     []schema.Span
	Relations []Related
}

// Related is a relation between spans of tokens.
type Related struct {
	Label      string
	Head, Tail schema.Span
}

// Gone is a span of a record that is left out.
var Gone = schema.Span{Start: -1, End: -1}

// Counts counts what was done to labels that could not be taken as they stood.
type Counts struct {
	CutTags     int // tags that cutting a span made, and training never had
	Repaired    int // tags changed to be legal in their scheme
	Overlapping int // spans left out because they share tokens with others
	Misaligned  int // spans left out or widened because they begin or end within tokens
	Unrelated   int // relations left out because an entity of theirs was
}

// Add adds what another has counted.
func (c *Counts) Add(o *Counts) {
	c.CutTags += o.CutTags
	c.Repaired += o.Repaired
	c.Overlapping += o.Overlapping
	c.Misaligned += o.Misaligned
	c.Unrelated += o.Unrelated
}

// TokenError is a mistake in the label of one token, counted from 0.
type TokenError struct {
	Token int
	Err   error
}

func (e *TokenError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake.
func (e *TokenError) Unwrap() error { return e.Err }

// single returns the one label of a record, and whether it is there.
func single(t *schema.Task, r *Record) (label string, ok bool, err error) {
	if !r.Given || r.Field.Missing() {
		return "", false, nil
	}
	if r.Field.List {
		return "", false, fmt.Errorf("task %q is %s, but its field is a list of %d tokens; map it to a column or comment with one value", t.Name, t.Type, len(r.Field.Tokens))
	}
	if err := noSpans(t, &r.Field); err != nil {
		return "", false, err
	}
	return strings.TrimSpace(r.Field.Text), true, nil
}

// noSpans refuses a field that is nothing but spans or relations.
func noSpans(t *schema.Task, f *Field) error {
	if f.Linked {
		return fmt.Errorf("task %q is %s, but its field is a list of %d relations", t.Name, t.Type, len(f.Links))
	}
	if f.Marked && f.Unit == "" {
		return fmt.Errorf("task %q is %s, but its field is a list of %d spans, which are for tagging", t.Name, t.Type, len(f.Spans))
	}
	return nil
}

// readLabel reads the one label of a record.
func readLabel(t *schema.Task, r *Record) (Labels, error) {
	label, ok, err := single(t, r)
	if !ok || err != nil {
		return Labels{}, err
	}
	return Labels{OK: true, Names: []string{label}}, nil
}

// readNumber reads the number of a record.
func readNumber(t *schema.Task, r *Record) (Labels, error) {
	text, ok, err := single(t, r)
	if !ok || err != nil {
		return Labels{}, err
	}
	x, err := schema.ParseNumber(text)
	if err != nil {
		return Labels{}, fmt.Errorf("task %q is %s, %q %w", t.Name, t.Type, text, err)
	}
	return Labels{OK: true, Value: x}, nil
}
