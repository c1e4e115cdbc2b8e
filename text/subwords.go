package text

import (
	"bytes"
	"fmt"

	"espalier/text/subword"
)

// Subword is the name of the tokenizer whose words and rules stand in a
// tokenizer.json.
const Subword = "subword"

// firstPiece is the id of the first token of a tokenizer.json: it says nothing
// of our padding and unknown ids.
const firstPiece = 2

// ReadSubwords returns the vocabulary of a tokenizer.json, with the tokenizer in
// it. The token with id n there has id n+2 here, but for the model's unknown
// token, whose id is [Unknown].
func ReadSubwords(content []byte) (*Vocabulary, error) {
	if len(content) > maxVocabulary {
		return nil, fmt.Errorf("tokenizer.json: larger than %d bytes", maxVocabulary)
	}
	t, err := subword.Read(content)
	if err != nil {
		return nil, err
	}
	words := make([]string, firstPiece+t.Size())
	words[Unknown] = UnknownWord
	for id := range t.Size() {
		words[firstPiece+id] = t.Word(id)
	}
	v := index(words)
	delete(v.ids, UnknownWord) // unless it is a token of the file
	for id, w := range words[firstPiece:] {
		if w != "" {
			v.ids[w] = int64(firstPiece + id)
		}
	}
	if id, ok := t.Unknown(); ok {
		v.ids[t.Word(id)] = Unknown
	}
	v.file, v.subwords = content, t
	return v, nil
}

// ReadOwnIDs returns the vocabulary of a tokenizer.json, with the tokenizer in it
// and the ids of the file: those that a pretrained model was trained with. The id
// of padding is the file's padding.pad_id or, where it has no padding, the given one;
// -1 is none. The unknown token is the model's, or else the added token whose text is
// written as one: [UNK] or <unk>.
func ReadOwnIDs(content []byte, padding int64) (*Vocabulary, error) {
	if len(content) > maxVocabulary {
		return nil, fmt.Errorf("tokenizer.json: larger than %d bytes", maxVocabulary)
	}
	t, err := subword.Read(content)
	if err != nil {
		return nil, err
	}
	if id, ok := t.Padding(); ok {
		padding = int64(id)
	}
	if padding < -1 || padding >= int64(t.Size()) {
		return nil, fmt.Errorf("tokenizer.json: the padding token has id %d, outside of the vocabulary's %d ids", padding, t.Size())
	}
	words := make([]string, t.Size())
	for id := range words {
		words[id] = t.Word(id)
	}
	v := index(words)
	v.padding, v.unknown = padding, -1
	if id, ok := t.Unknown(); ok {
		v.unknown = int64(id)
	} else {
		for _, word := range []string{"[UNK]", UnknownWord} {
			if id, ok := v.ids[word]; ok && t.IsSpecial(int(id)) {
				v.unknown = id
				break
			}
		}
	}
	v.file, v.subwords, v.own = content, t, true
	return v, nil
}

// OwnIDs reports whether ids are those of the tokenizer.json, as [ReadOwnIDs]
// reads them.
func (v *Vocabulary) OwnIDs() bool { return v.own }

// IsSpecial reports whether an id is that of a token that the tokenizer.json calls
// special, such as [CLS], <s> or the padding token.
func (v *Vocabulary) IsSpecial(id int64) bool {
	if v.subwords == nil {
		return false
	}
	if !v.own {
		id -= firstPiece
	}
	return v.subwords.IsSpecial(int(id))
}

// Stored says how a stored vocabulary is read: a model's input says it in its
// schema.
type Stored struct {
	// Tokenizer names the rule that splits texts: of [Subword], a tokenizer.json
	// is stored, of all others words.
	Tokenizer string
	// OwnIDs says that ids are those of the tokenizer.json, where Padding is
	// the one of padding.
	OwnIDs  bool
	Padding int64
}

// Read reads what [Vocabulary.WriteTo] wrote.
func (s Stored) Read(content []byte) (*Vocabulary, error) {
	switch {
	case s.Tokenizer != Subword:
		return Read(bytes.NewReader(content))
	case !s.OwnIDs:
		return ReadSubwords(content)
	}
	v, err := ReadOwnIDs(content, s.Padding)
	if err == nil && v.padding != s.Padding {
		return nil, fmt.Errorf("tokenizer.json: its padding token has id %d, the model's schema says %d; the two do not belong together", v.padding, s.Padding)
	}
	return v, err
}

// Unfold reads what [Vocabulary.Compressed] wrote, and compares its hash.
func (s Stored) Unfold(compressed, hash string) (*Vocabulary, error) {
	what := "vocabulary"
	if s.Tokenizer == Subword {
		what = "tokenizer"
	}
	content, err := unfold(what, compressed, hash)
	if err != nil {
		return nil, err
	}
	return s.Read(content)
}

// Subwords returns the tokenizer.json that the vocabulary was read from, nil
// where it has words. The caller must not change it.
func (v *Vocabulary) Subwords() []byte { return v.file }

// pieces appends the pieces of a text that comes alone.
func (t *Tokenizer) pieces(scratch *Scratch, dst []Token, s string) []Token {
	var pieces []subword.Piece
	if scratch == nil {
		pieces = t.subwords.subwords.Encode(nil, s, t.special)
	} else {
		scratch.pieces = t.subwords.subwords.EncodeIn(&scratch.subword, scratch.pieces[:0], s, t.special)
		pieces = scratch.pieces
	}
	for _, p := range pieces {
		dst = append(dst, Token{t.subwords.subwords.Word(p.ID), p.Start, p.End})
	}
	return dst
}

// Mark says what a piece is: a special token of the post-processor or a piece of a
// text, of which text of a pair, and of which token type.
type Mark uint8

const (
	markSpecial Mark = 1 << iota
	markSecond
	markType
)

// Special reports whether a piece is a token that the post-processor adds.
func (m Mark) Special() bool { return m&markSpecial != 0 }

// Second reports whether a piece is of the second text of a pair: its offsets are into
// that text.
func (m Mark) Second() bool { return m&markSecond != 0 }

// Type returns a piece's token type: 0, but 1 where the tokenizer.json gives it another.
func (m Mark) Type() int64 { return int64(m / markType) }

// Pair reports whether the tokenizer makes one sequence of two texts.
func (t *Tokenizer) Pair() bool { return t.pair }

// SpecialTokens returns how many tokens of a sequence are not of its texts.
func (t *Tokenizer) SpecialTokens() int {
	if t.subwords == nil || !t.special {
		return 0
	}
	return t.subwords.subwords.Added(t.pair)
}

// PiecesIn appends the pieces of a text to dst, and to marks what each is. A tokenizer
// of pairs makes one sequence of the text and the second one, whose pieces come behind
// all those of the first. It is for tokenizer [Subword] alone. The scratch may be nil.
func (t *Tokenizer) PiecesIn(scratch *Scratch, dst []Token, marks []Mark, s, second string) ([]Token, []Mark) {
	of := t.subwords.subwords
	var pieces []subword.Piece
	switch {
	case scratch == nil && t.pair:
		pieces = of.EncodePair(nil, s, second, t.special)
	case scratch == nil:
		pieces = of.Encode(nil, s, t.special)
	case t.pair:
		scratch.pieces = of.EncodePairIn(&scratch.subword, scratch.pieces[:0], s, second, t.special)
		pieces = scratch.pieces
	default:
		scratch.pieces = of.EncodeIn(&scratch.subword, scratch.pieces[:0], s, t.special)
		pieces = scratch.pieces
	}
	for _, p := range pieces {
		m := Mark(0)
		if p.Special {
			m |= markSpecial
		}
		if p.Second {
			m |= markSecond
		}
		if t.pair && p.Type != 0 {
			m |= markType
		}
		dst, marks = append(dst, Token{of.Word(p.ID), p.Start, p.End}), append(marks, m)
	}
	return dst, marks
}

// Keep appends to dst the numbers of the pieces that a model reads which takes no more
// than most: those of a text from its start, and all special tokens, so that one like
// [SEP] stands at the end of a text that is cut. Of a pair the longer text is cut first.
// It keeps what Hugging Face's tokenizers keep with truncation longest_first.
func Keep(dst []int, marks []Mark, most int) []int {
	return subword.Keep(dst, marks, func(m *Mark) (special, second bool) { return m.Special(), m.Second() }, most)
}

// Subwords reports whether tokens are pieces of words.
func (t *Tokenizer) Subwords() bool { return t.subwords != nil }

// Words appends what tags are about to dst: the tokens or, where those are
// pieces, what stands between white space.
func (t *Tokenizer) Words(dst []Token, s string) []Token { return t.WordsIn(nil, dst, s) }

// WordsIn is [Tokenizer.Words] in memory of a scratch, which may be nil.
func (t *Tokenizer) WordsIn(scratch *Scratch, dst []Token, s string) []Token {
	if t.subwords == nil {
		return t.TokenizeIn(scratch, dst, s)
	}
	return fields(dst, s)
}

// Begins appends to dst, for each piece, the number of the word that it is the
// first piece of, or -1. Words and pieces are ordered and have offsets into one
// text. A piece that reaches over several words begins the first of them that
// no other piece does. Of a pair the words are those of the first text, and the pieces
// end with its last.
func Begins(dst []int, pieces, words []Token) []int {
	next := 0
	for _, p := range pieces {
		for next < len(words) && words[next].End <= p.Start {
			next++ // it has no piece of its own
		}
		if p.Start < p.End && next < len(words) && words[next].Start < p.End {
			dst = append(dst, next)
			next++
			continue
		}
		dst = append(dst, -1)
	}
	return dst
}
