package models

import (
	"errors"
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/input"
	"espalier/schema"
	"espalier/tensor"
)

// The names of the inputs that carry token ids and the characters of tokens.
const (
	IDs        = schema.IDs
	Characters = schema.CharacterIDs
)

// EmbeddingTable is the name of the parameter that holds the word vectors:
// [words, embedding], by id.
const EmbeddingTable = "trunk/embedding/table"

// NewText returns a text model for the schema's tasks. It sets the schema's
// tensor names and checks the configuration by building every graph once.
func NewText(s *schema.Schema, c Config) (*Model, error) {
	if !input.OneText(s) {
		return nil, fmt.Errorf("models: a text model reads one text input, the schema has %d inputs", len(s.Inputs))
	}
	if s.Inputs[0].VocabularySize < 2 {
		return nil, fmt.Errorf("models: input %q has a vocabulary of %d words", s.Inputs[0].Name, s.Inputs[0].VocabularySize)
	}
	own := copyOf(s)
	own.Inputs[0].Tensor = IDs
	if of, err := trunkType(c.Trunk.Type); err == nil && of.Table {
		return nil, fmt.Errorf("models: trunk: type %s is for tables, not for text", of.Name)
	}
	m, err := finish(own, c, textReader{})
	if err != nil {
		return nil, err
	}
	if in, most := &own.Inputs[0], int(m.config.Trunk.Longest()); most > 0 && (in.MaxLength == 0 || in.MaxLength > most) {
		in.MaxLength = most // there are no positions beyond
	}
	if ch := own.Inputs[0].Characters; (ch != nil) != (m.config.Trunk.Characters.Type != "") {
		return nil, fmt.Errorf("models: the schema and the trunk must both have characters or both have none")
	} else if ch != nil {
		c := *ch
		c.Tensor = Characters
		own.Inputs[0].Characters = &c
	}
	if own.Inputs[0].WordStarts = ""; labelsWords(own, &m.config) {
		own.Inputs[0].WordStarts = schema.WordStarts
	}
	return m, m.try()
}

// labelsWords reports whether tokens are pieces of words and a task's labels are those
// of words together.
func labelsWords(s *schema.Schema, c *Config) bool {
	if !s.Inputs[0].Pieces() {
		return false
	}
	for _, t := range s.Tasks {
		if c.Heads[t.Name].CRF {
			return true
		}
	}
	return false
}

// errNoWordStarts says what a front lacks that computes the inputs of a model.
var errNoWordStarts = errors.New("a CRF over words that are split into pieces needs to know which pieces begin a word")

// textReader reads tokens, and their characters where the model does.
type textReader struct{}

func (textReader) inputs(g *builder.Graph, inputs []schema.Input) (f Front) {
	f.IDs = g.Input(IDs, tensor.Int64, builder.Named("batch"), builder.Named("sequence"))
	if inputs[0].Characters != nil {
		f.Characters = g.Input(Characters, tensor.Int64, builder.Named("batch"), builder.Named("sequence"), builder.Named("characters"))
	}
	if inputs[0].TokenTypes != "" {
		f.TokenTypes = g.Input(schema.TokenTypes, tensor.Int64, builder.Named("batch"), builder.Named("sequence"))
	}
	if name := inputs[0].WordStarts; name != "" {
		f.WordStarts = g.Input(name, tensor.Int64, builder.Named("batch"), builder.Named("sequence"))
	}
	return f
}

// read makes the vectors of words.
func (textReader) read(c *network, trunk *builder.Scope, b *Built, inputs []schema.Input) *builder.Value {
	if c.tokenTypes = b.TokenTypes; b.Mask != nil {
		c.mask = c.Cast(b.Mask, c.Float())
	} else {
		c.mask = nn.Mask(c.Graph, b.IDs, inputs[0].Padding)
	}
	in, t := &inputs[0], c.config.Trunk
	if in.WordStarts != "" {
		if b.WordStarts == nil {
			return c.Fail("words", nil, errNoWordStarts)
		}
		c.words = nn.NewWords(c.Graph, b.WordStarts, c.mask)
	}
	embed := nn.Embedding
	if t.Frozen {
		embed = nn.FrozenEmbedding
	}
	words := int64(in.VocabularySize)
	if t.Pretrained != nil {
		words = t.Pretrained.Vocabulary // its table may have rows that the tokenizer has no token for
	}
	x := embed(trunk.In("embedding"), b.IDs, words, t.Embedding)
	if b.Characters != nil {
		x = c.Concat(-1, x, c.characters(trunk.In("characters"), b.Characters, int64(in.Characters.Size())))
	}
	return c.featureDropout(x, t.EmbeddingDropout)
}
