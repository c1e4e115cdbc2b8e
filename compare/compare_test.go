package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier"
	"espalier/examples/demo"
	"espalier/recipe"
	"espalier/runtime/gonum"
)

// counted counts how often each file is opened.
type counted struct {
	fs.FS
	mu    sync.Mutex
	opens map[string]int
}

func (c *counted) Open(name string) (fs.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opens[name]++
	return c.FS.Open(name)
}

// small is the demonstration without half of its training, on counted files.
func small(t *testing.T, set ...string) (*recipe.Recipe, *counted) {
	t.Helper()
	content, err := demo.Files.ReadFile("recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse("recipe.yaml", content)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append([]string{"train.epochs=2", "trunk.embedding=16"}, set...) {
		path, value, _ := strings.Cut(s, "=")
		if err := r.Set(path, value); err != nil {
			t.Fatal(err)
		}
	}
	files := &counted{FS: demo.Files, opens: map[string]int{}}
	r.FS = files
	return r, files
}

func compared(t *testing.T, r *recipe.Recipe, dir string, o Options) (*Result, error) {
	t.Helper()
	o.Engine, o.Resamples = gonum.New(), 200
	return Run(context.Background(), r, dir, o)
}

// seconds differ from run to run, and nothing else may.
var noSeconds = cmpopts.IgnoreFields(Resources{}, "TrainSeconds")

func TestComparisonOfTheDemo(t *testing.T) {
	r, files := small(t)
	dir := t.TempDir()
	var seen []Finished
	result, err := compared(t, r, dir, Options{Seeds: 2, Jobs: 2, Done: func(p Finished) { seen = append(seen, p) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 8 || seen[7].Done != 8 || seen[7].Total != 8 {
		t.Errorf("progress was told %v", seen)
	}
	if files.opens["test.conll"] != 1 || files.opens["train.conll"] != 1 {
		t.Errorf("8 models opened the test data %d times and the training data %d times; together they may once", files.opens["test.conll"], files.opens["train.conll"])
	}
	// The figures are those of the runs' own evaluations, and what the models
	// are is in their folders.
	for i, task := range result.Tasks {
		for s, seed := range []string{"seed-1", "seed-2"} {
			joint, single := outcomeOf(t, dir, seed, "joint-demo"), outcomeOf(t, folderOf(t, dir, seed, task.Task))
			if task.Joint.Values[s] != joint.Test[i].Value() || task.Single.Values[s] != single.Test[0].Value() {
				t.Errorf("%s, %s: %v and %v, the runs say %v and %v", task.Task, seed, task.Single.Values[s], task.Joint.Values[s],
					single.Test[0].Value(), joint.Test[i].Value())
			}
		}
		if task.Examples == 0 || len(task.Difference.Values) != 2 || task.Difference.Seeds == nil || task.Difference.Examples == nil ||
			task.Difference.Interval == nil || task.Difference.P == nil || task.Updates == nil {
			t.Errorf("%s lacks something: %+v", task.Task, task)
		}
	}
	if u := result.Unfinished; u.SingleOf != 6 || u.JointOf != 2 || u.Single == 0 {
		t.Errorf("of models with two epochs these did best in the last: %+v", u)
	}
	if len(result.Tasks) != 3 || result.Mean == nil || result.DeltaM == nil || result.OverTasks == nil || len(result.Failed) > 0 {
		t.Errorf("the result lacks something: %+v", result)
	}
	for name, c := range map[string]Cost{"parameters": result.Resources.Parameters, "files": result.Resources.FileBytes, "steps": result.Resources.TrainSteps} {
		if !(c.Ratio > 0.2 && c.Ratio < 0.8) {
			t.Errorf("%s: one model for three tasks costs %+v", name, c)
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, "compare-demo.json"))
	if err != nil {
		t.Fatal(err)
	}
	var written Result
	if err := json.Unmarshal(content, &written); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*result, written); diff != "" {
		t.Errorf("the file differs: %s", diff)
	}
	testGoingOn(t, r, dir, result)
}

func outcomeOf(t *testing.T, parts ...string) *espalier.Outcome {
	t.Helper()
	run, err := espalier.OpenRun(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	o, err := run.Outcome()
	if err != nil || o == nil {
		t.Fatal(o, err)
	}
	return o
}

// folderOf is that of a task's model, whatever its budget came to.
func folderOf(t *testing.T, dir, seed, task string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, seed, "*-"+task))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s of %s is in %v (%v)", task, seed, found, err)
	}
	return found[0]
}

// testGoingOn: a comparison that was killed at any place ends as one that was
// not, and trains only what is missing.
func testGoingOn(t *testing.T, r *recipe.Recipe, dir string, want *Result) {
	entities := folderOf(t, dir, "seed-2", "entities")
	for _, name := range []string{
		filepath.Join(folderOf(t, dir, "seed-1", "topic"), "result.json"), filepath.Join(dir, "seed-2", "joint-demo"),
		filepath.Join(entities, "state.safetensors"), filepath.Join(entities, "result.json"),
	} {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
	kept := 0
	got, err := compared(t, r, dir, Options{Seeds: 2, Jobs: 1, Done: func(p Finished) {
		if p.Kept {
			kept++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if kept != 5 {
		t.Errorf("%d models were kept, 5 were finished", kept)
	}
	if diff := cmp.Diff(want, got, noSeconds); diff != "" {
		t.Errorf("a comparison that was stopped ends otherwise: %s", diff)
	}
}

// TestAFailureLeavesTheOthers: a folder that holds another run spoils one task.
func TestAFailureLeavesTheOthers(t *testing.T) {
	r, _ := small(t, "train.epochs=1")
	dir := t.TempDir()
	other, _ := small(t, "train.epochs=1", "trunk.embedding=8")
	trials, err := plan(r, dir, Options{Seeds: 1, Budget: Updates}, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := trials[1].dir
	single, err := other.Single("topic")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := espalier.Train(context.Background(), single, at, espalier.Options{Engine: gonum.New()}); err != nil {
		t.Fatal(err)
	}
	result, err := compared(t, r, dir, Options{Seeds: 1})
	want := "seed 1, task topic alone: " + at + " holds a run of another recipe; remove it, or compare in another directory"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if result == nil || len(result.Tasks) != 2 || result.Mean != nil || result.DeltaM != nil || result.Resources != nil || len(result.Failed) != 1 {
		t.Fatalf("the other tasks are lost: %+v", result)
	}
	var text bytes.Buffer
	if err := Text(&text, result); err != nil || !strings.Contains(text.String(), "Failed: seed 1, task topic alone: ") {
		t.Errorf("the table does not tell: %s", text.String())
	}
}

func TestRecipesShareSingleModels(t *testing.T) {
	r, _ := small(t, "train.epochs=1")
	dir := t.TempDir()
	if _, err := compared(t, r, dir, Options{Seeds: 1}); err != nil {
		t.Fatal(err)
	}
	weighted, _ := small(t, "train.epochs=1", "name=weighted", "train.balance.method=fixed", "tasks.topic.weight=0.1")
	kept := map[string]bool{}
	if _, err := compared(t, weighted, dir, Options{Seeds: 1, Done: func(p Finished) { kept[p.Model] = p.Kept }}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"joint model": false, "task topic alone": true, "task sentiment alone": true, "task entities alone": true}, kept); diff != "" {
		t.Error(diff)
	}
}

// TestStoppedComparison: what is stopped gives no result, and goes on.
func TestStoppedComparison(t *testing.T) {
	r, _ := small(t, "train.epochs=1")
	dir := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	o := Options{Engine: gonum.New(), Seeds: 1, Jobs: 1, Resamples: 50, Done: func(p Finished) {
		if p.Done == 2 {
			stop()
		}
	}}
	if result, err := Run(ctx, r, dir, o); result != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped comparison gives %v, %v", result, err)
	}
	kept := 0
	result, err := compared(t, r, dir, Options{Seeds: 1, Done: func(p Finished) {
		if p.Kept {
			kept++
		}
	}})
	if err != nil || len(result.Tasks) != 3 || kept != 2 {
		t.Errorf("after 2 models were finished %d are kept: %+v, %v", kept, result, err)
	}
}

func TestComparisonsThatCannotBe(t *testing.T) {
	r, _ := small(t)
	single, err := r.Single("topic")
	if err != nil {
		t.Fatal(err)
	}
	untested, err := r.Derive(func(r *recipe.Recipe) { r.Data.Test = nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		recipe *recipe.Recipe
		o      Options
		want   string
	}{
		{r, Options{Seeds: -1}, "compare: -1 seeds; there must be at least 1"},
		{r, Options{Jobs: -2}, "compare: -2 jobs; there must be at least 1"},
		{r, Options{Budget: "time"}, `compare: budget "time" is not one of updates, epochs, steps`},
		{r, Options{Confidence: 95}, "compare: confidence is 95, it must be above 0 and below 1"},
		{r, Options{Resamples: -1}, "compare: -1 resamples; there must be at least 50, from which the test takes its variances"},
		{r, Options{Resamples: 1}, "compare: 1 resamples; there must be at least 50, from which the test takes its variances"},
		{single, Options{}, "compare: recipe topic has one task; there is nothing to compare it with"},
		{untested, Options{}, "compare: recipe demo names no test data; the models are compared there, after validation chose their best epochs"},
	} {
		_, err := Run(context.Background(), c.recipe, t.TempDir(), c.o)
		if err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
