package espalier_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier"
	"espalier/data"
	"espalier/export"
	"espalier/recipe"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/task"
)

// pairRecipe is a recipe of pairs of texts, many of which are longer than the model reads.
func pairRecipe(t *testing.T, dir, input, trunk string) *recipe.Recipe {
	t.Helper()
	var lines strings.Builder
	for i := range 90 {
		who, long := string(rune('a'+i%26)), strings.Repeat(" the song", i%7)
		other, topic := "a "+who, "same"
		if i%3 == 0 {
			other, topic = "book"+strings.Repeat(" food", i%11), "other"
		}
		fmt.Fprintf(&lines, "{\"text\": \"play %s%s\", \"other\": \"%s\", \"topic\": \"%s\", \"tags\": \"O B-name%s\"}\n", who, long, other, topic, strings.Repeat(" O", 2*(i%7)))
	}
	if err := os.WriteFile(filepath.Join(dir, "d.jsonl"), []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse("r.yaml", []byte(fmt.Sprintf(`
data: {root: "%s", train: {format: jsonl, file: d.jsonl}, test: {format: jsonl, file: d.jsonl}}
inputs: {text: {type: text, pair: other, max_length: 14%s}}
trunk: {%s}
tasks: {topic: {type: classification}, tags: {type: tagging, scheme: bio}}
train: {epochs: 2, batch: 16, optimizer: {lr: 0.01}}
`, dir, input, trunk)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPairsFromRecipeToAnswers: a model that reads two texts in one sequence is trained,
// exported under both kinds of names and evaluated as the trainer does; predictions of
// the pairs as texts are those of the same pairs as the data set has them, cut or not.
func TestPairsFromRecipeToAnswers(t *testing.T) {
	all := engines(t)
	folder := t.TempDir()
	writeEncoder(t, folder)
	for name, c := range map[string]struct{ input, trunk string }{
		"an encoder with token types": {"", `type: pretrained, path: "` + folder + `"`},
		"a trunk of random weights":   {`, tokenizer: subword, special_tokens: true, file: "` + folder + `/tokenizer.json"`, "type: transformer, embedding: 16, hidden: 16, layers: 1"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, dir := context.Background(), t.TempDir()
			run, outcome, err := espalier.Train(ctx, pairRecipe(t, dir, c.input, c.trunk), filepath.Join(dir, "run"), espalier.Options{Engine: all[0]})
			if err != nil {
				t.Fatal(err)
			}
			if run, err = espalier.OpenRun(run.Dir); err != nil {
				t.Fatal(err)
			}
			for _, names := range []string{"", "transformers"} {
				path := filepath.Join(dir, "model"+names+".onnx")
				if _, err := run.Export(ctx, path, espalier.ExportOptions{Engines: all, Format: export.Options{Names: names}}); err != nil {
					t.Fatal(err)
				}
				for _, e := range all {
					p, err := predict.Open(path, predict.Options{Engine: e})
					if err != nil {
						t.Fatal(err)
					}
					defer p.Close()
					scoresAs(t, p, run.Recipe, outcome.Test, names+" on "+e.Name())
					answersAsData(t, p, run.Recipe)
				}
			}
		})
	}
}

// answersAsData compares predictions of pairs with the outputs for the same pairs as a
// data set has them.
func answersAsData(t *testing.T, p *predict.Predictor, r *recipe.Recipe) {
	t.Helper()
	ctx := context.Background()
	set, err := espalier.DataFor(p, r, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	if set.Stats.Truncated < 20 || set.Stats.Truncated > 80 {
		t.Errorf("%d of 90 pairs are cut", set.Stats.Truncated)
	}
	var pairs [][2]string
	reader, err := r.Sources("test")[0].Open([]string{"text", "other"})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for len(pairs) < set.Len() {
		record, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, [2]string{record.Fields["text"].Text, record.Fields["other"].Text})
	}
	answers, err := p.PredictPairs(ctx, pairs...)
	if err != nil {
		t.Fatal(err)
	}
	buffer := p.NewBuffer()
	defer buffer.Close()
	var b data.Batch
	cut := 0
	for i := range pairs {
		set.Fill(&b, []int{i})
		outputs, err := p.Run(ctx, predict.Input{Tensors: b.Tensors()})
		if err != nil {
			t.Fatal(err)
		}
		again, err := buffer.PredictPairs(ctx, pairs[i])
		if err != nil {
			t.Fatal(err)
		}
		for k, want := range outputs["topic_probabilities"].Float32s() {
			for _, got := range []predict.Prediction{answers[i], again[0]} {
				if got := got.Task("topic").Probabilities[k]; math.Abs(float64(got-want)) > 1e-5 {
					t.Fatalf("%q: probability %d is %v, of the data set's tensors %v", pairs[i], k, got, want)
				}
			}
		}
		if answers[i].Truncated {
			cut++
		}
		if n := len(answers[i].Pieces); n != b.Size(task.Sequence) || n > 14 {
			t.Errorf("%q has %d pieces, and %d in the data set", pairs[i], n, b.Size(task.Sequence))
		}
		for _, word := range answers[i].Tokens {
			if pairs[i][0][word.Start:word.End] != word.Text {
				t.Errorf("%q is no word of the first text", word.Text)
			}
		}
	}
	if cut != set.Stats.Truncated {
		t.Errorf("%d pairs are cut, of the data set's %d", cut, set.Stats.Truncated)
	}
	want := "predict: the model reads two texts, text and other; give both, with PredictPairs or --pair"
	if _, err := p.Predict(ctx, "play a"); err == nil || err.Error() != want {
		t.Errorf("one text: %v, want %s", err, want)
	}
	if _, err := p.PredictTokens(ctx, []string{"play"}); err == nil || err.Error() != want {
		t.Errorf("tokens: %v, want %s", err, want)
	}
	if in := p.Schema().Inputs[0]; in.Pair != "other" || p.Schema().Version != schema.VersionOwnIDs {
		t.Errorf("the input is %+v", in)
	}
}
