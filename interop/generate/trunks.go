package main

import (
	"slices"

	"espalier/models"
	"espalier/schema"
	tasks "espalier/task"
)

// trunks are the models: every trunk, pooling and option of layers, each with
// every head.
var trunks = map[string]models.TrunkConfig{
	"bag":         {Type: "bag", Embedding: 16},
	"bag_dense":   {Type: "bag", Embedding: 8, Hidden: 16, Layers: 1, Pooling: "max"},
	"cnn":         {Type: "cnn", Embedding: 16, Hidden: 16, Layers: 2, Kernel: 3, Dilations: []int64{1, 2}, Pooling: "attention"},
	"lstm":        {Type: "lstm", Embedding: 8, Hidden: 12, Layers: 2, Pooling: "attention"},
	"gru":         {Type: "gru", Embedding: 8, Hidden: 12, Pooling: "max"},
	"bilstm":      {Type: "bilstm", Embedding: 16, Layers: 2, Residual: true},
	"bigru":       {Type: "bigru", Embedding: 8, Hidden: 12, Layers: 2, Pooling: "max"},
	"transformer": {Type: "transformer", Embedding: 16, Hidden: 16, Layers: 2, Heads: 4, MaxLength: longest},
	"rotary":      {Type: "transformer", Embedding: 8, Hidden: 16, Layers: 2, Heads: 2, Positions: "rotary", Pooling: "attention"},
	"stack": {Embedding: 8, Stack: []models.TrunkConfig{
		{Type: "cnn", Layers: 1, Skip: true}, {Type: "bigru", Hidden: 12}, {Type: "transformer", Positions: "rotary", Heads: 2, Layers: 1},
	}},
	"characters_cnn":    {Type: "bilstm", Embedding: 8, Hidden: 12, Characters: models.CharacterConfig{Type: "cnn", Embedding: 6, Hidden: 7}},
	"characters_bilstm": {Type: "cnn", Embedding: 8, Hidden: 12, Characters: models.CharacterConfig{Type: "bilstm", Embedding: 6, Hidden: 6}},
}

// heads are of every kind: with and without a layer and a CRF, and such as
// read others.
var heads = map[string]models.HeadConfig{
	"topic": {Hidden: 8}, "spans": {CRF: true}, "slots": {Reads: []string{"topic", "moods"}}, "urgency": {Reads: []string{"entities", "spans"}},
	"links": {Hidden: 8, Reads: []string{"entities"}},
}

// description is a schema with every task type.
func description(words int, trunk models.TrunkConfig) *schema.Schema {
	text := schema.Input{Name: "text", Type: schema.Text, Tensor: models.IDs, Tokenizer: "whitespace", VocabularySize: words}
	if trunk.Characters.Type != "" {
		text.Characters = &schema.Characters{Alphabet: "abcdefghij", MaxLength: 5}
	}
	tags := []string{"O", "B-X", "I-X", "B-Y", "I-Y"}
	return withAllTypes(true, &schema.Schema{
		Version: schema.Version, Name: "interop", Inputs: []schema.Input{text},
		Tasks: []schema.Task{
			{Name: "topic", Type: schema.Classification, Labels: []string{"a", "b", "c", "d"}},
			{Name: "sentiment", Type: schema.Classification, Labels: []string{"negative", "positive"}},
			{Name: "moods", Type: schema.MultiLabel, Labels: []string{"calm", "sad", "odd"}},
			{Name: "entities", Type: schema.Tagging, Scheme: "bio", Labels: tags},
			{Name: "spans", Type: schema.Tagging, Scheme: "bio", Labels: tags},
			{Name: "slots", Type: schema.Tagging, Labels: []string{"x", "y", "z"}},
			{Name: "urgency", Type: schema.Classification, Labels: []string{"low", "high"}},
			{Name: "score", Type: schema.Regression},
			{Name: "links", Type: schema.Relation, Labels: []string{"of", "in", "near"}, Entities: "entities"},
		},
	})
}

// withAllTypes adds a task of each type that a schema has none of, so that a new type is
// in the models without a line for it. Types of tokens and pairs are for inputs that have
// tokens.
func withAllTypes(tokens bool, s *schema.Schema) *schema.Schema {
	for _, of := range tasks.Types() {
		traits := of.Traits()
		has := slices.ContainsFunc(s.Tasks, func(t schema.Task) bool { return t.Type == of.Name() })
		if has || !tokens && traits.Level != tasks.OfExample {
			continue
		}
		t := schema.Task{Name: string(of.Name()), Type: of.Name()}
		if traits.Choice == tasks.Number {
			t.Mean, t.Deviation = 35, 8
		} else {
			t.Labels = []string{"a", "b", "c", "d"}
		}
		s.Tasks = append(s.Tasks, t)
	}
	return s
}
