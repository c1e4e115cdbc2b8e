package schema

import "strings"

// Span is a labelled stretch of tokens, End exclusive.
type Span struct {
	Type       string
	Start, End int
}

// Spans returns the spans of a sequence of BIO or BIOES tags, as the CoNLL-2000
// shared task's conlleval script finds them: B- and S- start a span, I- and E-
// continue one of their type and start one otherwise, E- and S- end theirs, O
// and every change of type end one.
func Spans(tags []string) []Span { return AppendSpans(nil, tags) }

// AppendSpans appends to spans what [Spans] returns.
func AppendSpans(spans []Span, tags []string) []Span {
	open := false
	for i, tag := range tags {
		prefix, kind, ok := strings.Cut(tag, "-")
		if !ok {
			prefix, kind = tag, ""
		}
		inside := prefix == "I" || prefix == "E"
		starts := prefix == "B" || prefix == "S" || inside && (!open || spans[len(spans)-1].Type != kind)
		switch {
		case starts:
			spans = append(spans, Span{kind, i, i + 1})
			open = true
		case inside:
			spans[len(spans)-1].End = i + 1
		default:
			open = false
		}
		if prefix == "E" || prefix == "S" {
			open = false
		}
	}
	return spans
}

// SpellSpans returns the tags of n tokens with the given spans, which share no
// token and lie within them: what [Spans] takes apart again. The scheme is bio
// or bioes.
func SpellSpans(scheme string, spans []Span, n int) []string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = "O"
	}
	for _, s := range spans {
		for i := s.Start; i < s.End; i++ {
			prefix := "I-"
			switch {
			case scheme == "bioes" && s.End-s.Start == 1:
				prefix = "S-"
			case i == s.Start:
				prefix = "B-"
			case scheme == "bioes" && i == s.End-1:
				prefix = "E-"
			}
			tags[i] = prefix + s.Type
		}
	}
	return tags
}
