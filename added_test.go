package espalier_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/tensor"
)

// added are two recipes and their data: the second adds a task of words, and its data
// has nothing of the tasks before.
func added(t *testing.T, dir string) (first, second *recipe.Recipe) {
	t.Helper()
	first = encoderRecipe(t, dir) // writes d.tsv
	if err := os.WriteFile(filepath.Join(dir, "new.tsv"), []byte("text\ttags\na b cc\tO B-x O\ndd a e\tB-x I-x O\nnew words\tO O\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	first, err := first.With("tasks={topic: {type: classification}, mood: {type: classification, hidden: 4}}")
	if err != nil {
		t.Fatal(err)
	}
	second = encoderRecipe(t, dir, "data.train.file=new.tsv", "data.valid.file=new.tsv", "train.trunk.frozen=true", "train.batch=2",
		"tasks.topic.frozen=true", "tasks.mood={type: classification, hidden: 4, frozen: true}", "tasks.tags.crf=true")
	return first, second
}

// TestATaskIsAddedWithoutForgetting: with trunk and earlier heads frozen, the earlier
// tasks' answers keep their bits, whatever the trunk is, though the new data has no label
// of them; the new task learns.
func TestATaskIsAddedWithoutForgetting(t *testing.T) {
	ctx, engine := context.Background(), engines(t)[0]
	for name, set := range map[string][]string{
		"every weight": nil, "lora": {"trunk.tune=lora"}, "heads alone": {"trunk.tune=none"},
		"attention pooling": {"trunk.pooling=attention"}, "experts": {"sharing={method: mmoe, experts: 2}"},
		"a moving average": {"train.average=0.9"},
		// The vocabulary is that of the first run.
		"words": {"inputs.text={type: text, tokenizer: whitespace}", "trunk={type: bilstm, embedding: 6, characters: {type: cnn, hidden: 4}}"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := smallEncoder(t)
			first, second := added(t, dir)
			first, err := first.With(set...)
			if err != nil {
				t.Fatal(err)
			}
			if second, err = second.With(set...); err != nil {
				t.Fatal(err)
			}
			was, now := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")
			if _, _, err := espalier.Train(ctx, first, was, espalier.Options{Engine: engine}); err != nil {
				t.Fatal(err)
			}
			var log []string
			run, outcome, err := espalier.Train(ctx, second, now, espalier.Options{
				Engine: engine, From: was, Log: func(f string, args ...any) { log = append(log, fmt.Sprintf(f, args...)) },
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(log, func(s string) bool {
				return strings.HasPrefix(s, "started from "+was) && strings.HasSuffix(s, "new are those of tags")
			}) {
				t.Errorf("the log says\n%s", strings.Join(log, "\n"))
			}
			if len(outcome.Valid) != 3 || outcome.Valid[2].Labels == 0 {
				t.Errorf("validation: %v", outcome.Valid)
			}
			want, got := answersTo(t, engine, was), answersTo(t, engine, now)
			for output, x := range want {
				if !slices.Equal(fmtOf(x), fmtOf(got[output])) {
					t.Errorf("%s has changed:\n%v\n%v", output, x, got[output])
				}
			}
			if len(want) != 4 || len(got) != 6 {
				t.Errorf("there are %d and %d outputs", len(want), len(got))
			}
			path := filepath.Join(t.TempDir(), "m.onnx")
			if _, err := run.Export(ctx, path, espalier.ExportOptions{Engines: []runtime.Engine{engine}}); err != nil {
				t.Error(err)
			}
			// The head that was added has learned.
			values, err := run.Parameters()
			if err != nil {
				t.Fatal(err)
			}
			if x := values["head/tags/crf/transitions"]; !slices.ContainsFunc(x.Float32s(), func(v float32) bool { return v != 0 }) {
				t.Error("the new head has not learned")
			}
			// A run that was resumed goes on as it was.
			longer, err := second.With("train.epochs=2")
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := espalier.Train(ctx, longer, now, espalier.Options{Engine: engine, Resume: true}); err != nil {
				t.Fatal(err)
			}
			for output, x := range answersTo(t, engine, now) {
				if want[output] != nil && !slices.Equal(fmtOf(want[output]), fmtOf(x)) {
					t.Errorf("%s has changed after a resumption", output)
				}
			}
		})
	}
}

func fmtOf(x *tensor.Tensor) []string {
	if x == nil {
		return nil
	}
	return strings.Fields(fmt.Sprint(x.Any()))
}

// answersTo are a run's answers to some texts.
func answersTo(t *testing.T, engine runtime.Engine, dir string) map[string]*tensor.Tensor {
	t.Helper()
	run, err := espalier.OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := run.Trainer(engine)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	in := []runtime.Named{
		{Name: "ids", Tensor: tensor.Must(tensor.Of([]int64{2, 4, 5, 9, 2, 6, 3, 0}, 2, 4))},
		{Name: "word_starts", Tensor: tensor.Must(tensor.Of([]int64{0, 1, 1, 0, 0, 1, 0, 0}, 2, 4))},
		{Name: "characters", Tensor: tensor.Must(tensor.Of([]int64{2, 3, 4, 5, 2, 3, 2, 0}, 2, 4, 1))},
	}
	out, err := trainer.Answers(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]*tensor.Tensor{}
	for _, o := range out {
		answers[o.Name] = o.Tensor
	}
	return answers
}

// TestWhatAModelCannotStartFrom says why.
func TestWhatAModelCannotStartFrom(t *testing.T) {
	ctx, engine := context.Background(), engines(t)[0]
	dir, _ := smallEncoder(t)
	first, second := added(t, dir)
	was := filepath.Join(t.TempDir(), "first")
	if _, _, err := espalier.Train(ctx, first, was, espalier.Options{Engine: engine}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set  string
		from string
		want string
	}{
		{"name=x", "", "--set tasks.topic.frozen: tasks.topic.frozen: it keeps what an earlier run has learned; name that run by train --from"},
		{"name=x", dir, "the run to start from: " + dir + " is not a run directory: it has no recipe.yaml"},
		{"tasks.tags.frozen=true", was, "the model cannot start from " + was + `: it has no task "tags", which the recipe freezes; its tasks are topic, mood`},
		{"tasks.mood.hidden=5", was, "the model cannot start from " + was + `: that has a parameter "head/mood/`},
		{"trunk.pooling=attention", was, ""}, // what is new starts anew
		{"inputs.text.special_tokens=false", was, "the model cannot start from " + was + ": it reads texts in another way: its tokenizer is subword, or its settings differ; take the inputs of its recipe.yaml"},
	} {
		r, err := second.With(c.set)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = espalier.Train(ctx, r, filepath.Join(t.TempDir(), "run"), espalier.Options{Engine: engine, From: c.from})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", c.set, err, c.want)
		}
	}
}
