package export

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"espalier/text/subword"
)

// Codes of characters. Those of the alphabet follow.
const (
	codeNothing  = iota // fills rows of the table
	codeBoundary        // a word ends here
	codeSpace           // so it does, and white space stands here
	codeEnd             // a text ends here
	codeOther           // a character of words that no piece has
	codeFirst           // the first of the alphabet
)

// Rows of the table of characters. Those of characters that it lists follow.
const (
	rowEnd     = iota // a text's end
	rowPadding        // nothing
	rowOther          // a character that no piece has, within a word
	rowAlone          // one that is a word of its own
	rowFirst          // the first row of a listed character
)

// wordpieceTable is a WordPiece tokenizer as tables: each character has a row of
// codes, its spelling, and the pieces are a trie over codes.
type wordpieceTable struct {
	// tokens is a regular expression of RE2 that finds literals and characters;
	// what it does not find is left out of words.
	tokens string
	// alone is the class of characters that are not listed and are words of their
	// own, and example one of them; "" where there is none.
	alone, example string
	// keys are the listed characters and literals, and rows their rows.
	keys []string
	rows []int64
	// codes has width codes for each row.
	codes []int32
	width int
	trie  doubleArray
	// starts and inside are the trie's states at a word's begin and further on.
	starts, inside int32
}

// newWordpieceTable makes the tables. id is a piece's id for the model.
func newWordpieceTable(w *subword.WordPiece, words []string, id func(piece int) int64) (*wordpieceTable, error) {
	t := &wordpieceTable{}
	made := map[rune]bool{}
	spellings(w, func(_ rune, spelled []rune) {
		for _, r := range spelled {
			made[r] = true
		}
	})
	pieces, inside := usable(w, words, made)
	alphabet := alphabetOf(pieces, inside)
	if len(alphabet)+len(w.Literals) > 1<<20 {
		return nil, fmt.Errorf("pieces have %d different characters", len(alphabet))
	}
	var b trieBuilder
	starts, continued := b.node(), b.node()
	for _, p := range pieces {
		b.add(starts, codesOf(p.runes, alphabet), int32(id(p.id)))
	}
	for _, p := range inside {
		b.add(continued, codesOf(p.runes, alphabet), int32(id(p.id)))
	}
	literals := make([]int32, len(w.Literals))
	for i, l := range w.Literals {
		literals[i] = int32(codeFirst + len(alphabet) + i)
		b.add(starts, literals[i:i+1], int32(id(l.ID)))
	}
	var states []int32
	t.trie, states = b.pack(codeFirst + len(alphabet) + len(literals))
	t.starts, t.inside = states[starts], states[continued]
	t.spell(w, alphabet, literals)
	return t, nil
}

// spellings calls f with every character of Unicode and what it is spelled as.
func spellings(w *subword.WordPiece, f func(r rune, spelled []rune)) {
	var spelled []rune
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if utf8.ValidRune(r) {
			spelled = w.Spell(spelled[:0], r)
			f(r, spelled)
		}
	}
}

// piece is a piece of the vocabulary without the prefix of those inside words.
type piece struct {
	id    int
	runes []rune
}

// usable returns the pieces that can stand at a word's begin and those that can
// follow: of others, such as those with capitals where the normalizer makes
// small letters, the trie needs no nodes.
func usable(w *subword.WordPiece, words []string, made map[rune]bool) (starts, inside []piece) {
	possible := func(s string, single bool) []rune {
		runes := []rune(s)
		for _, r := range runes {
			if !made[r] || r == subword.Space || subword.Isolated(r) && !(single && len(runes) == 1) {
				return nil
			}
		}
		return runes
	}
	for id, word := range words {
		if r := possible(word, true); r != nil {
			starts = append(starts, piece{id, r})
		}
		if rest, ok := strings.CutPrefix(word, w.Prefix); ok {
			if r := possible(rest, false); r != nil {
				inside = append(inside, piece{id, r})
			}
		}
	}
	return starts, inside
}

// alphabetOf gives the characters of pieces codes, the most frequent first,
// which keeps the trie's arrays dense.
func alphabetOf(lists ...[]piece) map[rune]int32 {
	counts := map[rune]int{}
	for _, pieces := range lists {
		for _, p := range pieces {
			for _, r := range p.runes {
				counts[r]++
			}
		}
	}
	order := make([]rune, 0, len(counts))
	for r := range counts {
		order = append(order, r)
	}
	slices.SortFunc(order, func(a, b rune) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	codes := make(map[rune]int32, len(order))
	for i, r := range order {
		codes[r] = int32(codeFirst + i)
	}
	return codes
}

func codesOf(runes []rune, alphabet map[rune]int32) []int32 {
	codes := make([]int32, len(runes))
	for i, r := range runes {
		codes[i] = alphabet[r]
	}
	return codes
}

// spell fills the table of characters.
func (t *wordpieceTable) spell(w *subword.WordPiece, alphabet map[rune]int32, literals []int32) {
	rows := [][]int32{rowEnd: {codeEnd}, rowPadding: nil, rowOther: {codeOther}, rowAlone: {codeBoundary, codeOther, codeBoundary}}
	known := map[string]int64{}
	list := func(key string, codes []int32) {
		spelling := fmt.Sprint(codes)
		row, ok := known[spelling]
		if !ok {
			row = int64(len(rows))
			rows, known[spelling] = append(rows, slices.Clone(codes)), row
		}
		t.keys, t.rows = append(t.keys, key), append(t.rows, row)
	}
	single := map[string]bool{}
	for i, l := range w.Literals {
		list(l.Content, []int32{codeBoundary, literals[i], codeBoundary})
		single[l.Content] = true
	}
	var removed, alone class
	var codes []int32
	spellings(w, func(r rune, spelled []rune) {
		codes = codes[:0]
		others, boundaries := 0, 0
		for _, s := range spelled {
			code := int32(codeBoundary)
			if s != subword.Space {
				if code = alphabet[s]; code == codeNothing {
					code = codeOther
					others++
				}
			} else {
				boundaries++
			}
			if n := len(codes); n > 0 && code == codeBoundary && codes[n-1] == codeBoundary {
				continue
			}
			codes = append(codes, code)
		}
		switch {
		case single[string(r)]:
		case len(codes) == 1 && boundaries > 0 && unicode.IsSpace(r):
			list(string(r), []int32{codeSpace})
		case len(codes) == 0:
			removed.add(r)
		case others == 1 && len(codes) == 3 && codes[0] == codeBoundary && codes[2] == codeBoundary:
			alone.add(r)
		case others > 0 && boundaries == 0: // one makes the whole word unknown
		default:
			list(string(r), codes)
		}
	})
	for _, row := range rows {
		t.width = max(t.width, len(row))
	}
	t.codes = make([]int32, len(rows)*t.width)
	for i, row := range rows {
		copy(t.codes[i*t.width:], row)
	}
	if len(alone) > 0 {
		t.alone, t.example = "["+alone.String()+"]", string(alone[0][0])
	}
	t.tokens = tokenPattern(w.Literals, removed)
}

// tokenPattern finds literals and all characters but those that are removed.
func tokenPattern(literals []subword.Literal, removed class) string {
	var b strings.Builder
	for _, l := range literals {
		b.WriteString(regexp.QuoteMeta(l.Content))
		b.WriteByte('|')
	}
	if len(removed) == 0 {
		b.WriteString("(?s:.)")
	} else {
		b.WriteString("[^" + removed.String() + "]")
	}
	return b.String()
}

// class is a set of characters, as ranges in their order.
type class [][2]rune

// add adds a character behind all others.
func (c *class) add(r rune) {
	if n := len(*c); n > 0 {
		last := &(*c)[n-1]
		// No text has surrogates, so a range may reach over them.
		if last[1]+1 == r || last[1] == 0xD7FF && r == 0xE000 {
			last[1] = r
			return
		}
	}
	*c = append(*c, [2]rune{r, r})
}

// String returns the inside of a class of RE2.
func (c class) String() string {
	var b strings.Builder
	for _, r := range c {
		fmt.Fprintf(&b, `\x{%X}`, r[0])
		if r[1] > r[0] {
			fmt.Fprintf(&b, `-\x{%X}`, r[1])
		}
	}
	return b.String()
}

// States of the trie that no node has.
const (
	stateStopped = iota // the word is taken apart, or cannot be
	stateLeaf           // no piece goes on
	stateFirst
)

// doubleArray is a trie (Aoe 1989): the node behind a state s and a code c is at
// s+c if check says s there. next is that node's state and value its piece, -1
// where none ends. State and code are a valid index together, whatever they are.
type doubleArray struct {
	check, next, value []int32
}

// trieBuilder makes tries over codes.
type trieBuilder struct{ nodes []trieNode }

type trieNode struct {
	value    int32
	children []trieEdge // by code
}

type trieEdge struct{ code, node int32 }

func (b *trieBuilder) node() int32 {
	b.nodes = append(b.nodes, trieNode{value: -1})
	return int32(len(b.nodes) - 1)
}

func (b *trieBuilder) add(root int32, codes []int32, value int32) {
	at := root
	for _, code := range codes {
		i, ok := slices.BinarySearchFunc(b.nodes[at].children, code, func(e trieEdge, code int32) int { return cmp.Compare(e.code, code) })
		if !ok {
			child := b.node()
			b.nodes[at].children = slices.Insert(b.nodes[at].children, i, trieEdge{code, child})
		}
		at = b.nodes[at].children[i].node
	}
	b.nodes[at].value = value
}

// pack finds each node a state, those with most children first, and returns the
// states. alphabet is one more than the largest code.
func (b *trieBuilder) pack(alphabet int) (doubleArray, []int32) {
	order := make([]int32, 0, len(b.nodes))
	states := make([]int32, len(b.nodes))
	for i := range b.nodes {
		states[i] = stateLeaf
		if len(b.nodes[i].children) > 0 {
			order = append(order, int32(i))
		}
	}
	slices.SortStableFunc(order, func(x, y int32) int { return cmp.Compare(len(b.nodes[y].children), len(b.nodes[x].children)) })
	var taken, used []bool // places, and states
	is := func(of []bool, i int32) bool { return int(i) < len(of) && of[i] }
	mark := func(of *[]bool, i int32) {
		for int(i) >= len(*of) {
			*of = append(*of, make([]bool, max(len(*of), 64))...)
		}
		(*of)[i] = true
	}
	low := int32(stateFirst + codeFirst) // places below are taken, or were tried in vain too often
	for _, n := range order {
		children := b.nodes[n].children
		for place, failed := low, 0; ; place++ {
			state := place - children[0].code
			if state >= stateFirst && !is(used, state) && !slices.ContainsFunc(children, func(e trieEdge) bool { return is(taken, state+e.code) }) {
				states[n] = state
				break
			}
			// Places that stay free near the front would be tried again by every
			// node.
			if !is(taken, place) {
				failed++
			}
			if failed > 200 {
				low, failed = place-100, 0
			}
		}
		mark(&used, states[n])
		for _, e := range children {
			mark(&taken, states[n]+e.code)
		}
	}
	size := int(slices.Max(append(states, stateLeaf))) + alphabet
	d := doubleArray{check: make([]int32, size), next: make([]int32, size), value: make([]int32, size)}
	for i := range size {
		d.check[i], d.value[i] = -1, -1
	}
	for _, n := range order {
		for _, e := range b.nodes[n].children {
			at := states[n] + e.code
			d.check[at], d.next[at], d.value[at] = states[n], states[e.node], b.nodes[e.node].value
		}
	}
	return d, states
}
