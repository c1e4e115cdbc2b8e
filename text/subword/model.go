package subword

import (
	"container/heap"
	"fmt"
	"math"
	"unicode/utf8"
)

// wordLevel has an id for each whole word.
type wordLevel struct {
	ids     map[string]int
	unknown int32
}

func (m *wordLevel) tokenize(dst []part, s string) []part {
	if id, ok := m.ids[s]; ok {
		return append(dst, part{int32(id), 0, int32(len(s))})
	}
	return append(dst, part{m.unknown, 0, int32(len(s))})
}

// wordPiece takes the longest piece first (Schuster and Nakajima 2012, as BERT
// does it). A word that cannot be taken apart wholly is unknown.
type wordPiece struct {
	starts, inside *trie
	unknown        int32
	longest        int // characters of a word
}

func (m *wordPiece) tokenize(dst []part, s string) []part {
	before := len(dst)
	if utf8.RuneCountInString(s) > m.longest {
		return append(dst, part{m.unknown, 0, int32(len(s))})
	}
	pieces := m.starts
	for at := 0; at < len(s); {
		id, n := pieces.longest(s[at:])
		if n == 0 {
			return append(dst[:before], part{m.unknown, 0, int32(len(s))})
		}
		dst = append(dst, part{id, int32(at), int32(at + n)})
		at += n
		pieces = m.inside
	}
	return dst
}

// unknownPenalty is how much less likely than the least likely piece an
// unknown character is.
const unknownPenalty = 10

// unigram takes the most likely pieces (Kudo 2018), by Viterbi's algorithm.
type unigram struct {
	pieces  *trie
	scores  []float64
	unknown int32
	least   float64 // score of an unknown character
	bytes   *[256]int32
}

func (m *unigram) tokenize(dst []part, s string) []part {
	type node struct {
		score float64
		from  int32
		id    int32
	}
	best := make([]node, len(s)+1)
	for i := range best {
		best[i].from = -1
	}
	reach := func(from, to int, id int32, score float64) {
		if b := &best[to]; b.from < 0 || score > b.score {
			*b = node{score, int32(from), id}
		}
	}
	for at := 0; at < len(s); {
		_, width := utf8.DecodeRuneInString(s[at:])
		single := false
		n := int32(0)
		for i := at; i < len(s); i++ {
			if n = m.pieces.child(n, s[i]); n < 0 {
				break
			}
			if id := m.pieces.value[n]; id >= 0 {
				reach(at, i+1, id, m.scores[id]+best[at].score)
				single = single || i+1 == at+width
			}
		}
		if !single {
			reach(at, at+width, m.unknown, m.least+best[at].score)
		}
		at += width
	}
	before := len(dst)
	for end := int32(len(s)); end > 0; {
		b := best[end]
		n := len(dst)
		if b.id == m.unknown && n > before && dst[n-1].id == m.unknown {
			dst[n-1].start = b.from
		} else {
			dst = append(dst, part{b.id, b.from, end})
		}
		end = b.from
	}
	for i, j := before, len(dst)-1; i < j; i, j = i+1, j-1 {
		dst[i], dst[j] = dst[j], dst[i]
	}
	if m.bytes == nil {
		return dst
	}
	return m.fallBack(dst, before, s)
}

// fallBack spells unknown pieces in bytes.
func (m *unigram) fallBack(dst []part, before int, s string) []part {
	var out []part
	for _, p := range dst[before:] {
		if p.id != m.unknown {
			out = append(out, p)
			continue
		}
		text := s[p.start:p.end]
		if id, n := m.pieces.longest(text); n == len(text) {
			out = append(out, part{id, p.start, p.end}) // the unknown token, spelled out
			continue
		}
		spelled := make([]part, 0, len(text))
		for i := 0; i < len(text) && m.bytes[text[i]] >= 0; i++ {
			spelled = append(spelled, part{m.bytes[text[i]], p.start, p.end})
		}
		if len(spelled) < len(text) {
			spelled = append(spelled[:0], p)
		}
		out = append(out, spelled...)
	}
	return append(dst[:before], out...)
}

// bpe joins the pair that was joined first in training (Sennrich et al. 2016).
type bpe struct {
	ids            map[string]int
	merges         map[[2]int32]merge
	unknown        int32 // -1: characters that are not known are left out
	fuse           bool  // one unknown piece for several characters
	whole          bool  // words of the vocabulary are not taken apart
	prefix, suffix string
	bytes          *[256]int32
}

type merge struct{ rank, id int32 }

// symbol is a piece in the list of those of a word.
type symbol struct {
	id         int32
	start, end int32
	prev, next int32
}

func (m *bpe) tokenize(dst []part, s string) []part {
	if id, ok := m.ids[s]; ok && m.whole {
		return append(dst, part{int32(id), 0, int32(len(s))})
	}
	symbols := m.join(m.symbols(s))
	for i := int32(0); i >= 0 && int(i) < len(symbols); i = symbols[i].next {
		dst = append(dst, part{symbols[i].id, symbols[i].start, symbols[i].end})
	}
	return dst
}

// symbols returns the characters of a word.
func (m *bpe) symbols(s string) []symbol {
	symbols := make([]symbol, 0, len(s))
	add := func(id int32, start, end int) {
		symbols = append(symbols, symbol{id: id, start: int32(start), end: int32(end)})
	}
	open := false // the last symbol is unknown and takes more
	for at := 0; at < len(s); {
		_, n := utf8.DecodeRuneInString(s[at:])
		c := s[at : at+n]
		if at > 0 {
			c = m.prefix + c
		}
		if at+n == len(s) {
			c += m.suffix
		}
		id, ok := m.ids[c]
		switch {
		case ok:
			add(int32(id), at, at+n)
		case m.inBytes(c):
			for i := range len(c) {
				add(m.bytes[c[i]], min(at+i, at+n-1), min(at+i+1, at+n))
			}
		case m.unknown >= 0 && open && m.fuse:
			symbols[len(symbols)-1].end = int32(at + n)
		case m.unknown >= 0:
			add(m.unknown, at, at+n)
		}
		open = !ok && !m.inBytes(c) && m.unknown >= 0
		at += n
	}
	for i := range symbols {
		symbols[i].prev, symbols[i].next = int32(i-1), int32(i+1)
	}
	if n := len(symbols); n > 0 {
		symbols[n-1].next = -1
	}
	return symbols
}

func (m *bpe) inBytes(c string) bool {
	if m.bytes == nil {
		return false
	}
	for i := range len(c) {
		if m.bytes[c[i]] < 0 {
			return false
		}
	}
	return true
}

// candidate is a pair that may be joined.
type candidate struct {
	merge
	at int32 // its left symbol
}

// candidates is a heap, the first to join on top: by rank, then from the left.
type candidates []candidate

func (c candidates) Len() int      { return len(c) }
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c candidates) Less(i, j int) bool {
	if c[i].rank != c[j].rank {
		return c[i].rank < c[j].rank
	}
	return c[i].at < c[j].at
}
func (c *candidates) Push(x any) { *c = append(*c, x.(candidate)) }
func (c *candidates) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

func (m *bpe) join(symbols []symbol) []symbol {
	var queue candidates
	find := func(at int32) (candidate, bool) {
		next := symbols[at].next
		if next < 0 {
			return candidate{}, false
		}
		to, ok := m.merges[[2]int32{symbols[at].id, symbols[next].id}]
		return candidate{to, at}, ok
	}
	for i := range symbols {
		if c, ok := find(int32(i)); ok {
			queue = append(queue, c)
		}
	}
	heap.Init(&queue)
	push := func(at int32) {
		if at >= 0 {
			if c, ok := find(at); ok {
				heap.Push(&queue, c)
			}
		}
	}
	for len(queue) > 0 {
		c := heap.Pop(&queue).(candidate)
		left := &symbols[c.at]
		// A symbol that was joined to the one in front of it has no length, and
		// one that was joined otherwise makes another pair.
		if left.start == left.end {
			continue
		}
		if now, ok := find(c.at); !ok || now.id != c.id {
			continue
		}
		right := &symbols[left.next]
		left.id, left.end, left.next = c.id, right.end, right.next
		right.start = right.end
		if left.next >= 0 {
			symbols[left.next].prev = c.at
		}
		push(left.prev)
		push(c.at)
	}
	return symbols
}

// bytePieces finds the pieces <0x00> to <0xFF>, -1 where there is none.
func bytePieces(ids map[string]int) *[256]int32 {
	var out [256]int32
	for b := range out {
		out[b] = -1
		if id, ok := ids[fmt.Sprintf("<0x%02X>", b)]; ok {
			out[b] = int32(id)
		}
	}
	return &out
}

// leastScore is an unknown character's: below all pieces'.
func leastScore(scores []float64) float64 {
	least := math.Inf(1)
	for _, s := range scores {
		least = min(least, s)
	}
	return least - unknownPenalty
}
