package predict

import (
	"encoding/json"
	"fmt"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/text"
)

// describe finds out what the file is, from its metadata or from the options,
// and holds it against the graph, before an engine sees the file.
func (f *file) describe(m *onnx.Model) error {
	if err := f.readSchema(m); err != nil {
		return err
	}
	if how, ok := m.MetadataValue(schema.KeyTraining); ok {
		f.training = json.RawMessage(how)
	}
	if f.options.Encode == nil && f.schema.Tabular() {
		if err := f.describeColumns(m.Graph); err != nil {
			return err
		}
	}
	if f.options.Encode == nil && len(f.schema.Inputs) == 1 && f.schema.Inputs[0].Type == schema.Text {
		if err := f.describeText(m); err != nil {
			return err
		}
		if err := f.matchText(m.Graph); err != nil {
			return err
		}
	}
	return f.match(m.Graph)
}

func (f *file) readSchema(m *onnx.Model) error {
	if f.options.Schema != nil {
		if err := task.Check(f.options.Schema); err != nil {
			return fmt.Errorf("predict: the schema given: %w", err)
		}
		f.schema = f.options.Schema
		_, own := m.MetadataValue(schema.Key)
		f.foreign = !own && m.ProducerName != "espalier"
		return nil
	}
	description, ok := m.MetadataValue(schema.Key)
	if !ok {
		return fmt.Errorf("predict: the file has no %s metadata: it was not exported by espalier; "+
			"give a schema in the options that names its tensors", schema.Key)
	}
	var err error
	if f.schema, err = task.Decode([]byte(description)); err != nil {
		return fmt.Errorf("predict: metadata %s: %w", schema.Key, err)
	}
	return nil
}

// describeText makes what turns a text into numbers.
func (f *file) describeText(m *onnx.Model) error {
	in := f.schema.Inputs[0]
	var err error
	if f.vocabulary = f.options.Vocabulary; f.vocabulary == nil {
		key, keyHash := in.VocabularyKeys()
		words, _ := m.MetadataValue(key)
		hash, _ := m.MetadataValue(keyHash)
		if f.vocabulary, err = text.Unfold(in.Tokenizer, words, hash); err != nil {
			return fmt.Errorf("predict: metadata %s: %w", key, err)
		}
	}
	o := text.Options{Pattern: in.Pattern, Lowercase: in.Lowercase, Subwords: f.vocabulary, Special: in.SpecialTokens}
	if f.tokenizer, err = text.NewTokenizer(in.Tokenizer, o); err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	if f.vocabulary.Size() != in.VocabularySize {
		return fmt.Errorf("predict: the vocabulary has %d words, the schema says %d", f.vocabulary.Size(), in.VocabularySize)
	}
	if c := in.Characters; c != nil {
		f.characters = text.NewCharacters(c.Alphabet, c.MaxLength)
	}
	return nil
}

func find(infos []onnx.ValueInfo, name string) *onnx.ValueInfo {
	for i := range infos {
		if infos[i].Name == name {
			return &infos[i]
		}
	}
	return nil
}

// maxFixed is the most elements of an input whose size the file fixes: it is
// made whole, however few texts there are.
const maxFixed = 1 << 24

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
	if c := in.Characters; c != nil && !in.InGraph {
		if v := find(g.Inputs, c.Tensor); v == nil || v.DType != tensor.Int64 || len(v.Shape) != 3 {
			return fmt.Errorf("predict: the graph has no int64 input %q of shape [batch, sequence, characters]", c.Tensor)
		}
	}
	return nil
}

// match compares the tasks with the outputs that the graph declares.
func (f *file) match(g *onnx.Graph) error {
	for _, t := range f.schema.Tasks {
		if len(t.Outputs) == 0 {
			return fmt.Errorf("predict: task %q names no output", t.Name)
		}
		if f.foreign {
			if err := matchClasses(&t, g); err != nil {
				return err
			}
		}
		for _, o := range t.Outputs {
			v := find(g.Outputs, o.Tensor)
			if v == nil {
				return fmt.Errorf("predict: task %q: the graph has no output %q", t.Name, o.Tensor)
			}
			if v.Kind != "" && v.Kind != "tensor" {
				return fmt.Errorf("predict: task %q: %w: output %q is a %s, not a tensor; export it as one, which skl2onnx does with zipmap=False", t.Name, runtime.ErrUnsupported, o.Tensor, v.Kind)
			}
			if o.Role != schema.Probabilities && o.Role != schema.Logits || len(v.Shape) == 0 {
				continue
			}
			last := v.Shape[len(v.Shape)-1]
			one := len(t.Labels) == 2 && last.Size == 1 && task.TraitsOf(&t).Choice == task.OneLabel // the second's alone
			if last.Known && last.Size != int64(len(t.Labels)) && !one {
				return fmt.Errorf("predict: task %q has %d labels, output %q has %d", t.Name, len(t.Labels), o.Tensor, last.Size)
			}
		}
	}
	return nil
}
