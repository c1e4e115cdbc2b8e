package subword

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// splitter takes a passage apart.
type splitter func(passage) []passage

// match is a stretch of a text that a pattern found, or one between those.
type match struct {
	start, end int
	is         bool
}

// behavior says what happens to what was found.
type behavior int

const (
	removed    behavior = iota
	isolated            // each is a part
	withBefore          // joined to what is in front of it
	withNext            // joined to what is behind it
	contiguous          // those side by side are one part
)

var behaviors = map[string]behavior{
	"Removed": removed, "Isolated": isolated, "MergedWithPrevious": withBefore, "MergedWithNext": withNext, "Contiguous": contiguous,
}

// apply takes a passage apart at matches that cover it.
func apply(p passage, matches []match, b behavior) []passage {
	joined := p.scratch.matches.take(len(matches))
	switch b {
	case removed:
		for _, m := range matches {
			if !m.is {
				joined = append(joined, m)
			}
		}
	case isolated:
		joined = matches
	case withNext:
		joined = mergeNext(joined, matches)
	default:
		before := false
		for _, m := range matches {
			join := m.is && !before
			if b == contiguous {
				join = m.is == before
			}
			if n := len(joined); join && n > 0 {
				joined[n-1].end = m.end
			} else {
				joined = append(joined, m)
			}
			before = m.is
		}
	}
	out := p.scratch.passages.take(len(joined))
	for _, m := range joined {
		out = append(out, p.slice(m.start, m.end))
	}
	return out
}

// mergeNext joins each match to the stretch behind it, from the end.
func mergeNext(back, matches []match) []match {
	behind := false
	for i := len(matches) - 1; i >= 0; i-- {
		m := matches[i]
		if n := len(back); m.is && !behind && n > 0 {
			back[n-1].start = m.start
		} else {
			back = append(back, m)
		}
		behind = m.is
	}
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	return back
}

// finder finds matches that, with what is between them, cover a text.
type finder func(scratch *Scratch, s string) []match

// each finds single characters.
func each(is func(rune) bool) finder {
	return func(scratch *Scratch, s string) []match {
		out := scratch.matches.take(8)
		open := 0
		for i, r := range s {
			if !is(r) {
				continue
			}
			if open < i {
				out = scratch.matches.push(out, match{open, i, false})
			}
			open = i + utf8.RuneLen(r)
			out = scratch.matches.push(out, match{i, open, true})
		}
		if open < len(s) {
			out = scratch.matches.push(out, match{open, len(s), false})
		}
		return out
	}
}

// literal finds a text.
func literal(what string) finder {
	return func(scratch *Scratch, s string) []match {
		out := scratch.matches.take(2*strings.Count(s, what) + 1)
		open := 0
		for what != "" {
			i := strings.Index(s[open:], what)
			if i < 0 {
				break
			}
			if i > 0 {
				out = append(out, match{open, open + i, false})
			}
			out = append(out, match{open + i, open + i + len(what), true})
			open += i + len(what)
		}
		if open < len(s) {
			out = append(out, match{open, len(s), false})
		}
		return out
	}
}

func splitAt(find finder, b behavior, invert bool) splitter {
	return func(p passage) []passage {
		matches := find(p.scratch, p.text)
		if invert {
			for i := range matches {
				matches[i].is = !matches[i].is
			}
		}
		return apply(p, matches, b)
	}
}

// words finds runs of word characters and runs of others that are no white
// space: \w+|[^\w\s]+.
func words(p passage) []passage {
	out := p.scratch.passages.take(8)
	kind, open := 0, 0
	for i, r := range p.text {
		k := 2
		switch {
		case unicode.IsSpace(r):
			k = 0
		case isWord(r):
			k = 1
		}
		if k != kind {
			if kind != 0 {
				out = p.scratch.passages.push(out, p.slice(open, i))
			}
			kind, open = k, i
		}
	}
	if kind != 0 {
		out = p.scratch.passages.push(out, p.slice(open, len(p.text)))
	}
	return out
}

// metaspace writes spaces as a visible character, one of which stands in front
// of a text, and splits in front of each.
func metaspace(replacement, scheme string, split bool) splitter {
	space, find := literal(" "), literal(replacement)
	return func(p passage) []passage {
		p.replace(space(p.scratch, p.text), replacement)
		if !strings.HasPrefix(p.text, replacement) && (scheme == "always" || scheme == "first" && p.base == 0) {
			p.prepend(replacement)
		}
		if !split {
			return append(p.scratch.passages.take(1), p)
		}
		return apply(p, find(p.scratch, p.text), withNext)
	}
}
