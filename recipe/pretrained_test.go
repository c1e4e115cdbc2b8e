package recipe

import (
	"strings"
	"testing"

	"espalier/models"
)

const ofEncoder = `
data:
  train: {format: tsv, file: train.tsv}
inputs:
  text: {type: text}
trunk: {type: pretrained, path: testdata/encoder}
tasks:
  topic: {type: classification}
`

// TestPretrainedTrunks: sizes, tokenizer and dropout follow from the folder, and what a
// run keeps of the recipe is read alike, whatever learns.
func TestPretrainedTrunks(t *testing.T) {
	for _, trunk := range []string{
		"", ", tune: top, top: 1", ", tune: none, pooling: first", ", tune: lora, rank: 2, targets: [query, output], own_layers: 1",
		", tune: adapter, bottleneck: 3, mix: true, dropout: 0",
	} {
		r, err := Parse("r.yaml", []byte(strings.Replace(ofEncoder, "testdata/encoder", "testdata/encoder"+trunk, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if in := r.Inputs[0]; r.Trunk.Hidden != 8 || r.Trunk.Layers != 2 || in.Tokenizer != "subword" || in.File != "testdata/encoder/tokenizer.json" || !in.SpecialTokens {
			t.Errorf("%s: %+v, %+v", trunk, r.Trunk, in)
		}
		if p := r.Trunk.Dropout; p != 0.1 && !strings.Contains(trunk, "dropout") {
			t.Errorf("%s: dropout is %v", trunk, p)
		}
		kept := marshalled(t, r)
		again, err := ParseFor("recipe.yaml", []byte(kept), r.Trunk.Pretrained)
		if err != nil {
			t.Fatalf("%s: %v\n%s", trunk, err, kept)
		}
		if back := marshalled(t, again); back != kept {
			t.Errorf("%s: written again it is\n%s\nbefore\n%s", trunk, back, kept)
		}
		if c := again.Model().Trunk; c.Type != models.PretrainedTrunk || c.Pretrained == nil {
			t.Errorf("%s: %+v", trunk, c)
		}
	}
}

// TestPretrainedTrunksThatCannotBe: what is wrong is named with its line.
func TestPretrainedTrunksThatCannotBe(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{", path: testdata/encoder", "", "r.yaml:5: trunk.path is missing; name the folder of the encoder, with config.json, model.safetensors and tokenizer.json"},
		{"testdata/encoder", "nowhere", "r.yaml:5: trunk.path cannot be used: nowhere has no config.json; name the folder of a model in Hugging Face's format"},
		{"testdata/encoder", "testdata/encoder, hidden: 9", "r.yaml:5: trunk.hidden is not for type pretrained, whose sizes are those of its folder"},
		{"testdata/encoder", "testdata/encoder, tune: top, top: 3", "r.yaml:5: trunk.top is 3, and the encoder has 2 layers"},
		{"testdata/encoder", "testdata/encoder, rank: 3", "r.yaml:5: trunk.rank is for tune lora, not for all"},
		{"testdata/encoder", "testdata/encoder, tune: lora, targets: [keys]", `r.yaml:5: trunk.targets.0 is "keys", which is not one of query, key, value, output, intermediate, feedforward; did you mean "key"?`},
		{"{type: text}", "{type: text, tokenizer: whitespace}", "r.yaml:4: inputs.text.tokenizer is whitespace, but the trunk was trained on the pieces of its own tokenizer; leave it out"},
		{"type: pretrained, path: testdata/encoder", "type: bag, path: testdata/encoder", "r.yaml:5: trunk.path is for type pretrained"},
		{"type: pretrained, path: testdata/encoder", "stack: [{type: pretrained}]", `r.yaml:5: trunk.stack.0.type is "pretrained", which is not one of bag, cnn, bilstm, bigru, lstm, gru, transformer`},
	} {
		_, err := Parse("r.yaml", []byte(strings.Replace(ofEncoder[1:], c.from, c.to, 1)))
		if err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}
