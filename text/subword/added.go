package subword

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// addedTokens are found in a text before it is taken apart.
type addedTokens struct {
	tokens []addedToken
	trie   *trie // of indexes
	first  [256]bool
}

type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// segment is an added token, or text between those where token is -1.
type segment struct {
	passage
	token int
}

func (s *segment) piece() Piece {
	start, end := s.original(0, len(s.text))
	return Piece{ID: s.token, Start: start, End: end}
}

// newAdded returns what finds tokens by the texts given for them.
func newAdded(tokens []addedToken, texts []string) *addedTokens {
	a := &addedTokens{tokens: tokens}
	indexes := make([]int32, len(tokens))
	for i, s := range texts {
		indexes[i] = int32(i)
		if s != "" {
			a.first[s[0]] = true
		}
	}
	a.trie = newTrie(texts, indexes)
	return a
}

// split finds the leftmost tokens, the longest of those that start at one place.
func (a *addedTokens) split(p passage) []segment {
	if len(a.tokens) == 0 || p.text == "" {
		return append(p.scratch.segments.take(1), segment{p, -1})
	}
	out := p.scratch.segments.take(8)
	open := 0
	for at := 0; at < len(p.text); {
		if !a.first[p.text[at]] {
			at++
			continue
		}
		index, n := a.trie.longest(p.text[at:])
		if n == 0 {
			at++
			continue
		}
		token := &a.tokens[index]
		start, end := at, at+n
		at = end
		if token.SingleWord && !stands(p.text, start, end) {
			continue
		}
		if token.LStrip {
			start = max(len(strings.TrimRightFunc(p.text[:start], unicode.IsSpace)), open)
		}
		if token.RStrip {
			end = len(p.text) - len(strings.TrimLeftFunc(p.text[end:], unicode.IsSpace))
		}
		// A token whose front was taken by the one before it.
		start = max(start, open)
		if start >= end {
			continue
		}
		if open < start {
			out = p.scratch.segments.push(out, segment{p.slice(open, start), -1})
		}
		out = p.scratch.segments.push(out, segment{p.slice(start, end), token.ID})
		open, at = end, max(at, end)
	}
	if open < len(p.text) {
		out = p.scratch.segments.push(out, segment{p.slice(open, len(p.text)), -1})
	}
	return out
}

// stands reports whether the bytes from start to end are not part of a longer
// word.
func stands(s string, start, end int) bool {
	if r, n := utf8.DecodeLastRuneInString(s[:start]); n > 0 && isWord(r) {
		return false
	}
	r, n := utf8.DecodeRuneInString(s[end:])
	return n == 0 || !isWord(r)
}
