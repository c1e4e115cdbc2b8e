package subword

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalizer changes a passage.
type normalizer func(*passage)

// ascii reports whether s has no other characters.
func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// form returns the normalizer of a Unicode normalization form. It keeps account
// of where characters come from, which package norm does not: characters are
// decomposed one by one, sorted by combining class, and composed again as
// Unicode's annex 15 says.
func form(f norm.Form) normalizer {
	whole := norm.NFD
	if f == norm.NFKC || f == norm.NFKD {
		whole = norm.NFKD
	}
	return func(p *passage) {
		if ascii(p.text) || f.IsNormalString(p.text) {
			return
		}
		edits := decompose(whole, p.text)
		if f == norm.NFC || f == norm.NFKC {
			edits = compose(edits)
		}
		p.transform(edits, 0)
	}
}

func decompose(f norm.Form, s string) []edit {
	edits := make([]edit, 0, len(s))
	marks := 0 // trailing edits with a combining class
	sort := func() {
		slices.SortStableFunc(edits[len(edits)-marks:], func(a, b edit) int { return int(class(a.r)) - int(class(b.r)) })
		marks = 0
	}
	for _, r := range s {
		change := 0
		for _, d := range f.String(string(r)) {
			if class(d) == 0 {
				sort()
			} else {
				marks++
			}
			edits = append(edits, edit{r: d, change: change})
			change = 1
		}
	}
	sort()
	return edits
}

func class(r rune) uint8 {
	if r < 0x300 {
		return 0
	}
	return norm.NFD.PropertiesString(string(r)).CCC()
}

// compose joins what Unicode has one character for.
func compose(edits []edit) []edit {
	out := make([]edit, 0, len(edits))
	starter, last := -1, -1 // index of the last starter; class of what is behind it, -1: nothing
	for _, e := range edits {
		c := int(class(e.r))
		if starter >= 0 && last < c || starter >= 0 && last == -1 {
			if r, ok := pair(out[starter].r, e.r); ok {
				out[starter] = edit{r: r, change: out[starter].change + e.change - 1}
				continue
			}
		}
		if c == 0 {
			starter, last = len(out), -1
		} else {
			last = c
		}
		out = append(out, e)
	}
	return out
}

// pair returns the one character that two make, if there is one.
func pair(a, b rune) (rune, bool) {
	s := norm.NFC.String(string([]rune{a, b}))
	r, n := utf8.DecodeRuneInString(s)
	return r, n == len(s)
}

// filter drops characters.
func filter(keep func(rune) bool) normalizer {
	return func(p *passage) {
		edits := p.scratch.edits.take(len(p.text))
		dropped, any := 0, false
		for _, r := range p.text {
			switch {
			case keep(r):
				edits = append(edits, edit{r: r})
				continue
			case len(edits) == 0:
				dropped++
			default:
				edits[len(edits)-1].change--
			}
			any = true
		}
		if any {
			p.transform(edits, dropped)
		}
	}
}

func lowercase(p *passage) {
	if ascii(p.text) {
		lower := p.scratch.text.take(len(p.text))
		for i := range len(p.text) {
			c := p.text[i]
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			lower = append(lower, c)
		}
		p.text = written(lower)
		return
	}
	edits := p.scratch.edits.take(len(p.text))
	for _, r := range p.text {
		if r == 'İ' { // the one character whose lower case has two
			edits = append(edits, edit{r: 'i'}, edit{r: '\u0307', change: 1})
			continue
		}
		edits = append(edits, edit{r: unicode.ToLower(r)})
	}
	p.transform(edits, 0)
}

// mapped changes characters one for one.
func mapped(to func(rune) rune) normalizer {
	return func(p *passage) {
		changed := false
		edits := p.scratch.edits.take(len(p.text))
		for _, r := range p.text {
			e := to(r)
			changed = changed || e != r
			edits = append(edits, edit{r: e})
		}
		if changed {
			p.transform(edits, 0)
		}
	}
}

// strip drops white space at the ends.
func strip(left, right bool) normalizer {
	return func(p *passage) {
		start, end := 0, len(p.text)
		if left {
			start = end - len(strings.TrimLeftFunc(p.text, unicode.IsSpace))
		}
		if right {
			end = max(start, len(strings.TrimRightFunc(p.text, unicode.IsSpace)))
		}
		p.text, p.align = p.text[start:end], p.align[start:end]
	}
}

// nmt is the cleaning of Google's NMT models, as SentencePiece does it.
func nmt(p *passage) {
	filter(func(r rune) bool {
		return !(r >= 0x1 && r <= 0x8 || r == 0xB || r >= 0xE && r <= 0x1F || r == 0x7F || r == 0x8F || r == 0x9F)
	})(p)
	mapped(func(r rune) rune {
		switch r {
		case 0x9, 0xA, 0xC, 0xD, 0x1680, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
			return ' '
		}
		if r >= 0x200B && r <= 0x200F {
			return ' '
		}
		return r
	})(p)
}

// bert is the cleaning of BERT's own tokenizer.
func bert(clean, chinese, accents, lower bool) []normalizer {
	var steps []normalizer
	if clean {
		steps = append(steps, filter(func(r rune) bool { return r != 0 && r != utf8.RuneError && !isControl(r) }),
			mapped(func(r rune) rune {
				if unicode.IsSpace(r) {
					return ' '
				}
				return r
			}))
	}
	if chinese {
		steps = append(steps, spaceIdeographs)
	}
	if accents {
		steps = append(steps, form(norm.NFD), filter(func(r rune) bool { return !unicode.Is(unicode.Mn, r) }))
	}
	if lower {
		steps = append(steps, lowercase)
	}
	return steps
}

// spaceIdeographs puts spaces around ideographs.
func spaceIdeographs(p *passage) {
	if ascii(p.text) {
		return
	}
	edits := p.scratch.edits.take(len(p.text))
	for _, r := range p.text {
		if isIdeograph(r) {
			edits = append(edits, edit{r: ' ', change: 1}, edit{r: r}, edit{r: ' ', change: 1})
		} else {
			edits = append(edits, edit{r: r})
		}
	}
	p.transform(edits, 0)
}

// isControl reports what BERT calls a control character: of category Cc, Cf or
// Co, but for three that are white space.
func isControl(r rune) bool {
	if r == '\t' || r == '\n' || r == '\r' {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co)
}

// isIdeograph reports whether BERT takes a character for Chinese.
func isIdeograph(r rune) bool {
	for _, b := range [][2]rune{
		{0x4E00, 0x9FFF},
		{0x3400, 0x4DBF},
		{0x20000, 0x2A6DF},
		{0x2A700, 0x2B73F},
		{0x2B740, 0x2B81F},
		{0x2B920, 0x2CEAF},
		{0xF900, 0xFAFF},
		{0x2F800, 0x2FA1F},
	} {
		if r >= b[0] && r <= b[1] {
			return true
		}
	}
	return false
}

// isPunctuation reports whether a character is of a category P, or one of
// ASCII's signs.
func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && r < 0x7F && !(r >= '0' && r <= '9') && !(r >= 'A' && r <= 'Z') && !(r >= 'a' && r <= 'z')
	}
	return unicode.IsPunct(r)
}

// isWord reports whether a character is one of words, as \w of annex 18: of
// Alphabetic, M, Nd, Pc or Join_Control.
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control)
}
