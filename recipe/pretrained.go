package recipe

import (
	"path/filepath"
	"slices"

	"espalier/internal/nearest"
	"espalier/models"
	"espalier/pretrained"
	"espalier/pretrained/peft"
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
	if r.encoder == nil {
		c.startsWithAdapter(t)
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

// startsWithAdapter gives low-rank changes that go on learning from an adapter its sizes.
func (c *checker) startsWithAdapter(t *Trunk) {
	dir := t.Options.Text("peft")
	if dir == "" || t.Options.Text("tune") != "lora" {
		return
	}
	a, err := peft.Read(dir)
	if err != nil {
		c.fail("trunk.peft", "cannot be used: %w", err)
		return
	}
	var targets []string
	for _, p := range pretrained.Projections() {
		if slices.ContainsFunc(a.Paths(), func(path string) bool {
			_, of, ok := t.Pretrained.ProjectionOf(path)
			return ok && of == p
		}) {
			targets = append(targets, p)
		}
	}
	if len(targets) == 0 {
		c.fail("trunk.peft", "is an adapter of another architecture: it adapts %s", nearest.List(a.Paths()))
		return
	}
	for _, s := range []struct {
		key   string
		value any
	}{{"rank", int64(a.Rank)}, {"alpha", a.Scale() * float64(a.Rank)}, {"targets", targets}} {
		if c.has("trunk." + s.key) {
			c.fail("trunk."+s.key, "is set, but the adapter that trunk.peft names says it: %v; leave it out", s.value)
		}
		t.Options[s.key] = s.value
	}
}
