package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"espalier/export"
	"espalier/models"
	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/text"
)

// pieces is a tokenizer.json of letters and of pieces of some words.
func pieces() ([]byte, error) {
	words := map[string]int{"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3}
	for _, w := range []string{"th", "ing", "play", "some", "jazz", "son", "g", "ma", "da", "vis", "7", ":", ",", "?", "\u4e2d"} {
		words[w] = len(words)
		words["##"+w] = len(words)
	}
	for c := 'a'; c <= 'z'; c++ {
		if _, ok := words[string(c)]; !ok {
			words[string(c)] = len(words)
			words["##"+string(c)] = len(words)
		}
	}
	return json.Marshal(map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": []any{}, "decoder": nil,
		"normalizer":    map[string]any{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": true},
		"pre_tokenizer": map[string]any{"type": "BertPreTokenizer"},
		"post_processor": map[string]any{
			"type": "BertProcessing", "cls": []any{"[CLS]", 2}, "sep": []any{"[SEP]", 3},
		},
		"model": map[string]any{
			"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": words,
		},
	})
}

// writeSubwords writes a file whose tokens are pieces of words, and the answers
// of Go about the texts.
func writeSubwords(e runtime.Engine, dir string) error {
	tokenizer, err := pieces()
	if err != nil {
		return err
	}
	words, err := text.ReadSubwords(tokenizer)
	if err != nil {
		return err
	}
	trunk := trunks["cnn"]
	s := description(words.Size(), trunk)
	s.Inputs[0].Tokenizer, s.Inputs[0].SpecialTokens = text.Subword, true
	m, err := models.NewText(s, models.Config{Trunk: trunk, Heads: heads})
	if err != nil {
		return err
	}
	values, err := parameters(m)
	if err != nil {
		return err
	}
	file, err := export.Model(m, values, words, export.Options{})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, "ids.onnx")
	if err := export.Write(path, file); err != nil {
		return err
	}
	p, err := predict.Open(path, predict.Options{Engine: e})
	if err != nil {
		return err
	}
	defer p.Close()
	answers, err := p.Predict(context.Background(), texts...)
	if err != nil {
		return err
	}
	content, err := json.Marshal(map[string]any{"texts": texts, "answers": answers, "tasks": m.Schema().Tasks})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "cases.json"), content, 0o644)
}
