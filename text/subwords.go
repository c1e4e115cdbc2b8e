package text

import (
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

// Unfold reads what Compressed wrote of the vocabulary of a tokenizer, and
// compares its hash.
func Unfold(tokenizer, compressed, hash string) (*Vocabulary, error) {
	if tokenizer != Subword {
		return FromCompressed(compressed, hash)
	}
	content, err := unfold("tokenizer", compressed, hash)
	if err != nil {
		return nil, err
	}
	return ReadSubwords(content)
}

// Subwords returns the tokenizer.json that the vocabulary was read from, nil
// where it has words. The caller must not change it.
func (v *Vocabulary) Subwords() []byte { return v.file }

// pieces appends the pieces of a text.
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
// no other piece does.
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
