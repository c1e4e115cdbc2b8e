package models_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/models"
	"espalier/schema"
	"espalier/tensor"
)

// tagger is a model with a CRF over tokens that are words, or pieces of them.
func tagger(t *testing.T, tokenizer string) *models.Model {
	t.Helper()
	s := description()
	s.Inputs[0].Tokenizer = tokenizer
	s.Tasks = []schema.Task{{Name: "tags", Type: schema.Tagging, Scheme: "bio", Labels: []string{"O", "B-X", "I-X"}}}
	m, err := models.NewText(s, models.Config{Trunk: models.TrunkConfig{Type: "bag", Embedding: 8}, Heads: map[string]models.HeadConfig{"tags": {CRF: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestCRFOverFirstPiecesLearnsAsOverWords: a trunk that reads tokens one by one makes
// the same of a word's first piece as of the word, so that a field over words that have
// more pieces has the loss and the gradients of one over the words.
func TestCRFOverFirstPiecesLearnsAsOverWords(t *testing.T) {
	ids := func(x ...int64) *tensor.Tensor { return tensor.Must(tensor.Of(x, 2, int64(len(x)/2))) }
	words := map[string]*tensor.Tensor{
		"ids": ids(5, 6, 7, 8, 9, 0), "tags_labels": ids(0, 1, 2, 1, 0, -1),
	}
	pieces := map[string]*tensor.Tensor{
		"ids":         ids(2, 5, 11, 6, 7, 3, 2, 8, 9, 12, 13, 3),
		"word_starts": ids(0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0),
		"tags_labels": ids(-1, 0, -1, 1, 2, -1, -1, 1, 0, -1, -1, -1),
	}
	for _, e := range engines(t) {
		outcome := func(m *models.Model, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
			b, err := m.Build(models.Training)
			if err != nil {
				t.Fatal(err)
			}
			of := b.Graph.Parameters()
			outputs := []builder.Output{{Name: "loss", Value: b.Tasks[0].Loss}, {Name: "count", Value: b.Tasks[0].Count}}
			for i, x := range grad.Gradients(b.Graph, []*builder.Value{b.Tasks[0].Loss}, nil, of) {
				outputs = append(outputs, builder.Output{Name: "by " + of[i].Name(), Value: x})
			}
			return program(t, e, b, outputs)(in)
		}
		want, got := outcome(tagger(t, "whitespace"), words), outcome(tagger(t, "subword"), pieces)
		if got["count"].Float32s()[0] != 5 {
			t.Errorf("the loss is of %v words", got["count"].Float32s())
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			for i, x := range want[name].Float32s() {
				if d := math.Abs(float64(x - got[name].Float32s()[i])); d > 1e-6 {
					t.Errorf("%s[%d] is %v over first pieces and %v over words", name, i, got[name].Float32s()[i], x)
				}
			}
		}
	}
}

func TestWordStartsAreAnInputWhereAFieldNeedsThem(t *testing.T) {
	if in := tagger(t, "subword").Schema().Inputs[0]; in.WordStarts != "word_starts" {
		t.Errorf("the model reads %q", in.WordStarts)
	}
	if in := tagger(t, "whitespace").Schema().Inputs[0]; in.WordStarts != "" {
		t.Errorf("a model of words reads %q", in.WordStarts)
	}
	_, err := tagger(t, "subword").BuildOn(func(g *builder.Graph) (models.Front, error) {
		return models.Front{IDs: g.Input("ids", tensor.Int64, builder.Named("batch"), builder.Named("sequence"))}, nil
	})
	if err == nil || !strings.Contains(err.Error(), "a CRF over words that are split into pieces needs to know which pieces begin a word") {
		t.Errorf("a front that does not say where words begin: %v", errors.Unwrap(err))
	}
}
