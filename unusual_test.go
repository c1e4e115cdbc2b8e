package espalier_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"espalier"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/predict"
)

// unusual data has empty texts, texts of words that training does not have,
// texts that are too long, tags that cannot stand where they do, and examples
// that are broken.
const unusual = `
data:
  defaults: {format: jsonl, broken: skip}
  train: {file: train}
  valid: {file: train}
  test: {file: test}
inputs: {text: {min_count: 2, max_length: 4}}
trunk: {type: %s, embedding: 4, dropout: 0.1, word_dropout: 0.1, pooling: %s}
tasks:
  topic: {type: classification}
  marks: {type: multilabel}
  slots: {type: tagging, scheme: bio, crf: %v, repair: true}
  score: {type: regression}
train: {epochs: 2, batch: 1, threads: 1}
`

var unusualFiles = fstest.MapFS{
	"train": {Data: []byte(`{"text": "play jazz", "topic": "a", "marks": ["x"], "slots": "O B-y", "score": 1}
{"text": "", "topic": "b", "marks": [], "slots": [], "score": 2}
{"text": "play jazz now play jazz", "topic": "b", "marks": ["z"], "slots": "O I-y O O B-y", "score": 3}
{"text": "once", "topic": "a", "marks": ["x", "z"], "slots": "O", "score": 4}
{"text": " \t ", "slots": "", "topic": "a"}
{"text": "now now", "slots": "O"}
not JSON
`)},
	"test": {Data: []byte(`{"text": "", "topic": "a", "marks": ["x"], "score": 1}
{"text": "never seen", "topic": "b", "slots": "O O"}
`)},
}

func unusualRecipe(t *testing.T, trunk, pooling string, crf bool) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Parse("unusual.yaml", []byte(fmt.Sprintf(unusual, trunk, pooling, crf)))
	if err != nil {
		t.Fatal(err)
	}
	r.FS = unusualFiles
	if crf {
		if err := r.Set("trunk.characters", "{type: cnn, embedding: 2, hidden: 2}"); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// An empty text is an example like others, and so is one of unknown words
// alone: both train, are measured, exported and answered with finite numbers,
// also where they are a batch of their own. An empty text has no tags.
func TestUnusualTextsEndToEnd(t *testing.T) {
	all := engines(t)
	for i, c := range []struct {
		trunk, pooling string
		crf            bool
	}{{"bag", "attention", false}, {"cnn", "max", true}, {"bilstm", "mean", true}, {"gru", "attention", false}, {"transformer", "mean", false}, {"transformer", "attention", true}} {
		t.Run(c.trunk+" "+c.pooling, func(t *testing.T) {
			r := unusualRecipe(t, c.trunk, c.pooling, c.crf)
			if c.trunk == "transformer" {
				if err := r.Set("trunk.heads", "2"); err != nil {
					t.Fatal(err)
				}
			}
			dir := filepath.Join(t.TempDir(), "run")
			run, outcome, err := espalier.Train(context.Background(), r, dir, espalier.Options{Engine: all[i%2]})
			if err != nil {
				t.Fatal(err)
			}
			for _, scores := range []any{outcome.Valid, outcome.Test} {
				if s := fmt.Sprint(scores); strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
					t.Errorf("scores %s", s)
				}
			}
			for _, input := range []string{"ids", "text"} {
				path := filepath.Join(dir, input+".onnx")
				if _, err := run.Export(context.Background(), path, espalier.ExportOptions{Engines: all[:1], Input: input}); err != nil {
					t.Fatal(err)
				}
				checkUnusual(t, path, all[0])
			}
		})
	}
}

func checkUnusual(t *testing.T, path string, e runtime.Engine) {
	t.Helper()
	p, err := predict.Open(path, predict.Options{Engine: e})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	texts := []string{"", " \t ", "never seen", "play jazz"}
	together, err := p.Predict(context.Background(), texts...)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		alone, err := p.Predict(context.Background(), text)
		if err != nil {
			t.Fatal(err)
		}
		for j, got := range [][]predict.Answer{together[i].Tasks, alone[0].Tasks} {
			for _, a := range got {
				numbers := append([]float32{a.Probability}, a.Probabilities...)
				if a.Value != nil {
					numbers = append(numbers, float32(*a.Value))
				}
				if slices.ContainsFunc(numbers, func(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) }) {
					t.Errorf("%q has %+v of %s (alone: %v)", text, a, a.Task, j == 1)
				}
				if a.Task == "slots" && len(a.Tags) != len(strings.Fields(text)) {
					t.Errorf("%q has tags %v", text, a.Tags)
				}
			}
		}
	}
}

// Nothing is left out, cut or changed without a word.
func TestTrainingTellsWhatItChanged(t *testing.T) {
	var told []string
	_, _, err := espalier.Train(context.Background(), unusualRecipe(t, "bag", "mean", false), filepath.Join(t.TempDir(), "run"), espalier.Options{
		Engine: engines(t)[1], Log: func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, split := range []string{"train", "valid"} {
		want = append(want, split+": 5 examples, 7 tokens, 28.6 % of them unknown words",
			split+`: 2 broken examples were left out, the first: train:6: task "slots" has 1 tags for 2 tokens`,
			split+": 1 example was longer than the maximum and was cut, by 1 token",
			split+": 1 tag that cannot stand where it does was repaired")
	}
	want = append(want, "test: 2 examples, 2 tokens, 100.0 % of them unknown words", // read before the first epoch
		"task score: learned standardised, by the mean 2.5 and deviation 1.118 of 4 values in training",
		"warning: the best epoch is the last of 2: the model may not be done learning; raise train.epochs",
		`warning: task "topic" has not learned: accuracy on validation is 0.6000, and always predicting "a" gives 0.6000`,
		`warning: task "slots" has not learned: span_f1 on validation is 0.0000, and always predicting "O" gives 0.0000`,
		`warning: task "score" has not learned: rmse on validation is 1.2862, and always predicting the training mean, 2.5, gives 1.1180`)
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

// A method of balancing that has nothing to do is told of before training.
func TestTrainingTellsOfABalanceThatDoesNothing(t *testing.T) {
	r, err := recipe.Parse("r.yaml", []byte(`
data:
  defaults: {format: tsv, header: false}
  train:
    - {file: topic.tsv, fields: {text: 0, topic: 1}}
    - {file: mood.tsv, fields: {text: 0, mood: 1}}
inputs: {text: {type: text}}
trunk: {type: bag, embedding: 4}
tasks: {topic: {type: classification}, mood: {type: classification}}
train: {epochs: 1, batch: 4, balance: {method: upgrad, at: representation}}
`))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Repeat("good play\tx\nbad song\ty\n", 10)
	r.FS = fstest.MapFS{"topic.tsv": {Data: []byte(lines)}, "mood.tsv": {Data: []byte(lines)}}
	var told []string
	if _, _, err := espalier.Train(context.Background(), r, filepath.Join(t.TempDir(), "run"), espalier.Options{
		Engine: engines(t)[1], Log: func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) },
	}); err != nil {
		t.Fatal(err)
	}
	const want = "warning: no example has labels of two tasks, so that gradients at the representation are at right angles and upgrad is the plain mean of the gradients; set train.balance.at: parameters"
	if !slices.Contains(told, want) {
		t.Errorf("training says %q", told)
	}
}
