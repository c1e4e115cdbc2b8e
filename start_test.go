package espalier_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier"
	"espalier/recipe"
	"espalier/runtime/gonum"
	"espalier/train"
)

const startRows = "text\tlabel\nhello there\tgreet\nhello you\tgreet\nbye now\tleave\nbye all\tleave\n"

// startRecipe is a recipe of small files.
func startRecipe(t *testing.T, rows, test string, set ...string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, `
data: {train: {format: tsv, file: %s}, valid: {format: tsv, file: %[1]s}, test: {format: tsv, file: %s}}
inputs: {text: {type: text}}
trunk: {type: bag, embedding: 8}
tasks: {label: {type: classification}}
train: {epochs: 3, batch: 2}
`, rows, test))
	if err == nil {
		r, err = r.With(set...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAStartThatFailsLeavesNoRun: the mistake is named before the first epoch,
// nothing is written, and the corrected recipe trains into the same directory.
func TestAStartThatFailsLeavesNoRun(t *testing.T) {
	rows := writeFile(t, "train.tsv", startRows)
	test := writeFile(t, "test.tsv", startRows+"what\tquestion\n")
	for _, c := range []struct {
		name  string
		test  string
		set   string
		fixed []string
		want  string
	}{
		{"missing test data", "absent.tsv", "train.epochs=3", []string{"data.test.file=" + rows}, "data: open absent.tsv: no such file or directory"},
		{"a label of test data", test, "data.unseen=error", []string{"data.unseen=count"}, test + `:6: task "label": label "question" was never seen in training; training has greet, leave (correct it, add it to the training data, or count it as an error by data.unseen: count)`},
		{"a metric of no label", rows, "tasks.label.metrics=['precision:nope']", []string{"tasks.label.metrics=['precision:greet']"}, `--set tasks.label.metrics: tasks.label.metrics.0 names "nope", which is not a label of task "label" in the training data; there are greet, leave`},
		{"a rate without a metric", rows, "train.schedule={type: plateau}", []string{"data.valid.file=" + rows}, `train: a learning rate, a stop or the order follows the metric of task "label", which has no label in the validation data: give it some, or take a schedule that needs none`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := startRecipe(t, rows, c.test, c.set)
			if c.name == "a rate without a metric" {
				r = startRecipe(t, rows, c.test, c.set, "data.valid.file="+writeFile(t, "v.tsv", strings.Replace(startRows, "label", "Label", 1)))
			}
			dir := filepath.Join(t.TempDir(), "run")
			epochs := 0
			o := espalier.Options{Engine: gonum.New(), Hooks: train.Hooks{Epoch: func(train.Epoch) error { epochs++; return nil }}}
			_, _, err := espalier.Train(context.Background(), r, dir, o)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if _, err := os.Stat(dir); epochs > 0 || !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%d epochs were trained, and the directory is there (%v)", epochs, err)
			}
			fixed, err := r.With(c.fixed...)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := espalier.Train(context.Background(), fixed, dir, o); err != nil || epochs != 3 {
				t.Errorf("the corrected recipe: %d epochs, %v", epochs, err)
			}
		})
	}
}

// stopped trains the first epoch of a recipe and stops.
func stopped(t *testing.T, r *recipe.Recipe) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	stop := errors.New("stop")
	_, _, err := espalier.Train(context.Background(), r, dir, espalier.Options{Engine: gonum.New(), Hooks: train.Hooks{Epoch: func(train.Epoch) error { return stop }}})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	return dir
}

// TestARunGoesOnWithItsOwnRecipe: other epochs and patience are applied and
// recorded, and every other change is refused by name.
func TestARunGoesOnWithItsOwnRecipe(t *testing.T) {
	rows := writeFile(t, "train.tsv", startRows)
	dir := stopped(t, startRecipe(t, rows, rows))
	stored := string(read(t, dir, "recipe.yaml"))
	more := writeFile(t, "more.tsv", startRows+"hi\tgreet\n")
	for _, c := range []struct {
		set  []string
		want string
	}{
		{[]string{"train.batch=4"}, "train.batch (2, now 4)"},
		{[]string{"data.train.file=" + more}, "data.train.file (" + rows},
		{[]string{"data.unseen=ignore", "tasks.label.metric=macro_f1", "train.epochs=9"}, "data.unseen (count, now ignore); tasks.label.metric (accuracy, now macro_f1);"},
		{[]string{"inputs.text.lowercase=true", "trunk.vectors.file=v.vec"}, "inputs.text.lowercase (false, now true); trunk.vectors (not set, now {"},
		{[]string{"name=other"}, "name (r, now other)"},
		{[]string{"tasks.more={type: classification}"}, "tasks.more (not set, now {type: classification"},
	} {
		r := startRecipe(t, rows, rows, c.set...)
		_, _, err := espalier.Train(context.Background(), r, dir, espalier.Options{Engine: gonum.New(), Resume: true})
		if err == nil || !strings.HasPrefix(err.Error(), dir+": the recipe has changed since the run was started: ") || !strings.Contains(err.Error(), c.want) ||
			!strings.HasSuffix(err.Error(), "only train.epochs and train.patience may change (set the rest back, or train in another directory)") {
			t.Errorf("%v: got %v, want one that names %q", c.set, err, c.want)
		}
		if got := string(read(t, dir, "recipe.yaml")); got != stored {
			t.Errorf("%v: a refused start changed the recipe", c.set)
		}
	}
	r := startRecipe(t, rows, rows, "train.epochs=5", "train.patience=4")
	_, out, err := espalier.Train(context.Background(), r, dir, espalier.Options{Engine: gonum.New(), Resume: true})
	if err != nil || out.Epochs != 5 {
		t.Fatalf("%+v, %v", out, err)
	}
	run, err := espalier.OpenRun(dir)
	if err != nil || run.Recipe.Train.Epochs != 5 || run.Recipe.Train.Patience != 4 {
		t.Errorf("recorded are %+v, %v", run.Recipe.Train, err)
	}
}

// TestAnErrorsAdviceWorksWithResume: a label that appears in the test data of a
// stopped run is refused, and the advice of the error trains on; so does a
// recipe file that has another name, and one without the key, as runs of earlier
// versions have error written out.
func TestAnErrorsAdviceWorksWithResume(t *testing.T) {
	rows, test := writeFile(t, "train.tsv", startRows), writeFile(t, "test.tsv", startRows)
	dir := stopped(t, startRecipe(t, rows, test, "data.unseen=error"))
	if err := os.WriteFile(test, []byte(startRows+"what\tquestion\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := espalier.Options{Engine: gonum.New(), Resume: true}
	_, _, err := espalier.Train(context.Background(), startRecipe(t, rows, test, "data.unseen=error"), dir, o)
	if err == nil || !strings.Contains(err.Error(), "count it as an error by data.unseen: count") {
		t.Fatalf("got %v", err)
	}
	_, out, err := espalier.Train(context.Background(), startRecipe(t, rows, test), dir, o)
	if err != nil || out.Test[0].Labels != 5 || out.Test[0].Metrics["accuracy"] > 0.8 {
		t.Errorf("got %+v, %v", out, err)
	}
	if run, err := espalier.OpenRun(dir); err != nil || run.Recipe.Data.Unseen != "count" {
		t.Errorf("recorded is %v, %v", run.Recipe.Data, err)
	}
}
