package subword

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// byteRunes gives each byte a visible character, as GPT-2 does: itself where
// Latin-1 shows it, and one of U+0100 and on where not.
var byteRunes = func() (runes [256]rune) {
	next := rune(256)
	for b := range runes {
		shown := b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE
		if shown {
			runes[b] = rune(b)
			continue
		}
		runes[b] = next
		next++
	}
	return runes
}()

// toBytes makes each byte of a passage a character of its own.
func toBytes(p *passage) {
	edits := p.scratch.edits.take(len(p.text))
	for i := 0; i < len(p.text); i++ {
		change := 0
		if !utf8.RuneStart(p.text[i]) {
			change = 1
		}
		edits = append(edits, edit{r: byteRunes[p.text[i]], change: change})
	}
	p.transform(edits, 0)
}

// byteLevel splits as GPT-2 does and makes bytes characters.
func byteLevel(prefix, split bool) splitter {
	return func(p passage) []passage {
		if prefix && !strings.HasPrefix(p.text, " ") {
			p.prepend(" ")
		}
		parts := append(p.scratch.passages.take(1), p)
		if split {
			parts = apply(p, gpt2(p.scratch, p.text), isolated)
		}
		for i := range parts {
			toBytes(&parts[i])
		}
		return parts
	}
}

// gpt2 finds the pieces of GPT-2's expression, which cover a text:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func gpt2(scratch *Scratch, s string) []match {
	out := scratch.matches.take(8)
	for i := 0; i < len(s); {
		end := i + gpt2Piece(s[i:])
		out = scratch.matches.push(out, match{i, end, true})
		i = end
	}
	return out
}

var contractions = []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}

func gpt2Piece(s string) int {
	if s[0] == '\'' {
		for _, c := range contractions {
			if strings.HasPrefix(s, c) {
				return len(c)
			}
		}
	}
	at := 0
	if s[0] == ' ' {
		at = 1
	}
	r, _ := utf8.DecodeRuneInString(s[at:])
	if at == len(s) || unicode.IsSpace(r) {
		return blanks(s)
	}
	kind := letterKind(r)
	for i, r := range s[at:] {
		if letterKind(r) != kind {
			return at + i
		}
	}
	return len(s)
}

// blanks is the length of the white space that s starts with, less its last
// character where something else follows and it is not the only one.
func blanks(s string) int {
	last := 0
	for i, r := range s {
		if !unicode.IsSpace(r) {
			if last > 0 {
				return last
			}
			return i
		}
		last = i
	}
	return len(s)
}

func letterKind(r rune) int {
	switch {
	case unicode.IsLetter(r):
		return 1
	case unicode.IsNumber(r):
		return 2
	case unicode.IsSpace(r):
		return 3
	}
	return 4
}
