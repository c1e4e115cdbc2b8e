package models

import (
	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

// CharacterType declares one way to make features of the characters of a word.
type CharacterType struct {
	// Name is what [CharacterConfig].Type asks for.
	Name string
	// Doc says in one line what it is, Source where it is from.
	Doc, Source string
	// Options are its settings.
	Options []setting.Option

	// words are the features [words, hidden] of the characters x [words, characters,
	// embedding].
	words func(c *network, s *builder.Scope, x, mask *builder.Value, t CharacterConfig) *builder.Value
}

// CharacterTypes returns all types.
func CharacterTypes() []CharacterType { return []CharacterType{charCNN, charLSTM} }

// The options that the types share.
var (
	charEmbedding = setting.Option{Key: "embedding", Kind: setting.Whole, Min: 1, Default: 32, Doc: "width of character vectors"}
	charHidden    = setting.Option{Key: "hidden", Kind: setting.Whole, Min: 1, Default: 64, Doc: "number of features of a word"}
	charDropout   = setting.Option{Key: "dropout", Kind: setting.Share, Default: 0.0, Doc: "share of the values of character vectors that a training step sets to 0"}
)

var charCNN = CharacterType{
	Name: "cnn", Doc: "a convolution over the characters", Source: "Ma and Hovy 2016",
	Options: []setting.Option{
		charEmbedding, charHidden,
		{Key: "kernel", Kind: setting.Whole, Min: 1, Default: 3, Doc: "how many neighbouring characters it sees, odd"},
		charDropout,
	},
	words: func(c *network, s *builder.Scope, x, mask *builder.Value, t CharacterConfig) *builder.Value {
		return nn.Conv1D(s, c.Mul(x, c.Unsqueeze(mask, -1)), t.Hidden, t.Kernel, 1)
	},
}

var charLSTM = CharacterType{
	Name: "bilstm", Doc: "an LSTM layer over the characters, in both directions", Source: "Lample et al. 2016",
	Options: []setting.Option{charEmbedding, charHidden, charDropout},
	words: func(c *network, s *builder.Scope, x, mask *builder.Value, t CharacterConfig) *builder.Value {
		return nn.LSTM(s.In("lstm"), x, mask, nn.RecurrentOptions{Hidden: t.Hidden / 2, Bidirectional: true, Trained: c.mode != Inference})
	},
}

func characterType(name string) (CharacterType, error) {
	var names []string
	for _, t := range CharacterTypes() {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return CharacterType{}, oneOf("type", name, names...)
}

// Complete fills in defaults and reports the first setting that cannot be, as a
// [setting.Error]. given says which settings were given; nil: those that are not zero.
func (t *CharacterConfig) Complete(given func(key string) bool) error {
	of, err := characterType(t.Type)
	if err != nil {
		return err
	}
	var others []setting.Option
	for _, other := range CharacterTypes() {
		others = append(others, other.Options...)
	}
	if _, err := (setting.Binding{Options: of.Options, Others: others, Given: given}).Complete(t); err != nil {
		return err
	}
	switch {
	case t.Type == charCNN.Name && t.Kernel%2 == 0:
		return wrong("kernel", "is %d, it must be odd", t.Kernel)
	case t.Type == charLSTM.Name && t.Hidden%2 != 0:
		return wrong("hidden", "is %d, it must be even: each direction has half of it", t.Hidden)
	}
	return nil
}

// characters makes a vector of each word from its characters: [batch, sequence,
// hidden].
func (c *network) characters(s *builder.Scope, ids *builder.Value, alphabet int64) *builder.Value {
	t := c.config.Trunk.Characters
	x := c.dropout(nn.Embedding(s.In("embedding"), ids, alphabet, t.Embedding), t.Dropout)
	if c.Err() != nil {
		return x
	}
	words, err := ids.Dim(0).Times(ids.Dim(1))
	if err != nil {
		return c.Fail("characters", []*builder.Value{ids}, err)
	}
	x = c.Reshape(x, words, ids.Dim(2), builder.Fixed(t.Embedding))
	mask := nn.Mask(c.Graph, c.Reshape(ids, words, ids.Dim(2)), 0)
	of, err := characterType(t.Type)
	if err != nil {
		return c.Fail("characters", []*builder.Value{ids}, err)
	}
	x = nn.MaxPool(c.Graph, of.words(c, s, x, mask, t), mask)
	return c.Reshape(x, ids.Dim(0), ids.Dim(1), builder.Fixed(t.Hidden))
}
