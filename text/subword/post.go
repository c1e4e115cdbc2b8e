package subword

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// postProcessor works on the pieces of a whole text.
type postProcessor struct {
	trims        []bool // trim white space from offsets, once for each entry
	single, pair frame
	frames       int   // parts of the file that say what stands around texts
	noPairs      error // why the file does not say it of pairs
}

// frame is what stands around a text or two, and the token types that the texts'
// pieces have.
type frame struct {
	before, between, after specials
	first, second          int
}

// specials are special tokens side by side.
type specials []struct{ id, kind int }

func (s specials) put(dst []Piece) []Piece {
	for _, t := range s {
		dst = append(dst, Piece{ID: t.id, Type: t.kind, Special: true})
	}
	return dst
}

// trim takes white space out of the offsets of a text's pieces.
func (p *postProcessor) trim(pieces []Piece, s string, t *Tokenizer) {
	for _, prefix := range p.trims {
		for i := range pieces {
			trim(&pieces[i], i == 0, s, t.shown(pieces[i], s), prefix)
		}
	}
}

// surround puts special tokens around those that are there already. Of pairs only one
// part of a file may say what stands around them: none of the files that are known has
// several.
func (p *postProcessor) surround(single, pair frame) {
	p.single.before = append(append(specials{}, single.before...), p.single.before...)
	p.single.after = append(p.single.after, single.after...)
	p.single.first, p.pair = single.first, pair
	if p.frames++; p.frames > 1 {
		p.noPairs = fmt.Errorf("tokenizer.json: post_processor: %d parts put special tokens around texts, and what that makes of a pair of texts is not known", p.frames)
	}
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
