package main

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/internal/atomicfile"
	"espalier/safetensors"
	"espalier/tensor"
)

const smallConfig = `{"model_type": "bert", "architectures": ["BertModel"], "vocab_size": 6, "hidden_size": 8, "num_hidden_layers": 1,
	"num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 32}`

const smallTokenizer = `{"version": "1.0", "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
	"added_tokens": [], "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
	"vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "##b": 5}}}`

// smallWeights are the tensors of smallConfig's encoder.
func smallWeights() map[string]*tensor.Tensor {
	const hidden, wide = 8, 16
	all := map[string]*tensor.Tensor{}
	add := func(name string, shape ...int64) { all[name] = tensor.Must(tensor.New(tensor.Float32, shape...)) }
	linear := func(name string, out, in int64) { add(name+".weight", out, in); add(name+".bias", out) }
	norm := func(name string) { add(name+".weight", hidden); add(name+".bias", hidden) }
	add("embeddings.word_embeddings.weight", 6, hidden)
	add("embeddings.position_embeddings.weight", 32, hidden)
	add("embeddings.token_type_embeddings.weight", 2, hidden)
	norm("embeddings.LayerNorm")
	const layer = "encoder.layer.0."
	for _, name := range []string{"self.query", "self.key", "self.value", "output.dense"} {
		linear(layer+"attention."+name, hidden, hidden)
	}
	norm(layer + "attention.output.LayerNorm")
	linear(layer+"intermediate.dense", wide, hidden)
	linear(layer+"output.dense", hidden, wide)
	norm(layer + "output.LayerNorm")
	return all
}

// modelFolder writes a folder in Hugging Face's format.
func modelFolder(t *testing.T, config, tokenizer string, weights map[string]*tensor.Tensor) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name string, write func(io.Writer) error) {
		if err := atomicfile.WriteFile(filepath.Join(dir, name), write); err != nil {
			t.Fatal(err)
		}
	}
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	put("config.json", text(config))
	if tokenizer != "" {
		put("tokenizer.json", text(tokenizer))
	}
	if weights != nil {
		put("model.safetensors", func(w io.Writer) error { return safetensors.Write(w, &safetensors.File{Tensors: weights}) })
	}
	return dir
}

func TestInspectFolder(t *testing.T) {
	dir := modelFolder(t, smallConfig, smallTokenizer, smallWeights())
	code, stdout, stderr := command(t, "inspect", dir)
	for _, want := range []string{
		`BERT, model_type "bert", saved from BertModel`,
		"1 of width 8, 2 heads, feed-forward 16 (gelu)",
		"texts of up to 32 tokens, 6 ids, word vectors of width 8",
		"936 numbers in 21 tensors (21 F32), 0 MB in one file",
		"WordPiece of 6 tokens",
		"yes, by trunk: {type: pretrained, path: " + dir + "}",
		"memory of training on batches of 32 texts of 32 tokens",
		"all weights (tune: all) ", "all weights (tune: all, recompute) ", "low-rank changes (tune: lora) ", "heads alone (tune: none) ",
	} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, %s and\n%s\nwant %q", code, stderr, stdout, want)
		}
	}
	code, stdout, _ = command(t, "inspect", dir, "--json")
	var found folderInspection
	if err := json.Unmarshal([]byte(stdout), &found); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	// The encoder's 936 numbers and the head's 8 + 1; Adam's moments are twice as large.
	all, heads := found.Memory[0].Bytes, found.Memory[4].Bytes
	if all.Weights != 4*945 || all.Moments != 2*all.Weights || all.Best != all.Weights || heads.Weights != all.Weights || heads.Moments != 8*9 || heads.Gradients != 4*9 {
		t.Errorf("memory of all weights is %+v, of heads alone %+v", all, heads)
	}
	if again := found.Memory[1].Bytes; again.Activations > all.Activations || again.Weights != all.Weights {
		t.Errorf("with layers computed again it is %+v, without %+v", again, all)
	}
}

// TestInspectFolderSaysWhyNot: one change each to a folder that can be trained.
func TestInspectFolderSaysWhyNot(t *testing.T) {
	without := func(name string) map[string]*tensor.Tensor {
		w := smallWeights()
		delete(w, name)
		return w
	}
	other := func(name string, x *tensor.Tensor) map[string]*tensor.Tensor {
		w := maps.Clone(smallWeights())
		w[name] = x
		return w
	}
	for _, c := range []struct {
		name, config, tokenizer string
		weights                 map[string]*tensor.Tensor
		want                    []string // DIR stands for the folder
	}{
		{
			"an unknown architecture", strings.Replace(smallConfig, `"bert"`, `"t5"`, 1), smallTokenizer, smallWeights(),
			[]string{`unknown, model_type "t5", saved from BertModel`, `model_type is "t5", which is not supported; supported are bert, electra, roberta`, "936 numbers", "WordPiece of 6 tokens"},
		},
		{"no JSON", "{", smallTokenizer, smallWeights(), []string{`unknown, model_type ""`, "no: DIR/config.json: not a JSON object"}},
		{"a type that is no text", `{"model_type": 7, "architectures": 8}`, smallTokenizer, smallWeights(), []string{"model_type is 7, it must be a text"}},
		{"no weights", smallConfig, smallTokenizer, nil, []string{"no: DIR has neither model.safetensors nor model.safetensors.index.json", "BERT"}},
		{"a missing tensor", smallConfig, smallTokenizer, without("encoder.layer.0.output.dense.bias"), []string{`no: the checkpoint has no tensor "encoder.layer.0.output.dense.bias"`}},
		{
			"another size", strings.Replace(smallConfig, `"intermediate_size": 16`, `"intermediate_size": 32`, 1), smallTokenizer, smallWeights(),
			[]string{`no: tensor "encoder.layer.0.intermediate.dense.weight" is [16,8], which is not what the sizes in config.json make it`},
		},
		{
			"whole numbers", smallConfig, smallTokenizer, other("embeddings.word_embeddings.weight", tensor.Must(tensor.New(tensor.Int64, 6, 8))),
			[]string{`tensor "embeddings.word_embeddings.weight" in model.safetensors is of type I64`, "(20 F32, 1 I64)"},
		},
		{
			"no tokenizer", smallConfig, "", smallWeights(),
			[]string{`no: DIR has no tokenizer.json: save the tokenizer in Python with transformers.AutoTokenizer.from_pretrained("DIR").save_pretrained("DIR")`},
		},
		{"a damaged tokenizer", smallConfig, "{}", smallWeights(), []string{"no: DIR/tokenizer.json: tokenizer.json: model: there is none"}},
		{
			"a tokenizer of another model", smallConfig, strings.Replace(smallTokenizer, `"##b": 5`, `"##b": 5, "c": 6`, 1), smallWeights(),
			[]string{"no: the tokenizer has ids to 6, but the word embeddings have 6 rows (vocab_size): they are of different models"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := modelFolder(t, c.config, c.tokenizer, c.weights)
			code, stdout, stderr := command(t, "inspect", dir)
			for _, want := range c.want {
				if want := strings.ReplaceAll(want, "DIR", dir); code != 0 || !strings.Contains(stdout, want) {
					t.Errorf("exit %d, %s and\n%s\nwant %q", code, stderr, stdout, want)
				}
			}
			if strings.Contains(stdout, "yes, by trunk") {
				t.Error("it can be trained")
			}
		})
	}
	dir := t.TempDir()
	if code, _, stderr := command(t, "inspect", dir); code == 0 || !strings.Contains(stderr, dir+" has no config.json: name an ONNX file, or the folder of a model in Hugging Face's format") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestInspectMiniLM(t *testing.T) {
	dir := os.Getenv("ESPALIER_MINILM")
	if dir == "" {
		t.Skip("ESPALIER_MINILM is not set: it names the folder of the MiniLM model")
	}
	_, stdout, _ := command(t, "inspect", dir)
	for _, want := range []string{"6 of width 384", "22713216 numbers in 104 tensors (103 F32, 1 I64), 91 MB", "WordPiece of 30522 tokens", "yes, by trunk"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%s\nwant %q", stdout, want)
		}
	}
}
