package espalier_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/testdata/chinese"
)

func chineseRecipe(t *testing.T, set ...string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Read("examples/chinese.yaml")
	if err == nil {
		r, err = r.With(append([]string{"data.root=."}, set...)...)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.FS = chinese.Files
	return r
}

// TestTextWithoutSpaces: the example in Chinese trains, and its files, with
// tokens made outside and with raw text, score and answer as the trainer does on
// both engines.
func TestTextWithoutSpaces(t *testing.T) {
	all := engines(t)
	r := chineseRecipe(t)
	var log []string
	run, out, err := espalier.Train(context.Background(), r, filepath.Join(t.TempDir(), "run"), espalier.Options{
		Engine: all[1], Log: func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if intent, slots := out.Test[0].Value(), out.Test[1].Value(); !(intent > 0.95 && slots > 0.8) {
		t.Errorf("test: intent %v, slots %v", intent, slots)
	}
	if slices.ContainsFunc(log, func(line string) bool { return strings.Contains(line, "does not fit") }) {
		t.Errorf("the tokenizer is said not to fit:\n%s", strings.Join(log, "\n"))
	}
	for _, input := range []string{"ids", "text"} {
		path := filepath.Join(t.TempDir(), "m.onnx")
		report, err := run.Export(context.Background(), path, espalier.ExportOptions{Input: input, Engines: all})
		if err != nil || !report.OK() {
			t.Fatalf("%s: %v\n%s", input, err, report.Table())
		}
		for _, e := range all {
			p, err := predict.Open(path, predict.Options{Engine: e})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			scoresAs(t, p, r, out.Test, input+" on "+e.Name())
			requireChinese(t, p, e, input)
		}
	}
}

// requireChinese checks one prediction: words of both scripts, by bytes.
func requireChinese(t *testing.T, p *predict.Predictor, e runtime.Engine, input string) {
	t.Helper()
	const s = "我想听Taylor Swift唱的新歌"
	predictions, err := p.Predict(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	var tokens, spans []string
	for _, token := range predictions[0].Tokens {
		tokens = append(tokens, s[token.Start:token.End])
	}
	for _, span := range predictions[0].Task("slots").Spans {
		spans = append(spans, span.Type+" "+span.Text)
	}
	got := append([]string{predictions[0].Task("intent").Label}, append(tokens, spans...)...)
	want := []string{"music", "我", "想", "听", "Taylor", "Swift", "唱", "的", "新", "歌", "artist Taylor Swift"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s on %s: %s", input, e.Name(), diff)
	}
}

// TestTheDefaultTokenizerIsSaidNotToFitChinese, in one line.
func TestTheDefaultTokenizerIsSaidNotToFitChinese(t *testing.T) {
	r := chineseRecipe(t, "inputs.text={type: text}", "train.epochs=1", "tasks={intent: {type: classification}}")
	var log []string
	_, _, err := espalier.Train(context.Background(), r, filepath.Join(t.TempDir(), "run"), espalier.Options{
		Engine: engines(t)[1], Log: func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	for _, line := range log {
		if strings.Contains(line, "characters") && strings.Contains(line, "subword") {
			said++
		}
	}
	if said != 1 {
		t.Errorf("it is said %d times:\n%s", said, strings.Join(log, "\n"))
	}
}
