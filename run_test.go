package espalier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier"
	"espalier/examples/demo"
	"espalier/models"
	"espalier/onnx"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/runtime/predict"
	"espalier/train"
	"espalier/train/score"
)

// engines returns both engines. ONNX Runtime must be there: a test that is
// skipped without it would hide that nothing was compared.
func engines(t *testing.T) []runtime.Engine {
	t.Helper()
	if os.Getenv(ort.LibraryVariable) == "" {
		t.Fatalf("%s is not set: run `make env`, and test with `make test`", ort.LibraryVariable)
	}
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return []runtime.Engine{e, gonum.New()}
}

// nearly lets metrics of probabilities differ by what engines do; those of
// labels differ by more than that or not at all.
var nearly = cmpopts.EquateApprox(0, 1e-5)

// scoresAs checks that a file has the trainer's scores on a recipe's test data.
func scoresAs(t *testing.T, p *predict.Predictor, r *recipe.Recipe, want score.Scores, what string) {
	t.Helper()
	set, err := espalier.DataFor(p, r, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := espalier.EvaluateFile(context.Background(), p, set, r)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	got := m.Scores()
	if len(got) != len(want) {
		t.Fatalf("%s: %d tasks are measured, the trainer has %d", what, len(got), len(want))
	}
	for i := range want {
		if diff := cmp.Diff(want[i].Metrics, got[i].Metrics, nearly); diff != "" {
			t.Errorf("%s, task %s: the file is measured as another than the trainer's model:\n%s", what, want[i].Task, diff)
		}
	}
}

// demoRecipe is the demonstration with a trunk that drops out, cut short.
func demoRecipe(t *testing.T, set ...string) *recipe.Recipe {
	t.Helper()
	content, err := demo.Files.ReadFile("recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse("recipe.yaml", content)
	if err != nil {
		t.Fatal(err)
	}
	r.FS = demo.Files
	for _, s := range append([]string{"train.epochs=2", "trunk.type=cnn", "trunk.embedding=16", "trunk.dropout=0.2", "trunk.layers=1"}, set...) {
		path, value, _ := strings.Cut(s, "=")
		if err := r.Set(path, value); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func trained(t *testing.T, e runtime.Engine, dir string, resume bool, set ...string) (*espalier.Run, *espalier.Outcome) {
	t.Helper()
	run, outcome, err := espalier.Train(context.Background(), demoRecipe(t, set...), dir, espalier.Options{Engine: e, Resume: resume})
	if err != nil {
		t.Fatal(err)
	}
	return run, outcome
}

func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestSameSeedGivesSameBytes(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e.Name(), func(t *testing.T) {
			var files [2][]byte
			var models [2][]byte
			for i := range files {
				dir := t.TempDir()
				run, _ := trained(t, e, filepath.Join(dir, "run"), false)
				files[i] = read(t, run.Dir, "parameters.safetensors")
				path := filepath.Join(dir, "m.onnx")
				if _, err := run.Export(context.Background(), path, espalier.ExportOptions{Engines: []runtime.Engine{e}}); err != nil {
					t.Fatal(err)
				}
				models[i] = read(t, path)
			}
			if !bytes.Equal(files[0], files[1]) {
				t.Error("the parameters differ")
			}
			if !bytes.Equal(models[0], models[1]) {
				t.Error("the exported files differ")
			}
			other, _ := trained(t, e, filepath.Join(t.TempDir(), "run"), false, "train.seed=2")
			if bytes.Equal(files[0], read(t, other.Dir, "parameters.safetensors")) {
				t.Error("another seed gives the same parameters")
			}
		})
	}
}

func TestResumedRunEqualsAnUnbrokenOne(t *testing.T) {
	for _, optimizer := range []string{"adam", "sgd", "adamw"} {
		t.Run(optimizer, func(t *testing.T) {
			e := gonum.New()
			set := []string{"train.optimizer.type=" + optimizer, "train.clip_norm=1", "train.schedule.type=cosine", "train.optimizer.weight_decay=0.01"}
			if optimizer == "sgd" {
				set = append(set, "train.optimizer.momentum=0.9")
			}
			whole, want := trained(t, e, filepath.Join(t.TempDir(), "run"), false, append(set, "train.epochs=3")...)
			dir := filepath.Join(t.TempDir(), "run")
			stop := errors.New("stop")
			_, _, err := espalier.Train(context.Background(), demoRecipe(t, append(set, "train.epochs=3")...), dir, espalier.Options{
				Engine: e, Hooks: train.Hooks{Epoch: func(train.Epoch) error { return stop }},
			})
			if !errors.Is(err, stop) {
				t.Fatalf("got %v", err)
			}
			resumed, got := trained(t, e, dir, true, append(set, "train.epochs=3")...)
			if !bytes.Equal(read(t, whole.Dir, "parameters.safetensors"), read(t, resumed.Dir, "parameters.safetensors")) {
				t.Error("the parameters differ")
			}
			if !bytes.Equal(read(t, whole.Dir, "state.safetensors"), read(t, resumed.Dir, "state.safetensors")) {
				t.Error("the states differ")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the outcomes differ:\n%s", diff)
			}
			if n := strings.Count(string(read(t, dir, "log.jsonl")), "\n"); n != 3 {
				t.Errorf("the log has %d lines for 3 epochs", n)
			}
		})
	}
}

// TestFileScoresAsTheTrainerDoes: eval of a run and of its exported file give
// exactly the same metrics, on both engines.
func TestFileScoresAsTheTrainerDoes(t *testing.T) {
	all := engines(t)
	run, _ := trained(t, all[0], filepath.Join(t.TempDir(), "run"), false)
	run.Recipe.FS = demo.Files
	path := filepath.Join(t.TempDir(), "m.onnx")
	report, err := run.Export(context.Background(), path, espalier.ExportOptions{Engines: all})
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() || len(report.Engines) != 2 || len(report.Outputs) != 12 {
		t.Errorf("report:\n%s", report.Table())
	}
	reopened, err := espalier.OpenRun(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	reopened.Recipe.FS = demo.Files
	d, err := reopened.Data("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := reopened.Trainer(all[0])
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	want, err := trainer.Evaluate(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		p, err := predict.Open(path, predict.Options{Engine: e})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		scoresAs(t, p, reopened.Recipe, want, e.Name())
	}
}

func TestExportOfSomeHeads(t *testing.T) {
	e := gonum.New()
	run, _ := trained(t, e, filepath.Join(t.TempDir(), "run"), false, "train.epochs=1")
	path := filepath.Join(t.TempDir(), "m.onnx")
	if _, err := run.Export(context.Background(), path, espalier.ExportOptions{Heads: []string{"entities", "topic"}, Engines: []runtime.Engine{e}}); err != nil {
		t.Fatal(err)
	}
	p, err := predict.Open(path, predict.Options{Engine: e})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if diff := cmp.Diff([]string{"topic", "entities"}, p.Schema().TaskNames()); diff != "" {
		t.Error(diff)
	}
	_, err = run.Export(context.Background(), filepath.Join(t.TempDir(), "m.onnx"), espalier.ExportOptions{Heads: []string{"mood"}, Engines: []runtime.Engine{e}})
	if want := `unknown task "mood" in --heads; the model has topic, sentiment, entities`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestStructuresTrainAndShip: with every way to share, a run trains, and a file
// of one head agrees with the trainer and carries nothing of the other tasks.
func TestStructuresTrainAndShip(t *testing.T) {
	for _, method := range []string{"soft", "cross_stitch", "mmoe", "dselect_k", "cgc", "ple", "mtan", "aitm", "adapter", "low_rank", "adversarial"} {
		t.Run(method, func(t *testing.T) {
			e := gonum.New()
			run, outcome := trained(t, e, filepath.Join(t.TempDir(), "run"), false, "train.epochs=1", "sharing.method="+method)
			if s := outcome.Valid[0]; !(s.Value() > 0.4) { // of five topics
				t.Errorf("%s has %s %v", s.Task, s.Metric, s.Value())
			}
			path := filepath.Join(t.TempDir(), "m.onnx")
			if _, err := run.Export(context.Background(), path, espalier.ExportOptions{Heads: []string{"entities"}, Engines: []runtime.Engine{e}}); err != nil {
				t.Fatal(err)
			}
			file, err := onnx.Decode(read(t, path), onnx.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			own := 0
			for _, p := range file.Graph.Initializers {
				if task, ok := models.TaskOf(p.Name); ok && task != "entities" {
					t.Errorf("the file holds %s", p.Name)
				} else if ok {
					own++
				}
			}
			if own == 0 {
				t.Error("the file holds no parameter of its head by name")
			}
		})
	}
}

func TestDivergingRunStopsAndKeepsGoodParameters(t *testing.T) {
	e := gonum.New()
	dir := filepath.Join(t.TempDir(), "run")
	r := demoRecipe(t, "train.optimizer.type=sgd", "train.optimizer.lr=1e30")
	run, _, err := espalier.Train(context.Background(), r, dir, espalier.Options{Engine: e})
	var diverged *train.DivergedError
	if !errors.As(err, &diverged) {
		t.Fatalf("got %v, want a DivergedError", err)
	}
	for _, want := range []string{"the loss of task ", "at step ", "(epoch 1)", "the parameters from before the epoch are kept", "lower optimizer.lr or set clip_norm"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("message %q does not say %q", err, want)
		}
	}
	values, err := run.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range values {
		for _, x := range v.Float32s() {
			if !(x > -10 && x < 10) {
				t.Fatalf("parameter %s holds %v", name, x)
			}
		}
	}
}

func TestRunDirectoryIsNotOverwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	e := gonum.New()
	trained(t, e, dir, false, "train.epochs=1")
	before := read(t, dir, "parameters.safetensors")
	_, _, err := espalier.Train(context.Background(), demoRecipe(t), dir, espalier.Options{Engine: e})
	if want := dir + " holds a run already; resume it, remove it or name another directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if !bytes.Equal(before, read(t, dir, "parameters.safetensors")) {
		t.Error("the earlier run was changed")
	}
	_, _, err = espalier.Train(context.Background(), demoRecipe(t), t.TempDir(), espalier.Options{Engine: e, Resume: true})
	if err == nil || !strings.Contains(err.Error(), "there is no run to resume") {
		t.Errorf("got %v", err)
	}
}

func TestOpenEngine(t *testing.T) {
	if _, err := espalier.OpenEngine("tpu", ""); err == nil || err.Error() != `engine "tpu" is not one of auto, ort, gonum` {
		t.Errorf("got %v", err)
	}
	if _, err := espalier.OpenEngine("auto", filepath.Join(t.TempDir(), "none.so")); !errors.Is(err, runtime.ErrLibrary) {
		t.Errorf("a named library that is missing: got %v", err)
	}
	e, err := espalier.OpenEngine("gonum", "")
	if err != nil || e.Name() != "gonum" {
		t.Errorf("got %v, %v", e, err)
	}
}

// TestMissingLabels: a task that lacks half of its labels trains on the other
// half, and one that lacks all of them is refused.
func TestMissingLabels(t *testing.T) {
	write := func(topics func(i int) string) string {
		var b strings.Builder
		for i := range 40 {
			fmt.Fprintf(&b, "{\"text\": \"w%d w%d\", \"a\": \"l%d\", \"b\": %q}\n", i%4, i%3, i%2, topics(i))
		}
		path := filepath.Join(t.TempDir(), "data.jsonl")
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	parse := func(path string) *recipe.Recipe {
		r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, `
data: {train: {format: jsonl, file: %s}, valid: {format: jsonl, file: %s}}
inputs: {text: {type: text}}
tasks: {a: {type: classification}, b: {type: classification}}
train: {epochs: 2, batch: 4}
`, path, path))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	half := write(func(i int) string { return []string{"x", "y", "", ""}[i%4] })
	_, outcome, err := espalier.Train(context.Background(), parse(half), filepath.Join(t.TempDir(), "run"), espalier.Options{Engine: gonum.New()})
	if err != nil {
		t.Fatal(err)
	}
	if got := []int{outcome.Valid[0].Labels, outcome.Valid[1].Labels}; !cmp.Equal(got, []int{40, 20}) {
		t.Errorf("labels counted: %v, want 40 and 20", got)
	}
	none := write(func(int) string { return "" })
	_, _, err = espalier.Train(context.Background(), parse(none), filepath.Join(t.TempDir(), "run"), espalier.Options{Engine: gonum.New()})
	if err == nil || !strings.Contains(err.Error(), `task "b" has no label in any of 40 training examples`) {
		t.Errorf("got %v", err)
	}
}
