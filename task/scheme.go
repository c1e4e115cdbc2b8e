package task

import (
	"fmt"
	"slices"
	"strings"

	"espalier/schema"
)

// Sequence names the dimension of a batch whose size is the tokens of its longest
// example, and Examples that of the examples.
const (
	Sequence = "sequence"
	Examples = "batch"
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

// begun are the tags of the tokens that a piece begins, in their order. A span that loses
// tokens, at the text's end or within, is spelled anew.
func begun(scheme string, tags []string, begins []int) []string {
	var kept []string
	before := make([]int, len(tags)+1) // of a token, how many in front of it are kept
	for _, token := range begins {
		if token >= 0 {
			kept = append(kept, tags[token])
			before[token+1] = 1
		}
	}
	for i := range tags {
		before[i+1] += before[i]
	}
	if before[len(kept)] == len(kept) {
		return cut(scheme, tags, len(kept))
	}
	if scheme == "" {
		return kept
	}
	for start := 0; start < len(tags); {
		end := start
		for end < len(tags) && tags[end] != "" {
			end++
		}
		from, to := before[start], before[end]
		var spans []schema.Span
		for _, s := range schema.Spans(tags[start:end]) {
			s.Start, s.End = before[start+s.Start]-from, before[start+s.End]-from
			if s.Start < s.End {
				spans = append(spans, s)
			}
		}
		copy(kept[from:], schema.SpellSpans(scheme, spans, to-from))
		start = end + 1
	}
	return kept
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
