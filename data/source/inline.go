package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"espalier/schema"
)

// inline reads fields of a column whose text has its spans written inside, as
// in "wake me at [time : nine am] on [date : friday]". Such a field is the
// plain text, with spans.
type inline struct {
	Reader
	fields []string
}

func openInline(s Source, fields []string) (Reader, error) {
	r := &inline{}
	for _, f := range fields {
		if place, _ := s.place(f); place == s.Inline {
			r.fields = append(r.fields, f)
		}
	}
	mapped := slices.Contains(slices.Collect(maps.Values(s.Fields)), s.Inline) // to a field that is not asked for
	if len(r.fields) == 0 && !mapped {
		return nil, fmt.Errorf("data: no field is read from %q, which is inline; map some to it, as in fields: {text: %s, slots: %s}", s.Inline, s.Inline, s.Inline)
	}
	s.Inline = ""
	in, err := s.records(fields)
	r.Reader = in
	return r, err
}

func (r *inline) Next() (*Record, error) {
	rec, err := r.Reader.Next()
	if err != nil {
		return nil, err
	}
	for _, name := range r.fields {
		f, ok := rec.Fields[name]
		if !ok {
			continue
		}
		if f.List {
			return nil, rec.ErrorAt(name, "%q is a list, inline spans stand in a text", name)
		}
		if f, err = inlineField(f); err != nil {
			return nil, rec.ErrorAt(name, "%w", err)
		}
		rec.Fields[name] = f
	}
	return rec, nil
}

// inlineField takes the spans out of a text: a bracket, a type, a colon, words
// and a bracket. Their offsets are bytes.
func inlineField(f Field) (Field, error) {
	rest := f.Text
	var plain strings.Builder
	f.Marked, f.Unit = true, "bytes"
	for {
		before, after, found := strings.Cut(rest, "[")
		if strings.Contains(before, "]") {
			return f, fmt.Errorf("the text %.60q closes a bracket that is not open; a span is written [type : words]", f.Text)
		}
		plain.WriteString(before)
		if !found {
			break
		}
		inside, behind, closed := strings.Cut(after, "]")
		kind, words, colon := strings.Cut(inside, ":")
		kind, words = strings.TrimSpace(kind), strings.TrimSpace(words)
		switch {
		case !closed || strings.Contains(inside, "["):
			return f, fmt.Errorf("the text %.60q has a bracket that is not closed; a span is written [type : words]", f.Text)
		case !colon || kind == "" || words == "":
			return f, fmt.Errorf("the text %.60q has [%s] in it; a span is written [type : words]", f.Text, inside)
		}
		f.Spans = append(f.Spans, schema.Span{Type: kind, Start: plain.Len(), End: plain.Len() + len(words)})
		plain.WriteString(words)
		rest = behind
	}
	f.Text = plain.String()
	return f, nil
}
