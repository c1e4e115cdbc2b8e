package text

import (
	"sort"
	"unicode/utf8"
)

// Characters gives the characters of words ids: 0 is padding, 1 a character
// that is not known. It is immutable and safe for concurrent use.
type Characters struct {
	ids map[rune]int64
	max int
}

// NewCharacters returns the ids of an alphabet, whose first character has id
// 2. Of a word the first max characters are read.
func NewCharacters(alphabet string, max int) *Characters {
	c := &Characters{ids: map[rune]int64{}, max: max}
	for _, r := range alphabet {
		c.ids[r] = int64(len(c.ids)) + 2
	}
	return c
}

// Alphabet returns the characters of the words counted at least minCount
// times in all, the most frequent first and equal ones in code point order.
func (c *Counter) Alphabet(minCount int) string {
	counts := map[rune]int{}
	for w, n := range c.counts {
		for _, r := range w {
			counts[r] += n
		}
	}
	delete(counts, utf8.RuneError)
	var known []rune
	for r, n := range counts {
		if n >= minCount {
			known = append(known, r)
		}
	}
	sort.Slice(known, func(i, j int) bool {
		if a, b := counts[known[i]], counts[known[j]]; a != b {
			return a > b
		}
		return known[i] < known[j]
	})
	return string(known)
}

// IDs appends the ids of a word's characters to dst, at least one: an empty
// word is one unknown character.
func (c *Characters) IDs(dst []int64, word string) []int64 {
	n := 0
	for _, r := range word {
		if n == c.max {
			return dst
		}
		id, ok := c.ids[r]
		if !ok {
			id = Unknown
		}
		dst = append(dst, id)
		n++
	}
	if n == 0 {
		dst = append(dst, Unknown)
	}
	return dst
}

// PadCharacters lays out words as int64 [rows, length, width], rows of padding behind
// each row's words: width is that of the longest word, at least 1. rows holds
// the ids of each word of each row. The result reuses dst where it is large
// enough.
func PadCharacters(dst []int64, rows [][][]int64, length int) (ids []int64, width int) {
	width = 1
	for _, row := range rows {
		for _, w := range row {
			width = max(width, len(w))
		}
	}
	n := len(rows) * length * width
	if cap(dst) < n {
		dst = make([]int64, n)
	}
	dst = dst[:n]
	clear(dst)
	for i, row := range rows {
		for j, w := range row {
			copy(dst[(i*length+j)*width:], w)
		}
	}
	return dst, width
}
