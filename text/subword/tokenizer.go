// Package subword reads tokenizers that split words into pieces from the
// tokenizer.json of Hugging Face's tokenizers library: BPE, WordPiece, Unigram
// and WordLevel models with their normalizers, pre-tokenizers, added tokens and
// post-processors. It gives the ids and offsets that library gives. What a file
// asks for and the package lacks is an error that names it.
package subword

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// Piece is a token of a text.
type Piece struct {
	ID int // in the file's vocabulary
	// Start and End are byte offsets into the original text. Pieces that share a
	// character, such as its bytes, all have that character's; tokens that the
	// post-processor adds are at 0, 0.
	Start, End int
	Special    bool // added by the post-processor, not of the text
	Second     bool // of the second text of a pair, into which its offsets are
	Type       int  // the token type that the post-processor gives it, often 0
}

// Tokenizer is safe for concurrent use.
type Tokenizer struct {
	normalize []normalizer
	split     []splitter
	model     model
	words     []string // by id
	ids       map[string]int
	unknown   int           // -1: the model has none
	padding   int           // -1: the file pads nothing
	added     map[int]bool  // ids of added tokens
	special   map[int]bool  // ids of those that the file calls special
	raw       *addedTokens  // found in the text as it is
	cooked    *addedTokens  // found in the normalized text
	post      postProcessor // zero: nothing
	cache     cache
	scratches sync.Pool
}

// model splits what the pre-tokenizers left whole.
type model interface {
	// tokenize appends the pieces of a text that is not empty, with offsets into
	// it.
	tokenize(dst []part, s string) []part
}

// part is a piece with offsets into the text the model saw.
type part struct{ id, start, end int32 }

// Size returns one more than the largest id.
func (t *Tokenizer) Size() int { return len(t.words) }

// Word returns the text of an id as it stands in the file, "" where there is
// none.
func (t *Tokenizer) Word(id int) string {
	if id < 0 || id >= len(t.words) {
		return ""
	}
	return t.words[id]
}

// Unknown returns the id of the model's unknown token, and false where it has
// none.
func (t *Tokenizer) Unknown() (int, bool) { return t.unknown, t.unknown >= 0 }

// Padding returns the id that the file pads batches with, and false where it says
// nothing of padding.
func (t *Tokenizer) Padding() (int, bool) { return t.padding, t.padding >= 0 }

// IsSpecial reports whether the file calls the token of an id special.
func (t *Tokenizer) IsSpecial(id int) bool { return t.special[id] }

// Encode appends the pieces of a text to dst, with the post-processor's special
// tokens where special is set. Bytes that are not UTF-8 are read as U+FFFD.
func (t *Tokenizer) Encode(dst []Piece, s string, special bool) []Piece {
	scratch, _ := t.scratches.Get().(*Scratch)
	if scratch == nil {
		scratch = &Scratch{}
	}
	defer t.scratches.Put(scratch)
	return t.EncodeIn(scratch, dst, s, special)
}

// EncodeIn is [Tokenizer.Encode] in memory of a scratch.
func (t *Tokenizer) EncodeIn(scratch *Scratch, dst []Piece, s string, special bool) []Piece {
	f := &t.post.single
	if special {
		dst = f.before.put(dst)
	}
	first := len(dst)
	dst = t.encode(scratch, dst, s)
	for i := first; i < len(dst); i++ {
		dst[i].Type = f.first
	}
	if special {
		dst = f.after.put(dst)
	}
	return dst
}

// EncodePair appends the pieces of two texts in one sequence, those of the first
// before those of the second, as the post-processor lays them out. [Tokenizer.Pairs]
// says whether it does.
func (t *Tokenizer) EncodePair(dst []Piece, a, b string, special bool) []Piece {
	scratch, _ := t.scratches.Get().(*Scratch)
	if scratch == nil {
		scratch = &Scratch{}
	}
	defer t.scratches.Put(scratch)
	return t.EncodePairIn(scratch, dst, a, b, special)
}

// EncodePairIn is [Tokenizer.EncodePair] in memory of a scratch.
func (t *Tokenizer) EncodePairIn(scratch *Scratch, dst []Piece, a, b string, special bool) []Piece {
	f := &t.post.pair
	if special {
		dst = f.before.put(dst)
	}
	first := len(dst)
	dst = t.encode(scratch, dst, a)
	for i := first; i < len(dst); i++ {
		dst[i].Type = f.first
	}
	if special {
		dst = f.between.put(dst)
	}
	first = len(dst)
	dst = t.encode(scratch, dst, b)
	for i := first; i < len(dst); i++ {
		dst[i].Type, dst[i].Second = f.second, true
	}
	if special {
		dst = f.after.put(dst)
	}
	return dst
}

// Pairs returns an error where the post-processor does not say how two texts become
// one sequence.
func (t *Tokenizer) Pairs() error { return t.post.noPairs }

// Added returns how many special tokens the post-processor adds to a text, or to a
// pair of texts.
func (t *Tokenizer) Added(pair bool) int {
	f := &t.post.single
	if pair {
		f = &t.post.pair
	}
	return len(f.before) + len(f.between) + len(f.after)
}

// encode appends the pieces of a text that are its own.
func (t *Tokenizer) encode(scratch *Scratch, dst []Piece, s string) []Piece {
	defer scratch.reset()
	first := len(dst)
	segments := t.raw.split(newPassage(scratch, s))
	for i := range segments {
		segment := &segments[i]
		if segment.token >= 0 {
			dst = append(dst, segment.piece())
			continue
		}
		for _, n := range t.normalize {
			n(&segment.passage)
		}
		for _, s := range t.cooked.split(segment.passage) {
			if s.token >= 0 {
				dst = append(dst, s.piece())
				continue
			}
			dst = t.pieces(dst, s.passage)
		}
	}
	t.post.trim(dst[first:], s, t)
	return dst
}

// pieces pre-tokenizes and tokenizes normalized text.
func (t *Tokenizer) pieces(dst []Piece, p passage) []Piece {
	parts := append(p.scratch.passages.take(1), p)
	for _, split := range t.split {
		next := p.scratch.passages.take(8)
		for _, p := range parts {
			for _, q := range split(p) {
				if q.text != "" {
					next = p.scratch.passages.push(next, q)
				}
			}
		}
		parts = next
	}
	for _, p := range parts {
		if p.text == "" {
			continue
		}
		for _, x := range t.tokenize(p.text) {
			start, end := p.original(int(x.start), int(x.end))
			dst = append(dst, Piece{ID: int(x.id), Start: start, End: end})
		}
	}
	return dst
}

// Longest word and most words that are remembered.
const (
	cachedLength = 64
	cachedWords  = 1 << 16
)

// cache remembers the pieces of words.
type cache struct {
	mu    sync.RWMutex
	words map[string][]part
}

// tokenize returns the model's pieces, which the caller must not change.
func (t *Tokenizer) tokenize(s string) []part {
	if len(s) > cachedLength {
		return t.model.tokenize(nil, s)
	}
	t.cache.mu.RLock()
	parts, ok := t.cache.words[s]
	t.cache.mu.RUnlock()
	if ok {
		return parts
	}
	parts = t.model.tokenize(nil, s)
	t.cache.mu.Lock()
	defer t.cache.mu.Unlock()
	if t.cache.words == nil || len(t.cache.words) >= cachedWords {
		t.cache.words = map[string][]part{}
	}
	t.cache.words[strings.Clone(s)] = parts
	return parts
}

// passage is text on its way to the model: each byte knows its stretch of the
// original.
type passage struct {
	scratch *Scratch
	text    string
	align   []stretch // by byte of text
	base    int       // where the passage starts in the original
}

// stretch is a range of bytes of the original.
type stretch struct{ start, end int32 }

// newPassage makes the whole of an original a passage of valid UTF-8.
func newPassage(scratch *Scratch, s string) passage {
	align := scratch.align.take(3 * len(s))
	var fixed []byte
	for i, r := range s {
		n := utf8.RuneLen(r)
		width := n
		if r == utf8.RuneError {
			_, width = utf8.DecodeRuneInString(s[i:])
			if width == 1 && fixed == nil {
				fixed = append(scratch.text.take(3*len(s)), s[:i]...)
			}
		}
		if fixed != nil {
			fixed = utf8.AppendRune(fixed, r)
		}
		for range n {
			align = append(align, stretch{int32(i), int32(i + width)})
		}
	}
	if fixed != nil {
		s = written(fixed)
	}
	return passage{scratch: scratch, text: s, align: align}
}

// slice returns the bytes from start to end.
func (p *passage) slice(start, end int) passage {
	q := passage{scratch: p.scratch, text: p.text[start:end], align: p.align[start:end:end], base: p.base}
	if start < end {
		q.base = int(p.align[start].start)
	}
	return q
}

// original returns where the bytes from start to end stand in the original.
func (p *passage) original(start, end int) (from, to int) {
	if start >= end {
		return p.base, p.base
	}
	return int(p.align[start].start), int(p.align[end-1].end)
}

// edit is a character of a changed passage: change 0 puts it in the place of
// the next one, -n of the next one and the n behind it, and 1 adds it. drop
// more are left out behind it.
type edit struct {
	r      rune
	change int
	drop   int
}

// transform replaces the text by edits, after dropping the first characters.
// A character that is added belongs to what the one before it belonged to.
func (p *passage) transform(edits []edit, dropped int) {
	at := 0
	skip := func(n int) {
		for range n {
			_, size := utf8.DecodeRuneInString(p.text[at:])
			at += size
		}
	}
	skip(dropped)
	size := 0
	for _, e := range edits {
		size += max(utf8.RuneLen(e.r), 1)
	}
	text, align := p.scratch.text.take(size), p.scratch.align.take(size)
	for _, e := range edits {
		from := stretch{int32(p.base), int32(p.base)}
		switch {
		case e.change <= 0 && at < len(p.align):
			from = p.align[at]
		case at > 0:
			from = p.align[at-1]
		}
		if e.change <= 0 {
			skip(1 - e.change)
		}
		skip(e.drop)
		before := len(text)
		text = utf8.AppendRune(text, e.r)
		for range len(text) - before {
			align = append(align, from)
		}
	}
	p.text, p.align = written(text), align
}

// replace puts content in the place of each match, which belongs to the last
// character of what it replaces.
func (p *passage) replace(matches []match, content string) {
	size, changed := 0, false
	for _, m := range matches {
		size += max(m.end-m.start, len(content))
	}
	text, align := p.scratch.text.take(size), p.scratch.align.take(size)
	for _, m := range matches {
		if !m.is || m.start == m.end {
			text = append(text, p.text[m.start:m.end]...)
			align = append(align, p.align[m.start:m.end]...)
			continue
		}
		changed = true
		text = append(text, content...)
		for range len(content) {
			align = append(align, p.align[m.end-1])
		}
	}
	if changed {
		p.text, p.align = written(text), align
	}
}

// prepend puts content in front; it belongs to the first character.
func (p *passage) prepend(content string) {
	if p.text == "" {
		return
	}
	size := len(content) + len(p.align)
	align := p.scratch.align.take(size)
	for range len(content) {
		align = append(align, p.align[0])
	}
	text := append(append(p.scratch.text.take(size), content...), p.text...)
	p.text, p.align = written(text), append(align, p.align...)
}
