package verify

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/text"
)

// inputs returns what the file is given and, in ids, what the trainer is given
// for the same answers.
func (v *verifier) inputs(s Shape) (given, ids []runtime.Named, err error) {
	if v.schema.Tabular() {
		return v.columns(s)
	}
	in := &v.schema.Inputs[0]
	if !in.InGraph {
		given = v.ids(s)
		return given, given, nil
	}
	texts := v.texts(s)
	if ids, err = v.encode(texts); err != nil {
		return nil, nil, err
	}
	t, err := tensor.Of(texts, int64(len(texts)))
	return []runtime.Named{{Name: in.Tensor, Tensor: t}}, ids, err
}

// ids draws token ids and, where the model reads them, characters. Rows end
// in padding of different lengths, but for the first, which is full.
func (v *verifier) ids(s Shape) []runtime.Named {
	r := rand.New(rand.NewPCG(uint64(s.Batch), uint64(s.Length)))
	in := &v.schema.Inputs[0]
	ids := make([]int64, s.Batch*s.Length)
	words := make([][][]int64, s.Batch)
	for row := range s.Batch {
		real := s.Length
		if row > 0 {
			real = 1 + r.IntN(s.Length)
		}
		for j := range real {
			ids[row*s.Length+j] = 1 + r.Int64N(int64(in.VocabularySize-1))
			if in.Characters != nil {
				words[row] = append(words[row], v.word(r))
			}
		}
	}
	out := []runtime.Named{{Name: in.Tensor, Tensor: tensor.Must(tensor.Of(ids, int64(s.Batch), int64(s.Length)))}}
	if in.Characters != nil {
		flat, width := text.PadCharacters(nil, words, s.Length)
		t := tensor.Must(tensor.Of(flat, int64(s.Batch), int64(s.Length), int64(width)))
		out = append(out, runtime.Named{Name: in.Characters.Tensor, Tensor: t})
	}
	return out
}

// word draws the characters of a word.
func (v *verifier) word(r *rand.Rand) []int64 {
	c := v.schema.Inputs[0].Characters
	word := make([]int64, 1+r.IntN(min(c.MaxLength, 12)))
	for i := range word {
		word[i] = 1 + r.Int64N(int64(c.Size()-1))
	}
	return word
}

// texts draws texts of words of the vocabulary, of words that are not in it,
// and of capital letters. The last of several is empty.
func (v *verifier) texts(s Shape) []string {
	r := rand.New(rand.NewPCG(uint64(s.Batch), uint64(s.Length)))
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
func (v *verifier) encode(texts []string) ([]runtime.Named, error) {
	in := &v.schema.Inputs[0]
	tokenizer, err := text.NewTokenizer(in.Tokenizer, text.Options{Pattern: in.Pattern, Lowercase: in.Lowercase})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	rows := make([][]text.Token, len(texts))
	length := 1
	for i, s := range texts {
		rows[i] = tokenizer.Tokenize(nil, s)
		if in.MaxLength > 0 && len(rows[i]) > in.MaxLength {
			rows[i] = rows[i][:in.MaxLength]
		}
		length = max(length, len(rows[i]))
	}
	ids := make([]int64, len(texts)*length)
	words := make([][][]int64, len(texts))
	var c *text.Characters
	if in.Characters != nil {
		c = text.NewCharacters(in.Characters.Alphabet, in.Characters.MaxLength)
	}
	for i, row := range rows {
		for j, t := range row {
			ids[i*length+j] = v.vocabulary.ID(t.Text)
			if c != nil {
				words[i] = append(words[i], c.IDs(nil, texts[i][t.Start:t.End]))
			}
		}
	}
	t, err := tensor.Of(ids, int64(len(texts)), int64(length))
	out := []runtime.Named{{Name: "ids", Tensor: t}}
	if c != nil && err == nil {
		flat, width := text.PadCharacters(nil, words, length)
		t, err = tensor.Of(flat, int64(len(texts)), int64(length), int64(width))
		out = append(out, runtime.Named{Name: in.Characters.Tensor, Tensor: t})
	}
	return out, err
}

// unlabel makes the labels behind a text's last token -1, as number does, where
// the file gives names.
func (v *verifier) unlabel(out []runtime.Named, ids *tensor.Tensor) error {
	for i := range out {
		for _, t := range v.schema.Tasks {
			if task.TraitsOf(&t).Level != task.OfToken || t.Output(schema.Label) != out[i].Name {
				continue
			}
			if o := v.declared(v.graph.Outputs, out[i].Name); o == nil || o.DType != tensor.String {
				continue // numbers behind the last token are the model's
			}
			labels := append([]int64{}, out[i].Tensor.Int64s()...)
			for j, id := range ids.Int64s() {
				if id == text.Padding {
					labels[j] = -1
				}
			}
			var err error
			if out[i].Tensor, err = tensor.Of(labels, ids.Shape()...); err != nil {
				return err
			}
		}
	}
	return nil
}

// number puts labels' numbers in the place of their names, and -1 where there
// is none: behind a text's last token.
func (v *verifier) number(out []runtime.Named) error {
	for i := range out {
		if out[i].Tensor.DType() != tensor.String {
			continue
		}
		for _, t := range v.schema.Tasks {
			if t.Output(schema.Label) != out[i].Name {
				continue
			}
			names := out[i].Tensor.Strings()
			numbers := make([]int64, len(names))
			for j, name := range names {
				if numbers[j] = int64(t.LabelIndex(name)); numbers[j] < 0 && name != "" {
					return fmt.Errorf("output %q is %q, which is no label of the task", out[i].Name, name)
				}
			}
			var err error
			if out[i].Tensor, err = tensor.Of(numbers, out[i].Tensor.Shape()...); err != nil {
				return err
			}
		}
	}
	return nil
}
