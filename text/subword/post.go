package subword

import (
	"unicode"
	"unicode/utf8"
)

// postProcessor works on the pieces of a whole text.
type postProcessor struct {
	trims         []bool // trim white space from offsets, once for each entry
	before, after []int  // special tokens' ids
}

func (p *postProcessor) apply(pieces []Piece, first int, s string, t *Tokenizer, special bool) []Piece {
	for _, prefix := range p.trims {
		for i := first; i < len(pieces); i++ {
			trim(&pieces[i], i == first, s, t.shown(pieces[i], s), prefix)
		}
	}
	if !special || len(p.before)+len(p.after) == 0 {
		return pieces
	}
	for range p.before {
		pieces = append(pieces, Piece{})
	}
	copy(pieces[first+len(p.before):], pieces[first:])
	for i, id := range p.before {
		pieces[first+i] = Piece{ID: id, Special: true}
	}
	for _, id := range p.after {
		pieces = append(pieces, Piece{ID: id, Special: true})
	}
	return pieces
}

// shown returns a piece's text: of an added token, with the white space it took.
func (t *Tokenizer) shown(p Piece, s string) string {
	if t.added[p.ID] {
		return s[p.Start:p.End]
	}
	return t.words[p.ID]
}

// trim takes the white space at a piece's ends out of its offsets, but for one
// space in front of a text, which may have been put there.
func trim(p *Piece, isFirst bool, s, word string, prefix bool) {
	isBlank := func(r rune) bool { return r == byteRunes[' '] || unicode.IsSpace(r) }
	leading, trailing := 0, 0
	for _, r := range word {
		if !isBlank(r) {
			break
		}
		leading++
	}
	for at := len(word); at > 0; {
		r, n := utf8.DecodeLastRuneInString(word[:at])
		if !isBlank(r) {
			break
		}
		trailing++
		at -= n
	}
	if (isFirst || p.Start == 0) && prefix && leading == 1 {
		leading = 0
	}
	for ; leading > 0 && p.Start < p.End; leading-- {
		_, n := utf8.DecodeRuneInString(s[p.Start:])
		p.Start += n
	}
	for ; trailing > 0 && p.End > p.Start; trailing-- {
		_, n := utf8.DecodeLastRuneInString(s[:p.End])
		p.End -= n
	}
}
