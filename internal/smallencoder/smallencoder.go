// Package smallencoder writes the folder of a small encoder with random weights, for
// tests that need one and not the numbers of a trained one: BERT of two layers with
// hidden states of width 16, and a WordPiece tokenizer of letters and a few words.
package smallencoder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"

	"espalier/pretrained"
	"espalier/safetensors"
	"espalier/tensor"
)

// Config is the config.json of the folder.
const Config = `{"model_type": "bert", "vocab_size": 80, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
 "intermediate_size": 24, "max_position_embeddings": 48, "pad_token_id": 0}`

// Tokens are those of the tokenizer, by id.
func Tokens() []string {
	tokens := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", "!", "?", "'", "the", "play", "##ing", "book", "##s", "a", "not"}
	seen := map[string]bool{}
	for _, t := range tokens {
		seen[t] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		for _, t := range []string{string(c), "##" + string(c)} {
			if !seen[t] {
				tokens = append(tokens, t)
			}
		}
	}
	return tokens
}

// Tokenizer is the folder's tokenizer.json.
func Tokenizer() ([]byte, error) {
	vocabulary := map[string]int{}
	for id, t := range Tokens() {
		vocabulary[t] = id
	}
	var added []map[string]any
	for id, t := range Tokens()[:5] {
		added = append(added, map[string]any{"id": id, "content": t, "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false})
	}
	special := func(token string, kind int) map[string]any {
		return map[string]any{"SpecialToken": map[string]any{"id": token, "type_id": kind}}
	}
	sequence := func(id string, kind int) map[string]any {
		return map[string]any{"Sequence": map[string]any{"id": id, "type_id": kind}}
	}
	return json.Marshal(map[string]any{
		"version": "1.0", "added_tokens": added,
		"normalizer":    map[string]any{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": true},
		"pre_tokenizer": map[string]any{"type": "BertPreTokenizer"},
		"post_processor": map[string]any{
			"type":   "TemplateProcessing",
			"single": []any{special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)},
			"pair":   []any{special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0), sequence("B", 1), special("[SEP]", 1)},
			"special_tokens": map[string]any{
				"[CLS]": map[string]any{"id": "[CLS]", "ids": []int{2}, "tokens": []string{"[CLS]"}},
				"[SEP]": map[string]any{"id": "[SEP]", "ids": []int{3}, "tokens": []string{"[SEP]"}},
			},
		},
		"model": map[string]any{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocabulary},
	})
}

// shapes are those of all tensors, by name.
func shapes(c *pretrained.Config) map[string]tensor.Shape {
	all := map[string]tensor.Shape{
		"embeddings.word_embeddings.weight":       {c.Vocabulary, c.Hidden},
		"embeddings.position_embeddings.weight":   {c.Positions, c.Hidden},
		"embeddings.token_type_embeddings.weight": {c.TokenTypes, c.Hidden},
	}
	norm := func(name string) {
		all[name+".weight"], all[name+".bias"] = tensor.Shape{c.Hidden}, tensor.Shape{c.Hidden}
	}
	dense := func(name string, out, in int64) {
		all[name+".weight"], all[name+".bias"] = tensor.Shape{out, in}, tensor.Shape{out}
	}
	norm("embeddings.LayerNorm")
	for i := range c.Layers {
		layer := fmt.Sprintf("encoder.layer.%d.", i)
		for _, p := range []string{"query", "key", "value"} {
			dense(layer+"attention.self."+p, c.Hidden, c.Hidden)
		}
		dense(layer+"attention.output.dense", c.Hidden, c.Hidden)
		norm(layer + "attention.output.LayerNorm")
		dense(layer+"intermediate.dense", c.FeedForward, c.Hidden)
		dense(layer+"output.dense", c.Hidden, c.FeedForward)
		norm(layer + "output.LayerNorm")
	}
	dense("pooler.dense", c.Hidden, c.Hidden)
	return all
}

// Write writes the folder: config.json, model.safetensors and tokenizer.json. The same
// seed gives the same bytes.
func Write(dir string, seed uint64) error {
	c, err := pretrained.ParseConfig([]byte(Config))
	if err != nil {
		return err
	}
	weights := map[string]*tensor.Tensor{}
	for name, shape := range shapes(c) {
		t, err := tensor.New(tensor.Float32, shape...)
		if err != nil {
			return err
		}
		h := fnv.New64a()
		h.Write([]byte(name))
		r := rand.New(rand.NewPCG(seed, h.Sum64()))
		scale := shape[len(shape)-1] == c.Hidden && len(shape) == 1
		for i := range t.Float32s() {
			t.Float32s()[i] = float32(0.2 * r.NormFloat64())
			if scale && name[len(name)-len(".weight"):] == ".weight" {
				t.Float32s()[i]++
			}
		}
		weights[name] = t
	}
	tokenizer, err := Tokenizer()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, &safetensors.File{Tensors: weights}); err != nil {
		return err
	}
	for name, content := range map[string][]byte{pretrained.ConfigFile: []byte(Config), pretrained.TokenizerFile: tokenizer, safetensors.WholeFile: b.Bytes()} {
		//lint:allow writes a folder of a test, made anew by each
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
