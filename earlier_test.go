package espalier_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/predict"
	"espalier/train/score"
)

// testdata/earlier holds runs, files and answers of the first version, from
// before regressions of texts were standardised. Recipes name data in the folder.
const earlier = "testdata/earlier"

// jsonLines decodes a file of one value a line.
func jsonLines(t *testing.T, path string) []any {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var values []any
	for in := bufio.NewScanner(bytes.NewReader(content)); in.Scan(); {
		var v any
		if err := json.Unmarshal(in.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	return values
}

// sameAnswers compares predictions with those that the first version gave, as
// JSON; keys that are new do not matter.
func sameAnswers(t *testing.T, what string, want, got any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		got, _ := got.(map[string]any)
		for key, v := range want {
			sameAnswers(t, what+"."+key, v, got[key])
		}
	case []any:
		got, _ := got.([]any)
		if len(got) != len(want) {
			t.Errorf("%s: %v, the first version had %v", what, got, want)
			return
		}
		for i, v := range want {
			sameAnswers(t, what, v, got[i])
		}
	case float64:
		if got, ok := got.(float64); !ok || math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
			t.Errorf("%s: %v, the first version had %v", what, got, want)
		}
	default:
		if !cmp.Equal(want, got) {
			t.Errorf("%s: %v, the first version had %v", what, got, want)
		}
	}
}

// TestEarlierFilesAnswerAsTheyDid, on both engines, and so do files that are
// exported now from the runs of that time.
func TestEarlierFilesAnswerAsTheyDid(t *testing.T) {
	ctx := context.Background()
	for _, kind := range []string{"text", "table"} {
		t.Run(kind, func(t *testing.T) {
			t.Chdir(filepath.Join(earlier, kind))
			want := jsonLines(t, "answers.jsonl")
			run, err := espalier.OpenRun("run")
			if err != nil {
				t.Fatal(err)
			}
			again := filepath.Join(t.TempDir(), "again.onnx")
			if _, err := run.Export(ctx, again, espalier.ExportOptions{Engines: []runtime.Engine{gonum.New()}}); err != nil {
				t.Fatal(err)
			}
			for _, e := range engines(t) {
				for _, file := range []string{"model.onnx", again} {
					for i, got := range answersOf(t, e, file, kind) {
						sameAnswers(t, e.Name()+" "+filepath.Base(file), want[i].(map[string]any)["tasks"], got)
					}
				}
			}
		})
	}
}

// answersOf are what a file answers to the folder's texts or rows, as JSON.
func answersOf(t *testing.T, e runtime.Engine, file, kind string) []any {
	t.Helper()
	p, err := predict.Open(file, predict.Options{Engine: e})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var answers []predict.Prediction
	if kind == "table" {
		content, err := os.ReadFile("rows.csv")
		if err != nil {
			t.Fatal(err)
		}
		var rows []map[string]string
		for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n")[1:] {
			cells := strings.Split(line, ",")
			rows = append(rows, map[string]string{"area": cells[0], "kind": cells[1]})
		}
		answers, err = p.PredictRows(context.Background(), rows...)
		if err != nil {
			t.Fatal(err)
		}
	} else {
		content, err := os.ReadFile("texts.txt")
		if err != nil {
			t.Fatal(err)
		}
		if answers, err = p.Predict(context.Background(), strings.Split(strings.TrimSpace(string(content)), "\n")...); err != nil {
			t.Fatal(err)
		}
	}
	var out []any
	for _, a := range answers {
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v["tasks"])
	}
	return out
}

// TestEarlierRunsAreMeasuredAsTheyWere: a run directory of the first version
// opens, and its metrics on test are those that it wrote.
func TestEarlierRunsAreMeasuredAsTheyWere(t *testing.T) {
	for _, kind := range []string{"text", "table"} {
		t.Run(kind, func(t *testing.T) {
			t.Chdir(filepath.Join(earlier, kind))
			run, err := espalier.OpenRun("run")
			if err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(filepath.Join("run", "result.json"))
			if err != nil {
				t.Fatal(err)
			}
			var outcome struct{ Test score.Scores }
			if err := json.Unmarshal(content, &outcome); err != nil {
				t.Fatal(err)
			}
			test, err := run.Data("test", nil)
			if err != nil {
				t.Fatal(err)
			}
			tr, err := run.Trainer(gonum.New())
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			got, err := tr.Evaluate(context.Background(), test)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range outcome.Test {
				for name, want := range s.Metrics {
					if math.Abs(got[i].Metrics[name]-want) > 1e-5*(1+math.Abs(want)) {
						t.Errorf("%s %s: %v, the run has %v", s.Task, name, got[i].Metrics[name], want)
					}
				}
			}
		})
	}
}

// TestEarlierRunsAreNotGoneOnWith: a state of the first version is refused by
// name, and the run stays as it is.
func TestEarlierRunsAreNotGoneOnWith(t *testing.T) {
	for _, kind := range []string{"text", "table"} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(earlier, kind))); err != nil {
			t.Fatal(err)
		}
		t.Run(kind, func(t *testing.T) {
			t.Chdir(dir)
			r, err := recipe.Read("recipe.yaml")
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Set("train.epochs", "14"); err != nil {
				t.Fatal(err)
			}
			_, _, err = espalier.Train(context.Background(), r, "run", espalier.Options{Engine: gonum.New(), Resume: true})
			want := "run/state.safetensors: train: the state is of an earlier version, in format espalier-state-1, and this version reads espalier-state-2: finish the run with the version that began it, or train anew in another directory"
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}
