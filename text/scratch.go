package text

import (
	"unicode"
	"unicode/utf8"
	"unsafe"

	"espalier/text/subword"
)

// Scratch is memory that tokenization uses again and again. The texts of tokens
// made with one are good until its [Scratch.Reset]. It is for one goroutine at a
// time; the zero value is ready.
type Scratch struct {
	lowered []byte
	pieces  []subword.Piece
	subword subword.Scratch
}

// Reset takes back what texts of tokens were written to.
func (s *Scratch) Reset() { s.lowered = s.lowered[:0] }

// Forget leaves the texts of tokens to those who hold them.
func (s *Scratch) Forget() { s.lowered = nil }

// lower returns a word in lower case, in memory of the scratch's own where it
// differs.
func (s *Scratch) lower(word string) string {
	if !upper(word) {
		return word
	}
	if s == nil {
		return lower(word)
	}
	start := len(s.lowered)
	s.lowered = appendLower(s.lowered, word)
	// Where the slice grows, earlier words keep the memory they are in.
	return unsafe.String(&s.lowered[start], len(s.lowered)-start)
}

// upper reports whether lower case differs.
func upper(word string) bool {
	for _, r := range word {
		if r == utf8.RuneError || unicode.ToLower(r) != r {
			return true
		}
	}
	return false
}

func lower(word string) string {
	if !upper(word) {
		return word
	}
	return string(appendLower(make([]byte, 0, len(word)+utf8.UTFMax), word))
}

func appendLower(dst []byte, word string) []byte {
	for _, r := range word {
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
	}
	return dst
}
