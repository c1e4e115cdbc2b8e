package data

import (
	"fmt"
	"slices"
	"strings"

	"espalier/data/source"
	"espalier/schema"
)

// TagRules say what to do with a tagging task's labels that are not as they
// should be. The zero value refuses them.
type TagRules struct {
	// Repair makes tags legal in the task's scheme that are not, such as an I-x
	// after O: they are spelled anew from the spans that [schema.Spans] finds.
	Repair bool
	// Overlap says what to do with spans that share tokens: error (the
	// default), longest or first, which keep the longest of them, and the one
	// that starts first.
	Overlap string
	// Misaligned says what to do with spans of characters that begin or end
	// within a token: error (the default), drop, or widen to whole tokens.
	Misaligned string
	// Offsets says what spans of a text count: characters (the default, code
	// points), bytes (of UTF-8) or utf16 (code units).
	Offsets string
}

// tags returns a record's labels of a tagging task, one for each token, as the
// task's scheme spells them, and the spans that they spell where those are given.
func (e *Encoder) tags(r *source.Record, t *schema.Task, tokens []token, stats *Stats) (all []string, spans []schema.Span, ok bool, err error) {
	f, ok := r.Fields[t.Name]
	if !ok || f.Missing() {
		return nil, nil, false, nil
	}
	rules := e.Rules[t.Name]
	switch {
	case f.Related:
		return nil, nil, false, r.ErrorAt(t.Name, "task %q is %s, but its field is a list of %d relations", t.Name, t.Type, len(f.Relations))
	case f.Marked, t.Scheme != "" && f.List && len(f.Tokens) == 0: // an empty list holds no spans
		all, spans, err = spell(r, t, f, e.input(r), tokens, rules, stats)
		return all, spans, true, err
	case f.List:
		all = f.Tokens
	default:
		all = strings.Fields(f.Text)
	}
	if len(all) != len(tokens) {
		return nil, nil, false, r.ErrorAt(t.Name, "task %q has %d tags for %d tokens", t.Name, len(all), len(tokens))
	}
	for i, tag := range all {
		if err := checkScheme(t.Scheme, tag); err != nil {
			return nil, nil, false, r.ErrorAtToken(t.Name, i, "task %q: %w", t.Name, err)
		}
	}
	at, why := illegal(t.Scheme, all)
	if at < 0 {
		return all, nil, true, nil
	}
	if !rules.Repair {
		return nil, nil, false, r.ErrorAtToken(t.Name, at, "task %q: tag %q of token %d, %.40q, cannot %s in scheme %s (correct it, or set tasks.%s.repair: true)",
			t.Name, all[at], at+1, tokens[at].form, why, t.Scheme, t.Name)
	}
	legal := repaired(t.Scheme, all)
	for i := range all {
		if legal[i] != all[i] {
			stats.Repaired++
		}
	}
	return legal, nil, true, nil
}

// illegal returns the first tag that cannot stand where it does, and what it
// cannot do; -1 where all may. Next to a tag that is missing everything may.
func illegal(scheme string, tags []string) (at int, why string) {
	for i, tag := range tags {
		switch {
		case tag == "":
		case i == 0 && !schema.LegalNext(scheme, "", tag):
			return i, "begin a text"
		case i > 0 && tags[i-1] != "" && !schema.LegalNext(scheme, tags[i-1], tag):
			return i, fmt.Sprintf("follow %q", tags[i-1])
		case i == len(tags)-1 && !schema.LegalNext(scheme, tag, ""):
			return i, "end a text"
		}
	}
	return -1, ""
}

// repaired spells the spans of tags anew, between those that are missing.
func repaired(scheme string, tags []string) []string {
	out := slices.Clone(tags)
	for start := 0; start < len(tags); {
		end := start
		for end < len(tags) && tags[end] != "" {
			end++
		}
		copy(out[start:], schema.SpellSpans(scheme, schema.Spans(tags[start:end]), end-start))
		start = end + 1
	}
	return out
}

// cut shortens tags to those of the tokens that are kept. A span that is cut
// through ends where the text does.
func cut(scheme string, tags []string, kept int) []string {
	if kept == len(tags) {
		return tags
	}
	tags = tags[:kept]
	if at, _ := illegal(scheme, tags); at >= 0 {
		return repaired(scheme, tags)
	}
	return tags
}
