package export

import (
	"fmt"

	"espalier/builder"
	"espalier/input"
	"espalier/models"
	"espalier/schema"
	"espalier/tensor"
)

// NamesTransformers are the names of inputs that Hugging Face's libraries give.
const NamesTransformers = "transformers"

// The names of [NamesTransformers].
const (
	inputIDs      = "input_ids"
	attentionMask = "attention_mask"
	tokenTypeIDs  = "token_type_ids"
)

// named reads a text as Hugging Face's tokenizers give it: ids, a mask and, where the
// model tells segments apart, their numbers.
type named struct {
	in    *schema.Input
	types bool
}

// namedInputs is what reads the inputs under other names than ours.
func (o *Options) namedInputs(m *models.Model, described *schema.Schema) (*named, error) {
	switch {
	case o.Names != NamesTransformers:
		return nil, fmt.Errorf("export: names %q are not one of espalier, transformers", o.Names)
	case !input.OneText(described):
		return nil, fmt.Errorf("export: the names of transformers are those of a text; the model reads a table")
	case o.Input == "text":
		return nil, fmt.Errorf("export: a file that reads raw text has no ids whose names could be those of transformers; use --input ids")
	}
	return &named{&described.Inputs[0], m.TokenTypes()}, nil
}

func (n *named) build(g *builder.Graph) (f models.Front, err error) {
	batch, length := builder.Named("batch"), builder.Named("sequence")
	f.IDs, f.Mask = g.Input(inputIDs, tensor.Int64, batch, length), g.Input(attentionMask, tensor.Int64, batch, length)
	n.in.Tensor, n.in.Mask = inputIDs, attentionMask
	if n.types {
		f.TokenTypes = g.Input(tokenTypeIDs, tensor.Int64, batch, length)
		n.in.TokenTypes = tokenTypeIDs
	}
	if n.in.Characters != nil {
		f.Characters = g.Input(models.Characters, tensor.Int64, batch, length, builder.Named("characters"))
	}
	return f, g.Err()
}
