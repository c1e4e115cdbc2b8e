package predict

import (
	"fmt"

	"espalier/input"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
	"espalier/text"
)

// describeTextInput finds out what turns input i, a text, into numbers.
func describeTextInput(f *file, _ int, m *onnx.Model) error {
	if err := f.describeText(m); err != nil {
		return err
	}
	return f.matchText(m.Graph)
}

// describeText makes what turns a text into numbers.
func (f *file) describeText(m *onnx.Model) error {
	in := f.schema.Inputs[0]
	var err error
	if f.vocabulary = f.options.Vocabulary; f.vocabulary == nil {
		key, keyHash := in.VocabularyKeys()
		words, _ := m.MetadataValue(key)
		hash, _ := m.MetadataValue(keyHash)
		if f.vocabulary, err = input.Stored(&in).Unfold(words, hash); err != nil {
			return fmt.Errorf("predict: metadata %s: %w", key, err)
		}
	}
	o := text.Options{Pattern: in.Pattern, Lowercase: in.Lowercase, Subwords: f.vocabulary, Special: in.SpecialTokens, Pair: in.Pair != ""}
	if f.tokenizer, err = text.NewTokenizer(in.Tokenizer, o); err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	if f.vocabulary.Size() != in.VocabularySize {
		return fmt.Errorf("predict: the vocabulary has %d words, the schema says %d", f.vocabulary.Size(), in.VocabularySize)
	}
	if in.OwnIDs != f.vocabulary.OwnIDs() || f.vocabulary.Padding() != in.Padding {
		return fmt.Errorf("predict: the vocabulary has padding id %d and the ids of its tokenizer.json: %v; the schema says %d and %v",
			f.vocabulary.Padding(), f.vocabulary.OwnIDs(), in.Padding, in.OwnIDs)
	}
	if c := in.Characters; c != nil {
		f.characters = text.NewCharacters(c.Alphabet, c.MaxLength)
	}
	return nil
}

// matchText compares the text input with what the graph declares.
func (f *file) matchText(g *onnx.Graph) error {
	in := f.schema.Inputs[0]
	v := find(g.Inputs, in.Tensor)
	switch {
	case in.InGraph && (v == nil || v.DType != tensor.String || len(v.Shape) != 1):
		return fmt.Errorf("predict: the graph has no string input %q of shape [batch]", in.Tensor)
	case !in.InGraph && (v == nil || v.DType != tensor.Int64 || len(v.Shape) != 2):
		return fmt.Errorf("predict: the graph has no int64 input %q of shape [batch, sequence]", in.Tensor)
	}
	if v.Shape[0].Known {
		f.batch = int(v.Shape[0].Size)
	}
	f.limit = in.MaxLength
	if !in.InGraph && v.Shape[1].Known {
		f.length = int(v.Shape[1].Size)
		if f.limit == 0 || f.length < f.limit {
			f.limit = f.length
		}
	}
	if f.batch < 0 || f.length < 0 || v.Shape[0].Known && f.batch == 0 || f.batch > maxFixed || f.length > maxFixed/max(f.batch, 1) {
		return fmt.Errorf("predict: input %q has a fixed size of %d rows and %d tokens; from 1 to %d elements are made", in.Tensor, f.batch, f.length, maxFixed)
	}
	for _, name := range []string{in.Mask, in.TokenTypes, in.WordStarts} {
		if v := find(g.Inputs, name); name != "" && !in.InGraph && (v == nil || v.DType != tensor.Int64 || len(v.Shape) != 2) {
			return fmt.Errorf("predict: the graph has no int64 input %q of shape [batch, sequence]", name)
		}
	}
	if c := in.Characters; c != nil && !in.InGraph {
		if v := find(g.Inputs, c.Tensor); v == nil || v.DType != tensor.Int64 || len(v.Shape) != 3 {
			return fmt.Errorf("predict: the graph has no int64 input %q of shape [batch, sequence, characters]", c.Tensor)
		}
	}
	return nil
}

// prepareText makes the tensors of input i, a text.
func prepareText(f *file, i int, c *prepared, to []runtime.Named) ([]runtime.Named, error) {
	in := &f.schema.Inputs[i]
	if in.InGraph {
		c.texts = make([]string, c.batch)
		c.bytes += 16 * c.batch
		t, err := tensor.Of(c.texts, int64(c.batch))
		return append(to, runtime.Named{Name: in.Tensor, Tensor: t}), err
	}
	c.ids, c.padding = make([]int64, c.batch*c.length), in.Padding
	c.clear()
	ids, err := tensor.Of(c.ids, int64(c.batch), int64(c.length))
	if err != nil {
		return nil, err
	}
	to = append(to, runtime.Named{Name: in.Tensor, Tensor: ids})
	if in.Mask != "" {
		c.mask = make([]int64, len(c.ids))
		mask, err := tensor.Of(c.mask, int64(c.batch), int64(c.length))
		if err != nil {
			return nil, err
		}
		to = append(to, runtime.Named{Name: in.Mask, Tensor: mask})
	}
	if in.TokenTypes != "" {
		c.types = make([]int64, len(c.ids))
		types, err := tensor.Of(c.types, int64(c.batch), int64(c.length))
		if err != nil {
			return nil, err
		}
		to = append(to, runtime.Named{Name: in.TokenTypes, Tensor: types})
	}
	if c.width > 0 {
		c.characters = make([]int64, c.batch*c.length*c.width)
		t, err := tensor.Of(c.characters, int64(c.batch), int64(c.length), int64(c.width))
		if err != nil {
			return nil, err
		}
		to = append(to, runtime.Named{Name: in.Characters.Tensor, Tensor: t})
	}
	if in.WordStarts != "" {
		c.starts = make([]int64, c.batch*c.length)
		t, err := tensor.Of(c.starts, int64(c.batch), int64(c.length))
		if err != nil {
			return nil, err
		}
		to = append(to, runtime.Named{Name: in.WordStarts, Tensor: t})
	}
	c.bytes += 8 * (len(c.ids) + len(c.mask) + len(c.types) + len(c.characters) + len(c.starts))
	return to, nil
}
