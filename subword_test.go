package espalier_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"espalier"
	"espalier/examples/demo"
	"espalier/models"
	"espalier/onnx"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/tensor"
)

// letters is a tokenizer.json of letters and of pairs that are common in
// English, so that nearly every word has several pieces.
func letters(t *testing.T) []byte {
	t.Helper()
	words := map[string]int{"[UNK]": 0}
	add := func(w string) {
		words[w] = len(words)
		words["##"+w] = len(words)
	}
	for c := 'a'; c <= 'z'; c++ {
		add(string(c))
	}
	for _, w := range strings.Fields("th he in er an re on at en nd or es ed ing the and 0 1 2 3 4 5 6 7 8 9 . , ? !") {
		add(w)
	}
	content, err := json.Marshal(map[string]any{
		"normalizer":    map[string]any{"type": "BertNormalizer"},
		"pre_tokenizer": map[string]any{"type": "BertPreTokenizer"},
		"model":         map[string]any{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "vocab": words},
	})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// subwordRecipe is the demonstration with pieces of words.
func subwordRecipe(t *testing.T, tokenizer []byte) *recipe.Recipe {
	t.Helper()
	files := fstest.MapFS{"tokenizer.json": {Data: tokenizer}}
	for _, name := range []string{"train.conll", "valid.conll", "test.conll"} {
		content, err := fs.ReadFile(demo.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: content}
	}
	r := demoRecipe(t, "train.epochs=3", "inputs.text={type: text, tokenizer: subword, file: tokenizer.json}")
	r.FS = files
	return r
}

func TestSubwordsFromRecipeToPrediction(t *testing.T) {
	all := engines(t)
	tokenizer := letters(t)
	r := subwordRecipe(t, tokenizer)
	dir := filepath.Join(t.TempDir(), "run")
	_, outcome, err := espalier.Train(context.Background(), r, dir, espalier.Options{Engine: all[0]})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, dir, "tokenizer.json"), tokenizer) {
		t.Error("the run has another tokenizer.json")
	}
	if _, err := os.Stat(filepath.Join(dir, "vocabulary.txt")); err == nil {
		t.Error("the run has a list of words beside it")
	}
	run, err := espalier.OpenRun(dir) // without the recipe's file
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.onnx")
	if _, err := run.Export(context.Background(), path, espalier.ExportOptions{Engines: all}); err != nil {
		t.Fatal(err)
	}
	run.Recipe.FS = r.FS
	for _, e := range all {
		p, err := predict.Open(path, predict.Options{Engine: e})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		scoresAs(t, p, run.Recipe, outcome.Test, e.Name())
		mapsBackToWords(t, p)
	}
	// The same with the tokenizer in the graph; Export compares it with the trainer.
	if _, err = run.Export(context.Background(), path, espalier.ExportOptions{Input: "text", Engines: all}); err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		p, err := predict.Open(path, predict.Options{Engine: e})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		scoresAs(t, p, run.Recipe, outcome.Test, e.Name()+", text in")
	}
}

// TestCRFOverPiecesFromRecipeToPrediction: a file whose tags are chosen together reads
// which pieces begin words, and is measured as the trainer's model is.
func TestCRFOverPiecesFromRecipeToPrediction(t *testing.T) {
	all, ctx := engines(t), context.Background()
	r := subwordRecipe(t, letters(t))
	r, err := r.With("tasks.entities.crf=true")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	run, outcome, err := espalier.Train(ctx, r, dir, espalier.Options{Engine: all[0]})
	if err != nil {
		t.Fatal(err)
	}
	if f1 := outcome.Valid[2].Value(); !(f1 > 0.4) {
		t.Errorf("span F1 is %v: nothing was learned", f1)
	}
	path := filepath.Join(t.TempDir(), "m.onnx")
	if _, err := run.Export(ctx, path, espalier.ExportOptions{Engines: all}); err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		p, err := predict.Open(path, predict.Options{Engine: e})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if in := p.Schema().Inputs[0]; in.WordStarts != schema.WordStarts {
			t.Errorf("the file says that %q is where words begin", in.WordStarts)
		}
		scoresAs(t, p, run.Recipe, outcome.Test, e.Name())
		// A longer text beside it, and memory that is used again, change nothing.
		b := p.NewBuffer()
		defer b.Close()
		const sentence = "Ada flew to Reykjavík"
		alone, err := p.Predict(ctx, sentence)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			beside, err := b.Predict(ctx, sentence, "the wine list in Porto was a complete mess")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(alone[0].Task("entities").Spans, beside[0].Task("entities").Spans); diff != "" {
				t.Errorf("beside another text there are other spans:\n%s", diff)
			}
		}
	}
	if _, err := run.Export(ctx, path, espalier.ExportOptions{Engines: all, Heads: []string{"topic"}}); err != nil {
		t.Errorf("a file without the head: %v", err)
	}
	p, err := predict.Open(path, predict.Options{Engine: all[0]})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Predict(ctx, "Ada flew to Porto"); err != nil {
		t.Error(err)
	}
}

// mapsBackToWords holds tags of words against the graph's own answers at the
// words' first pieces.
func mapsBackToWords(t *testing.T, p *predict.Predictor) {
	t.Helper()
	ctx := context.Background()
	const sentence = "  Ada flew\tto Reykjavík, \u200b yesterday"
	answers, err := p.Predict(ctx, "on", sentence)
	if err != nil {
		t.Fatal(err)
	}
	a := answers[1]
	var words, pieces []string
	for _, w := range a.Tokens {
		words = append(words, sentence[w.Start:w.End])
	}
	first := map[int]int{} // where pieces begin: the first that does
	for j, x := range a.Pieces {
		pieces = append(pieces, x.Text)
		if _, ok := first[x.Start]; !ok {
			first[x.Start] = j
		}
	}
	// The zero-width space is a word without a piece: the normalizer drops it.
	if diff := cmp.Diff([]string{"Ada", "flew", "to", "Reykjavík,", "yesterday"}, words); diff != "" {
		t.Error(diff)
	}
	if got, want := strings.Join(pieces, " "), "a ##d ##a f ##l ##e ##w t ##o re ##y ##k ##j ##a ##v ##i ##k , y ##es ##t ##er ##d ##a ##y"; got != want {
		t.Errorf("pieces %s, want %s", got, want)
	}
	ids := make([]int64, 2*len(a.Pieces))
	for j, x := range answers[0].Pieces {
		ids[j] = p.Vocabulary().ID(x.Text)
	}
	for j, x := range a.Pieces {
		ids[len(a.Pieces)+j] = p.Vocabulary().ID(x.Text)
	}
	x := tensor.Must(tensor.Of(ids, 2, int64(len(a.Pieces))))
	out, err := p.Run(ctx, predict.Input{Tensors: []tensor.Named{{Name: p.Schema().Inputs[0].Tensor, Tensor: x}}})
	if err != nil {
		t.Fatal(err)
	}
	labels := out["entities_label"].Int64s()[len(a.Pieces):]
	tags := a.Task("entities").Tags
	for j, w := range a.Tokens {
		if want := p.Schema().Task("entities").Labels[labels[first[w.Start]]]; tags[j].Label != want {
			t.Errorf("word %q has tag %s, its first piece %s", words[j], tags[j].Label, want)
		}
	}
	for _, s := range a.Task("entities").Spans {
		if s.Text != sentence[s.Start:s.End] || a.Tokens[s.First].Start != s.Start || a.Tokens[s.Last].End != s.End {
			t.Errorf("span %+v is not of whole words", s)
		}
	}
	split, err := p.PredictTokens(ctx, []string{"Ada", "flew", "to", "Reykjavík,", "yesterday"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tags, split[0].Task("entities").Tags); diff != "" {
		t.Errorf("words that are given one by one have other tags:\n%s", diff)
	}
}

func TestDamagedTokenizerInAFile(t *testing.T) {
	all := engines(t)
	r := subwordRecipe(t, letters(t))
	if err := r.Set("train.epochs", "1"); err != nil {
		t.Fatal(err)
	}
	r.FS = subwordRecipe(t, letters(t)).FS
	run, _, err := espalier.Train(context.Background(), r, filepath.Join(t.TempDir(), "run"), espalier.Options{Engine: all[1]})
	if err != nil {
		t.Fatal(err)
	}
	if run.Model.Schema().Inputs[0].Tensor != models.IDs {
		t.Fatal("the model reads no ids")
	}
	path := filepath.Join(t.TempDir(), "m.onnx")
	if _, err := run.Export(context.Background(), path, espalier.ExportOptions{Engines: all[1:]}); err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Decode(read(t, path), onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Metadata {
		if m.Metadata[i].Key == "espalier.tokenizer_sha256" {
			m.Metadata[i].Value = "00"
		}
	}
	content, err := onnx.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	_, err = predict.OpenBytes(content, predict.Options{Engine: runtime.Engine(all[1])})
	if err == nil || !strings.Contains(err.Error(), "predict: metadata espalier.tokenizer: tokenizer: its SHA-256 is ") {
		t.Errorf("got %v", err)
	}
}
