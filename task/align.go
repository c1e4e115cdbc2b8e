package task

import (
	"cmp"
	"fmt"
	"slices"

	"espalier/schema"
)

// spell turns a field's spans into tags: those of a list count tokens, those of a text
// characters. It also returns each span as one of tokens, and [Gone] for those that
// are left out.
func spell(t *schema.Task, r *Record) ([]string, []schema.Span, error) {
	if t.Scheme == "" {
		return nil, nil, fmt.Errorf("task %q is given as spans; say how tags spell them: scheme: bio or bioes", t.Name)
	}
	f := &r.Field
	spans := make([]span, len(f.Spans))
	for i, s := range f.Spans {
		spans[i] = span{s, i}
	}
	wrong := func(s span, format string, args ...any) error {
		own := f.Spans[s.index]
		return fmt.Errorf("task %q: span %d, %s from %d to %d, %w", t.Name, s.index, own.Type, own.Start, own.End, fmt.Errorf(format, args...))
	}
	if !r.Input.List {
		unit := r.Rules.Offsets
		if f.Unit != "" {
			unit = f.Unit
		}
		var err error
		if spans, err = align(spans, r, unit, wrong); err != nil {
			return nil, nil, err
		}
	}
	for _, s := range spans {
		if s.Start < 0 || s.Start >= s.End || s.End > len(r.Tokens) {
			return nil, nil, wrong(s, "is not within the %d tokens", len(r.Tokens))
		}
	}
	spans, err := disjoint(spans, r.Rules.Overlap, r.Counts, wrong)
	if err != nil {
		return nil, nil, err
	}
	kept, places := make([]schema.Span, len(spans)), slices.Repeat([]schema.Span{Gone}, len(f.Spans))
	for i, s := range spans {
		kept[i], places[s.index] = s.Span, s.Span
	}
	return schema.SpellSpans(t.Scheme, kept, len(r.Tokens)), places, nil
}

// span is a span and its number in the record.
type span struct {
	schema.Span
	index int
}

// align turns spans of characters into spans of tokens. White space at their
// ends belongs to no token and does no harm.
func align(spans []span, r *Record, unit string, wrong func(span, string, ...any) error) ([]span, error) {
	text, tokens, rules := r.Input.Text, r.Tokens, r.Rules
	places := offsets(text, unit)
	var out []span
	for _, s := range spans {
		if s.Start < 0 || s.Start >= s.End || s.End >= len(places) {
			return nil, wrong(s, "is not within the text's %d %s", len(places)-1, units[unit])
		}
		start, end := places[s.Start], places[s.End]
		first, last := 0, len(tokens)
		for first < last && tokens[first].End <= start {
			first++
		}
		for last > first && tokens[last-1].Start >= end {
			last--
		}
		if first == last || tokens[first].Start < start || tokens[last-1].End > end {
			switch {
			case rules.Misaligned != "drop" && rules.Misaligned != "widen" && first == last:
				return nil, wrong(s, "covers no token (correct it, or leave such spans out by misaligned: drop)")
			case rules.Misaligned != "drop" && rules.Misaligned != "widen":
				return nil, wrong(s, "does not begin and end where tokens do: it has %q, the tokens are %q (correct it, use a tokenizer that splits there, or set misaligned: drop or widen)",
					text[start:end], text[tokens[first].Start:tokens[last-1].End])
			}
			r.Counts.Misaligned++
			if first == last || rules.Misaligned == "drop" {
				continue
			}
		}
		s.Start, s.End = first, last
		out = append(out, s)
	}
	return out, nil
}

// units name what offsets count.
var units = map[string]string{"": "characters", "characters": "characters", "bytes": "bytes", "utf16": "UTF-16 code units"}

// offsets returns the byte where each unit of a text starts, and its end.
func offsets(text, unit string) []int {
	var at []int
	if unit == "bytes" {
		for i := range len(text) + 1 {
			at = append(at, i)
		}
		return at
	}
	for i, c := range text {
		at = append(at, i)
		if unit == "utf16" && c > 0xffff {
			at = append(at, i)
		}
	}
	return append(at, len(text))
}

// disjoint leaves no two spans that share a token, in the order in which they
// start.
func disjoint(spans []span, rule string, counts *Counts, wrong func(span, string, ...any) error) ([]span, error) {
	length := func(s span) int { return s.End - s.Start }
	order := slices.Clone(spans)
	slices.SortStableFunc(order, func(a, b span) int {
		longer, earlier := cmp.Compare(length(b), length(a)), cmp.Compare(a.Start, b.Start)
		if rule == "longest" {
			return cmp.Or(longer, earlier)
		}
		return cmp.Or(earlier, longer)
	})
	var kept []span
	for _, s := range order {
		with := slices.IndexFunc(kept, func(k span) bool { return k.Start < s.End && s.Start < k.End })
		switch {
		case with < 0:
			kept = append(kept, s)
		case rule == "longest" || rule == "first":
			counts.Overlapping++
		default:
			k := kept[with]
			return nil, wrong(s, "shares tokens with span %d, %s; a tag is of one span (keep one of them by overlap: longest or first)", k.index, k.Type)
		}
	}
	slices.SortFunc(kept, func(a, b span) int { return cmp.Compare(a.Start, b.Start) })
	return kept, nil
}
