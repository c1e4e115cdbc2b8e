package step_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"espalier/data"
	"espalier/data/source"
	"espalier/models"
	"espalier/recipe"
	"espalier/schema"
	"espalier/text"
	"espalier/train/optim"
	"espalier/train/step"
)

// ownFile is a tokenizer.json that pads with its token 3 and has the unknown token 4.
const ownFile = `{"padding": {"pad_id": 3}, "pre_tokenizer": {"type": "WhitespaceSplit"},
	"added_tokens": [{"id": 3, "content": "[PAD]", "special": true}, {"id": 4, "content": "[UNK]", "special": true}, {"id": 5, "content": "[CLS]", "special": true}],
	"post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 5], "sep": ["[CLS]", 5]},
	"model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"a": 0, "b": 1, "c": 2, "[PAD]": 3, "[UNK]": 4, "[CLS]": 5}}}`

// ownIDs is a model with the ids of a tokenizer.json, and its data.
func ownIDs(t *testing.T) (*models.Model, *data.Dataset) {
	t.Helper()
	v, err := text.ReadOwnIDs([]byte(ownFile), -1)
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse("recipe.yaml", []byte("data: {train: {format: jsonl, file: d.jsonl}}\ninputs: {text: {type: text}}\ntasks: {topic: {type: classification}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	r.FS = fstest.MapFS{"d.jsonl": {Data: []byte(strings.Repeat(`{"text": "a b c a", "topic": "x"}`+"\n"+`{"text": "b", "topic": "y"}`+"\n", 4))}}
	e, err := data.NewSubwordEncoder(&schema.Schema{
		Version: schema.Version, Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: text.Subword, SpecialTokens: true}},
		Tasks: []schema.Task{{Name: "topic", Type: schema.Classification}},
	}, v)
	if err != nil {
		t.Fatal(err)
	}
	var in source.Input = r.Sources("train")
	if err := e.Learn(in); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	m, err := models.NewText(e.Schema(), models.Config{Trunk: models.TrunkConfig{Type: "bag", Embedding: 4}})
	if err != nil {
		t.Fatal(err)
	}
	return m, d
}

// TestTheOwnPaddingRowLearnsNothing, as the row that padding_idx names in PyTorch's
// Embedding; row 0, which is padding elsewhere, does.
func TestTheOwnPaddingRowLearnsNothing(t *testing.T) {
	m, d := ownIDs(t)
	s, err := step.New(m, engines(t)["gonum"], step.Config{Optimizer: optim.Config{Type: "sgd"}, Plain: true, DenseRows: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if padding := step.PaddingRows(s); len(padding) != 1 || padding[models.EmbeddingTable] != 3 {
		t.Errorf("rows of padding are %v", padding)
	}
	before := slices.Clone(s.Parameters().ByName()[models.EmbeddingTable].Float32s())
	var b data.Batch
	d.Fill(&b, []int{0, 1})
	var draws step.Draws
	if err := s.Draw(&draws, &b.Batch, 1, 0); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := s.Begin(ctx, step.Input{Batch: &b.Batch, Labels: b.Counts, Draws: &draws}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Compute(ctx, []float64{1}); err != nil {
		t.Fatal(err)
	}
	s.Update(func(int) float64 { return 0.1 })
	after := s.Parameters().ByName()[models.EmbeddingTable].Float32s()
	for id, learns := range []bool{true, true, true, false, false, true} { // 4 is not in the batch
		if same := slices.Equal(before[4*id:4*id+4], after[4*id:4*id+4]); same == learns {
			t.Errorf("row %d is the same: %v", id, same)
		}
	}
}

// TestWordDropoutReadsTheOwnUnknownToken, and drops neither padding nor special tokens.
func TestWordDropoutReadsTheOwnUnknownToken(t *testing.T) {
	m, d := ownIDs(t)
	s, err := step.New(m, engines(t)["gonum"], step.Config{Optimizer: optim.Config{Type: "sgd"}, Plain: true, WordDropout: 0.999})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b data.Batch
	d.Fill(&b, []int{0, 1})
	var draws step.Draws
	want := "step: word dropout reads tokens as the unknown one, which the vocabulary has not; set word_dropout and rare_word_dropout to 0"
	if err := s.Draw(&draws, &b.Batch, 1, 0); err == nil || err.Error() != want {
		t.Errorf("without an unknown token: %v", err)
	}
	s.SetWords(step.Words{Unknown: 4, Kept: []int64{3, 5}})
	if err := s.Draw(&draws, &b.Batch, 1, 0); err != nil {
		t.Fatal(err)
	}
	if got, want := step.DrawnIDs(&draws), []int64{5, 4, 4, 4, 4, 5, 5, 4, 5, 3, 3, 3}; !slices.Equal(got, want) {
		t.Errorf("tokens are %v, want %v", got, want)
	}
}
