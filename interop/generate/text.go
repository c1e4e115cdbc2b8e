package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"espalier/export"
	"espalier/models"
	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/tensor"
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

// wordpieces is the text input of a file that makes pieces of words, whose
// tokenizer.json is that of [pieces].
var wordpieces = schema.Input{Tokenizer: text.Subword, SpecialTokens: true}

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

func writeTexts(x *matrix) error {
	for _, name := range slices.Sorted(maps.Keys(tokenizers)) {
		for _, spelled := range []bool{false, true} {
			folder := filepath.Join("text", name)
			if spelled {
				folder += "_spelled"
			}
			if err := writeText(x, folder, "cnn", tokenizers[name], spelled); err != nil {
				return fmt.Errorf("generate: %s: %w", folder, err)
			}
		}
	}
	for _, trunk := range []string{"bag", "bilstm", "rotary"} {
		folder := filepath.Join("text", trunk)
		if err := writeText(x, folder, trunk, tokenizers["whitespace"], false); err != nil {
			return fmt.Errorf("generate: %s: %w", folder, err)
		}
	}
	if err := writeText(x, filepath.Join("text", "wordpiece"), "cnn", wordpieces, false); err != nil {
		return fmt.Errorf("generate: wordpiece: %w", err)
	}
	return nil
}

// asked are the batches, and one of texts that have one token at most.
func asked() (all [][]runtime.Named) {
	asked := [][]string{{"7", "", "M"}}
	for _, batch := range batches {
		some := []string{}
		for _, i := range batch {
			some = append(some, texts[i])
		}
		asked = append(asked, some)
	}
	for _, batch := range asked {
		all = append(all, []runtime.Named{{Name: export.TextInput, Tensor: tensor.Must(tensor.Of(batch, int64(len(batch))))}})
	}
	return all
}

// writeText writes a file that reads text, and the answers of Go, which come
// from the file that reads ids and from package text.
func writeText(x *matrix, folder, trunk string, in schema.Input, spelled bool) error {
	m, words, err := textModel(in, trunks[trunk], spelled)
	if err != nil {
		return err
	}
	values, err := parameters(m)
	if err != nil {
		return err
	}
	if err := x.add(folder, "text", m, values, words, export.Options{Input: "text", Training: "interop"}, asked()); err != nil {
		return err
	}
	ids, err := x.export(filepath.Join(folder, "ids.onnx"), m, values, words, export.Options{})
	if err != nil {
		return err
	}
	p, err := predict.Open(filepath.Join(x.out, ids.File), predict.Options{Engine: x.engine})
	if err != nil {
		return err
	}
	defer p.Close()
	answers, err := p.Predict(context.Background(), texts...)
	if err != nil {
		return err
	}
	// What the graph reads of each text, and where in that its words begin.
	forms, first := make([][]string, len(answers)), make([][]int, len(answers))
	for i, a := range answers {
		forms[i], first[i] = []string{}, []int{}
		for j, t := range a.Tokens {
			if a.Pieces == nil {
				forms[i], first[i] = append(forms[i], texts[i][t.Start:t.End]), append(first[i], j)
			}
		}
		for j, word := range text.Begins(nil, a.Pieces, a.Tokens) {
			forms[i] = append(forms[i], a.Pieces[j].Text)
			if word >= 0 {
				first[i] = append(first[i], j)
			}
		}
	}
	return writeJSON(filepath.Join(x.out, folder, "cases.json"), map[string]any{
		"tasks": p.Schema().Tasks, "texts": texts, "batches": batches, "tokens": forms, "first": first, "answers": answers,
	})
}

func textModel(in schema.Input, trunk models.TrunkConfig, spelled bool) (*models.Model, *text.Vocabulary, error) {
	words, err := vocabularyOf(in)
	if err != nil {
		return nil, nil, err
	}
	in.Name, in.Type, in.Tensor, in.VocabularySize = "text", schema.Text, models.IDs, words.Size()
	if spelled {
		in.Characters = &schema.Characters{Alphabet: strings.Join(strings.Fields("a b c d e i m o s z \u00f6 M P 7"), ""), MaxLength: 6}
		trunk.Characters = models.CharacterConfig{Type: "cnn", Embedding: 8, Hidden: 8, Kernel: 3}
	}
	s := description(words.Size(), trunk)
	s.Inputs[0] = in
	m, err := models.NewText(s, models.Config{Trunk: trunk, Heads: heads})
	return m, words, err
}

// vocabularyOf learns a vocabulary from the sentences, unless pieces are one.
func vocabularyOf(in schema.Input) (*text.Vocabulary, error) {
	if in.Tokenizer == text.Subword {
		file, err := pieces()
		if err != nil {
			return nil, err
		}
		return text.ReadSubwords(file)
	}
	tokenizer, err := text.NewTokenizer(in.Tokenizer, text.Options{Pattern: in.Pattern, Lowercase: in.Lowercase})
	if err != nil {
		return nil, err
	}
	counter := text.NewCounter()
	for _, s := range sentences {
		for _, t := range tokenizer.Tokenize(nil, s) {
			counter.Add(t.Text)
		}
	}
	return counter.Build(1, 0), nil
}
