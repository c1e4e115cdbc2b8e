package recipe

import (
	"path/filepath"

	"espalier/models"
	"espalier/pretrained"
	"espalier/text"
)

// pretrained reads the configuration of a trunk that was trained before. The text is
// read by the tokenizer of its folder, with the special tokens that it was trained with,
// unless the recipe says otherwise.
func (c *checker) pretrained(r *Recipe) {
	t := &r.Trunk
	if t.Type != models.PretrainedTrunk {
		return
	}
	if t.Path == "" {
		c.fail("trunk.path", "is missing; name the folder of the encoder, with config.json, model.safetensors and tokenizer.json")
		return
	}
	if t.Pretrained = r.encoder; t.Pretrained == nil {
		var err error
		if t.Pretrained, err = pretrained.ReadConfig(t.Path); err != nil {
			c.fail("trunk.path", "cannot be used: %w", err)
			return
		}
	}
	if len(r.Inputs) != 1 || r.Inputs[0].column() {
		return // which is refused
	}
	in := &r.Inputs[0]
	path := "inputs." + in.Name
	if !c.has(path + ".tokenizer") {
		in.Tokenizer = text.Subword
	} else if in.Tokenizer != text.Subword {
		c.fail(path+".tokenizer", "is %s, but the trunk was trained on the pieces of its own tokenizer; leave it out", in.Tokenizer)
	}
	if in.File == "" {
		in.File = filepath.Join(t.Path, pretrained.TokenizerFile)
	}
	if !c.has(path + ".special_tokens") {
		in.SpecialTokens = true
	}
}
