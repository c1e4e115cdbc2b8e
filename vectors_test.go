package espalier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier"
	"espalier/models"
	"espalier/recipe"
	"espalier/runtime/gonum"
	"espalier/text"
	"espalier/train"
)

// withVectors is a recipe of 40 examples over six words, and a file of vectors
// that has three of them and two that no example has.
func withVectors(t *testing.T) *recipe.Recipe {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "{\"text\": \"w%d V%d\", \"a\": \"l%d\"}\n", i%3, i%3, i%2)
	}
	for name, content := range map[string]string{
		"data.jsonl": b.String(),
		"v.vec":      "5 2\nw0 1 2 \nw1 3 4 \nv2 5 6 \nnew 7 8 \nlater 9 9 \n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, `
data: {root: %s, train: {format: jsonl, file: data.jsonl}, valid: {format: jsonl, file: data.jsonl}}
inputs: {text: {type: text}}
trunk: {embedding: 2, vectors: {file: v.vec, freeze: true, add: 2}}
tasks: {a: {type: classification}}
train: {epochs: 2, batch: 4}
`, dir))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTrainingStartsFromVectors: words in the file start as it says, the others
// by chance; what was found is reported; an added word is known afterwards.
func TestTrainingStartsFromVectors(t *testing.T) {
	var said []string
	run, _, err := espalier.Train(context.Background(), withVectors(t), filepath.Join(t.TempDir(), "run"), espalier.Options{
		Engine: gonum.New(), Log: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(run.Recipe.Data.Root, "v.vec")
	if want := "vectors: " + file + " has 3 of the vocabulary's 6 words (50.0 %), 1 of them lower-cased; 2 words were added"; !slices.Contains(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	values, err := run.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	table := values[models.EmbeddingTable].Float32s()
	for word, want := range map[string][]float32{"w0": {1, 2}, "w1": {3, 4}, "V2": {5, 6}, "new": {7, 8}} {
		id := run.Vocabulary.ID(word)
		if id == text.Unknown || !slices.Equal(table[2*id:2*id+2], want) {
			t.Errorf("%s has id %d and vector %v, want %v", word, id, table[2*id:2*id+2], want)
		}
	}
	if id := run.Vocabulary.ID("w2"); table[2*id] == 0 || table[2*id+1] == 0 {
		t.Errorf("a word without a vector starts as %v", table[2*id:2*id+2])
	}
	if id := run.Vocabulary.ID("later"); id != text.Unknown {
		t.Errorf("a third word was added")
	}
}

// TestVectorsAreReadAgain: a run that was stopped in its first epoch starts
// from the vectors when it is resumed, and ends as an unbroken one.
func TestVectorsAreReadAgain(t *testing.T) {
	r := withVectors(t)
	if err := r.Set("trunk.vectors.freeze", "false"); err != nil {
		t.Fatal(err)
	}
	whole, _, err := espalier.Train(context.Background(), r, filepath.Join(t.TempDir(), "run"), espalier.Options{Engine: gonum.New()})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	_, _, err = espalier.Train(ctx, r, dir, espalier.Options{Engine: gonum.New(), Hooks: train.Hooks{Step: func(int, int, int, []float32) { cancel() }}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if _, _, err := espalier.Train(context.Background(), r, dir, espalier.Options{Engine: gonum.New(), Resume: true}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, whole.Dir, "parameters.safetensors"), read(t, dir, "parameters.safetensors")) {
		t.Error("the parameters differ")
	}
}
