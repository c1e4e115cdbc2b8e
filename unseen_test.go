package espalier_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
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

// unseenData are texts of which every fifth of the test data has labels that
// training never had, of every type of task.
func unseenData(t *testing.T, test bool) string {
	t.Helper()
	var b strings.Builder
	for i := range 40 {
		kind, sets, tag, rel := []string{"fruit", "thing"}[i%2], []string{"p", "q"}[i%2], []string{"x", "y"}[i%2], "r"
		if test && i%5 == 0 {
			kind, sets, tag, rel = "planet", sets+",z", "new", "s"
		}
		fmt.Fprintf(&b, `{"text": ["w%d", "of", "v%d"], "kind": %q, "sets": %q, "ent": [{"start": 0, "end": 2, "type": %q}, {"start": 2, "end": 3, "type": "x"}], "rel": [{"type": %q, "head": 0, "tail": 1}]}`+"\n",
			i%2, i%4, kind, sets, tag, rel)
	}
	return writeFile(t, "data.jsonl", b.String())
}

// writeFile writes a file into a fresh folder and returns its path.
func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func unseenRecipe(t *testing.T, rule string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, `
data:
  unseen: %s
  train: {format: spans, file: %s}
  valid: {format: spans, file: %s}
  test: {format: spans, file: %[3]s}
inputs: {text: {type: text}}
trunk: {type: cnn, embedding: 8, layers: 1}
tasks:
  kind: {type: classification}
  sets: {type: multilabel}
  ent: {type: tagging, scheme: bio, crf: true}
  rel: {type: relation, entities: ent, hidden: 8}
train: {epochs: 12, batch: 8, optimizer: {lr: 0.03}}
`, rule, unseenData(t, false), unseenData(t, true)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestUnseenLabelsCountAsErrors: they change no loss, and every metric is that of
// the other labels over all of them. The file of the model and the answers that
// compare reads are measured alike.
func TestUnseenLabelsCountAsErrors(t *testing.T) {
	e := gonum.New()
	scores := map[string]score.Scores{}
	whole := map[string]score.Whole{}
	for _, rule := range []string{"count", "ignore"} {
		var log []string
		r := unseenRecipe(t, rule)
		run, out, err := espalier.Train(context.Background(), r, filepath.Join(t.TempDir(), "run"), espalier.Options{
			Engine: e, KeepAnswers: true, Log: func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		scores[rule], whole[rule] = out.Test, score.Whole{Share: out.TestWhole, Examples: out.TestWholeOf}
		what := "count as errors"
		if rule == "ignore" {
			what = "are left out (data.unseen: ignore), which raises the scores"
		}
		for _, want := range []string{
			`test: task "kind": 8 labels that training never had ` + what + `: planet (8)`,
			`valid: task "sets": 8 labels that training never had ` + what + `: z (8)`,
			`test: task "ent": 16 labels that training never had ` + what + `: B-new (8), I-new (8)`,
			`test: task "rel": 8 labels that training never had ` + what + `: s (8)`,
		} {
			if !slices.Contains(log, want) {
				t.Errorf("%s: the log lacks %q:\n%s", rule, want, strings.Join(log, "\n"))
			}
		}
		answers, err := run.Answers()
		if err != nil {
			t.Fatal(err)
		}
		for i := range answers.Tasks {
			a := &answers.Tasks[i]
			sum, each, err := a.Measure()
			if err != nil {
				t.Fatal(err)
			}
			total := sum()
			for _, one := range each {
				if err := total.Merge(one); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := total.Value(), out.Test[i].Value(); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: the answers to %s are measured as %v, the run as %v", rule, a.Task, got, want)
			}
		}
		path := filepath.Join(t.TempDir(), "m.onnx")
		if _, err := run.Export(context.Background(), path, espalier.ExportOptions{Engines: []runtime.Engine{e}}); err != nil {
			t.Fatal(err)
		}
		p, err := predict.Open(path, predict.Options{Engine: e})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		scoresAs(t, p, r, out.Test, rule)
	}
	of := func(rule, task, metric string) float64 {
		t.Helper()
		for _, s := range scores[rule] {
			if s.Task == task {
				if metric == "loss" {
					return s.Loss
				}
				return s.Metrics[metric]
			}
		}
		t.Fatalf("no task %s", task)
		return 0
	}
	for _, task := range []string{"kind", "sets", "ent"} {
		if a, b := of("count", task, "loss"), of("ignore", task, "loss"); a != b || a == 0 {
			t.Errorf("the loss of %s is %v, without the unseen labels %v", task, a, b)
		}
	}
	// The losses are those of a test set without the examples that have one: each
	// has a new tag, and a CRF's loss is of whole sequences.
	var known strings.Builder
	for i, line := range strings.SplitAfter(string(read(t, unseenData(t, true))), "\n") {
		if i%5 != 0 {
			known.WriteString(line)
		}
	}
	r, err := unseenRecipe(t, "count").With("data.test.file=" + writeFile(t, "known.jsonl", known.String()))
	if err != nil {
		t.Fatal(err)
	}
	_, out, err := espalier.Train(context.Background(), r, filepath.Join(t.TempDir(), "run"), espalier.Options{Engine: e})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 2} {
		if got, want := scores["count"][i].Loss, out.Test[i].Loss; math.Abs(got-want) > 1e-6*want {
			t.Errorf("the loss of %s is %v, of the examples without unseen labels %v", out.Test[i].Task, got, want)
		}
	}
	// The model answers its training texts right, so that what is left of each
	// figure is what of the truth it could know.
	for _, c := range []struct {
		task, metric  string
		count, ignore float64
	}{
		{"kind", "accuracy", 32.0 / 40, 1},
		{"kind", "macro_f1", (2*16/(16+16+4.0) + 2*16/(16+16+4.0) + 0) / 3, 1},
		{"sets", "exact_match", 32.0 / 40, 1},
		{"sets", "micro_f1", 2 * 40 / (40 + 48.0), 1},
		{"sets", "macro_f1", 2.0 / 3, 1},
		{"ent", "accuracy", 104.0 / 120, 1},
		{"ent", "span_f1", 2 * 72 / (80 + 80.0), 1},
		{"rel", "relation_f1", 2 * 32 / (40 + 40.0), -1},
	} {
		if got := of("count", c.task, c.metric); math.Abs(got-c.count) > 1e-9 {
			t.Errorf("%s %s is %v, want %v", c.task, c.metric, got, c.count)
		}
		if got := of("ignore", c.task, c.metric); c.ignore >= 0 && math.Abs(got-c.ignore) > 1e-9 {
			t.Errorf("%s %s is %v without the unseen labels, want %v", c.task, c.metric, got, c.ignore)
		}
	}
	share := 32.0 / 40
	if diff := cmp.Diff(score.Whole{Share: &share, Examples: 40}, whole["count"]); diff != "" {
		t.Errorf("examples right in all tasks: %s", diff)
	}
}
