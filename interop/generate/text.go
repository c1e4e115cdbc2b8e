package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"espalier/export"
	"espalier/models"
	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/text"
)

// tokenizers are the text inputs of files that read text, each with and without
// the characters of words.
var tokenizers = map[string]schema.Input{
	"whitespace": {Tokenizer: "whitespace"},
	"lowercase":  {Tokenizer: "whitespace", Lowercase: true, MaxLength: 12},
	"regex":      {Tokenizer: "regex", Pattern: `\w+|[^\w\s]`, Lowercase: true},
	"characters": {Tokenizer: "characters"},
}

// sentences are what the vocabulary is learned from, and texts what the files
// are asked about: some of them have nothing to read, or only unknown words.
var (
	sentences = []string{"Play some jazz by Miles Davis", "wake me at 7:30, please", "who sings this song?", "Is it cold in Malmö"}
	texts     = []string{
		"Play some jazz by Miles Davis", "", "zzz qqq xxx", "WAKE ME,please at7:30", "  \t ", "\u0130stanbul \u00e9\u0301 \u4e2d\u6587 \U0001F600",
		"who sings this song? who sings this song? who sings this song? who sings", "a\u00a0b\u3000c\nd", "malm\u00d6 MALM\u00d6 Malm\u00f6", "jazz",
	}
	// batches are of those texts, by number.
	batches = [][]int{{}, {0}, {1}, {2}, {4}, {5}, {6}, {0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {1, 4, 9}}
)

func writeTexts(e runtime.Engine, dir string) error {
	for name, in := range tokenizers {
		for _, spelled := range []bool{false, true} {
			folder := filepath.Join(dir, name)
			if spelled {
				folder += "_spelled"
			}
			if err := writeText(e, folder, in, spelled); err != nil {
				return fmt.Errorf("generate: %s: %w", folder, err)
			}
		}
	}
	return nil
}

// writeText writes a file that reads text, and the answers of Go, which come
// from the file that reads ids and from package text.
func writeText(e runtime.Engine, dir string, in schema.Input, spelled bool) error {
	m, words, err := textModel(in, spelled)
	if err != nil {
		return err
	}
	values, err := parameters(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, input := range []string{"text", "ids"} {
		file, err := export.Model(m, values, words, export.Options{Input: input})
		if err != nil {
			return err
		}
		if err := export.Write(filepath.Join(dir, input+".onnx"), file); err != nil {
			return err
		}
	}
	p, err := predict.Open(filepath.Join(dir, "ids.onnx"), predict.Options{Engine: e})
	if err != nil {
		return err
	}
	defer p.Close()
	answers, err := p.Predict(context.Background(), texts...)
	if err != nil {
		return err
	}
	var forms [][]string
	for i, a := range answers {
		forms = append(forms, []string{})
		for _, t := range a.Tokens {
			forms[i] = append(forms[i], texts[i][t.Start:t.End])
		}
	}
	content, err := json.Marshal(map[string]any{
		"tasks": m.Schema().Tasks, "texts": texts, "batches": batches, "tokens": forms, "answers": answers,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "cases.json"), content, 0o644)
}

func textModel(in schema.Input, spelled bool) (*models.Model, *text.Vocabulary, error) {
	tokenizer, err := text.NewTokenizer(in.Tokenizer, text.Options{Pattern: in.Pattern, Lowercase: in.Lowercase})
	if err != nil {
		return nil, nil, err
	}
	counter := text.NewCounter()
	for _, s := range sentences {
		for _, t := range tokenizer.Tokenize(nil, s) {
			counter.Add(t.Text)
		}
	}
	words := counter.Build(1, 0)
	in.Name, in.Type, in.Tensor, in.VocabularySize = "text", schema.Text, models.IDs, words.Size()
	trunk := trunks["cnn"]
	if spelled {
		in.Characters = &schema.Characters{Alphabet: strings.Join(strings.Fields("a b c d e i m o s z \u00f6 M P 7"), ""), MaxLength: 6}
		trunk.Characters = models.CharacterConfig{Type: "cnn", Embedding: 8, Hidden: 8, Kernel: 3}
	}
	s := description(words.Size(), trunk)
	s.Inputs[0] = in
	m, err := models.NewText(s, models.Config{Trunk: trunk, Heads: heads})
	return m, words, err
}
