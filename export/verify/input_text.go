package verify

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// drawText draws texts, or the ids of their tokens.
func drawText(v *verifier, r *rand.Rand, in *schema.Input, s Shape) (given, ids []runtime.Named, err error) {
	if !in.InGraph {
		ids = drawIDs(r, in, s)
		types := drawTypes(r, in, ids[0].Tensor)
		given = ids
		if in.Mask != "" {
			given = append(withMask(in, ids[0].Tensor, types), ids[1:]...)
			ids = slices.Clone(ids)
			ids[0].Name = schema.IDs // which the trainer reads
			if in.Pair != "" && in.TokenTypes != "" {
				ids = append(ids, runtime.Named{Name: schema.TokenTypes, Tensor: types})
			}
		} else if in.TokenTypes != "" {
			ids = append(slices.Clone(ids), runtime.Named{Name: in.TokenTypes, Tensor: types})
			given = ids
		}
		if in.Pieces() && in.WordStarts == "" { // the trainer may have heads that the file has not
			ids = append(slices.Clone(ids), drawStarts(r, schema.WordStarts, ids[0].Tensor))
		}
		return given, ids, nil
	}
	texts := v.drawTexts(r, s)
	if ids, err = v.encode(in, texts); err != nil {
		return nil, nil, err
	}
	t, err := tensor.Of(texts, int64(len(texts)))
	return []runtime.Named{{Name: in.Tensor, Tensor: t}}, ids, err
}

// drawIDs draws token ids and, where the model reads them, characters. Rows end
// in padding of different lengths, but for the first, which is full.
func drawIDs(r *rand.Rand, in *schema.Input, s Shape) []runtime.Named {
	ids := slices.Repeat([]int64{in.Padding}, s.Batch*s.Length)
	words := make([][][]int64, s.Batch)
	for row := range s.Batch {
		real := s.Length
		if row > 0 {
			real = 1 + r.IntN(s.Length)
		}
		for j := range real {
			id := r.Int64N(int64(in.VocabularySize - 1))
			if id >= in.Padding {
				id++ // any but padding
			}
			ids[row*s.Length+j] = id
			if in.Characters != nil {
				words[row] = append(words[row], drawWord(r, in.Characters))
			}
		}
	}
	out := []runtime.Named{{Name: in.Tensor, Tensor: tensor.Must(tensor.Of(ids, int64(s.Batch), int64(s.Length)))}}
	if in.WordStarts != "" {
		out = append(out, drawStarts(r, in.WordStarts, out[0].Tensor))
	}
	if in.Characters != nil {
		flat, width := text.PadCharacters(nil, words, s.Length)
		t := tensor.Must(tensor.Of(flat, int64(s.Batch), int64(s.Length), int64(width)))
		out = append(out, runtime.Named{Name: in.Characters.Tensor, Tensor: t})
	}
	return out
}

// drawTypes draws the types of tokens: each row of a pair has 0 up to a place and 1 from
// there on, padding aside. One text has 0 everywhere.
func drawTypes(r *rand.Rand, in *schema.Input, ids *tensor.Tensor) *tensor.Tensor {
	types := make([]int64, ids.Len())
	if in.Pair != "" {
		length := int(ids.Shape()[1])
		for row := range int(ids.Shape()[0]) {
			for j := r.IntN(length + 1); j < length; j++ {
				if at := row*length + j; ids.Int64s()[at] != in.Padding {
					types[at] = 1
				}
			}
		}
	}
	return tensor.Must(tensor.Of(types, ids.Shape()...))
}

// withMask are ids and their types as a file with a mask reads them.
func withMask(in *schema.Input, ids, types *tensor.Tensor) []runtime.Named {
	mask := make([]int64, ids.Len())
	for i, id := range ids.Int64s() {
		if id != in.Padding {
			mask[i] = 1
		}
	}
	out := []runtime.Named{{Name: in.Tensor, Tensor: ids}, {Name: in.Mask, Tensor: tensor.Must(tensor.Of(mask, ids.Shape()...))}}
	if in.TokenTypes != "" {
		out = append(out, runtime.Named{Name: in.TokenTypes, Tensor: types})
	}
	return out
}

// drawStarts draws which pieces begin a word, in padding, too, where none is to count.
func drawStarts(r *rand.Rand, name string, ids *tensor.Tensor) runtime.Named {
	starts := make([]int64, ids.Len())
	for i := range starts {
		starts[i] = r.Int64N(2)
	}
	return runtime.Named{Name: name, Tensor: tensor.Must(tensor.Of(starts, ids.Shape()...))}
}

// drawWord draws the characters of a word.
func drawWord(r *rand.Rand, c *schema.Characters) []int64 {
	word := make([]int64, 1+r.IntN(min(c.MaxLength, 12)))
	for i := range word {
		word[i] = 1 + r.Int64N(int64(c.Size()-1))
	}
	return word
}

// drawTexts draws texts of words of the vocabulary, of words that are not in it,
// and of capital letters. The last of several is empty.
func (v *verifier) drawTexts(r *rand.Rand, s Shape) []string {
	texts := make([]string, s.Batch)
	for row := range texts {
		n := s.Length
		switch {
		case row > 0 && row == s.Batch-1:
			n = 0
		case row > 0:
			n = 1 + r.IntN(s.Length)
		}
		words := make([]string, n)
		for j := range words {
			w, _ := v.vocabulary.Word(r.Int64N(int64(v.vocabulary.Size())))
			switch r.IntN(6) {
			case 0:
				w += "\u00e9\u4e16"
			case 1:
				w = strings.ToUpper(w)
			}
			words[j] = w
		}
		texts[row] = strings.Join(words, " ")
	}
	return texts
}

// encode turns texts into what an ids-in file of the same model reads.
func (v *verifier) encode(in *schema.Input, texts []string) ([]runtime.Named, error) {
	o := text.Options{Pattern: in.Pattern, Lowercase: in.Lowercase, Subwords: v.vocabulary, Special: in.SpecialTokens}
	tokenizer, err := text.NewTokenizer(in.Tokenizer, o)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	rows := make([][]text.Token, len(texts))
	length := 1
	for i, s := range texts {
		rows[i] = units(tokenizer, s, in.MaxLength)
		length = max(length, len(rows[i]))
	}
	ids := slices.Repeat([]int64{in.Padding}, len(texts)*length)
	starts := make([]int64, len(ids))
	words := make([][][]int64, len(texts))
	var c *text.Characters
	if in.Characters != nil {
		c = text.NewCharacters(in.Characters.Alphabet, in.Characters.MaxLength)
	}
	for i, row := range rows {
		for j, word := range text.Begins(nil, row, tokenizer.Words(nil, texts[i])) {
			if word >= 0 {
				starts[i*length+j] = 1
			}
		}
		for j, t := range row {
			ids[i*length+j] = v.vocabulary.ID(t.Text)
			if c != nil {
				words[i] = append(words[i], c.IDs(nil, texts[i][t.Start:t.End]))
			}
		}
	}
	t, err := tensor.Of(ids, int64(len(texts)), int64(length))
	out := []runtime.Named{{Name: schema.IDs, Tensor: t}}
	if in.Pieces() && err == nil {
		t, err = tensor.Of(starts, t.Shape()...)
		out = append(out, runtime.Named{Name: schema.WordStarts, Tensor: t})
	}
	if c != nil && err == nil {
		flat, width := text.PadCharacters(nil, words, length)
		t, err = tensor.Of(flat, int64(len(texts)), int64(length), int64(width))
		out = append(out, runtime.Named{Name: in.Characters.Tensor, Tensor: t})
	}
	return out, err
}

// units returns the tokens of a text that the model reads.
func units(t *text.Tokenizer, s string, limit int) []text.Token {
	if !t.Subwords() {
		tokens := t.Tokenize(nil, s)
		if limit > 0 {
			tokens = tokens[:min(len(tokens), limit)]
		}
		return tokens
	}
	pieces, marks := t.PiecesIn(nil, nil, nil, s, "")
	if limit <= 0 {
		return pieces
	}
	var kept []text.Token
	for _, i := range text.Keep(nil, marks, limit) {
		kept = append(kept, pieces[i])
	}
	return kept
}
