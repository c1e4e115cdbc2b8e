package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

func TestBadTrainingInput(t *testing.T) {
	good := file(t, "d.tsv", rows)
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"missing recipe", []string{"train", "no-such.yaml"}, 1, "no-such.yaml: no such file or directory"},
		{"no recipe", []string{"train"}, 2, "accepts 1 arg(s), received 0"},
		{"unknown flag", []string{"train", "--fast"}, 2, "unknown flag: --fast"},
		{"unknown verb", []string{"trian"}, 2, `unknown command "trian"`},
		{"unknown engine", []string{"train", recipeFor(t, good), "--engine", "tpu"}, 2, `--engine "tpu" is not one of auto, ort, gonum`},
		{"library that is not one", []string{"train", recipeFor(t, good), "--engine", "ort", "--library", good}, 1, "native library cannot be used"},
		{"missing library", []string{"train", recipeFor(t, good), "--engine", "ort", "--library", "/no/lib.so"}, 1, "native library cannot be used"},
		{"unknown key", []string{"train", recipeFor(t, good, "train: {epocs: 3}")}, 1, `unknown key "epocs"`},
		{"nearest key", []string{"train", recipeFor(t, good, "train: {epocs: 3}")}, 1, "epochs"},
		{"wrong type", []string{"train", recipeFor(t, good, "train: {epochs: many}")}, 1, "recipe.yaml:8: train.epochs must be a whole number, found \"many\""},
		{"bad --set", []string{"train", recipeFor(t, good), "--set", "train.epochs"}, 2, `--set "train.epochs" is not of the form path=value`},
		{"missing data", []string{"train", recipeFor(t, "/no/data.tsv")}, 1, "/no/data.tsv: no such file or directory"},
		{"empty data", []string{"train", recipeFor(t, file(t, "e.tsv", ""))}, 1, "the file is empty"},
		{"header alone", []string{"train", recipeFor(t, file(t, "h.tsv", "text\ttopic\n"))}, 1, "there are no examples"},
		{"ragged columns", []string{"train", recipeFor(t, file(t, "r.tsv", rows+"one\ttwo\tthree\n"))}, 1, "r.tsv:6: the line has 3 columns, the first line has 2"},
		{"invalid UTF-8", []string{"train", recipeFor(t, file(t, "u.tsv", rows+"caf\xe9\tfruit\n"))}, 1, "u.tsv:6: byte 4 of the line, 0xe9, is not valid UTF-8"},
		{"all labels missing", []string{"train", recipeFor(t, file(t, "m.tsv", "text\ttopic\nred\t\nblue\t\n"))}, 1, `task "topic" has no label in any of 2 training examples`},
		{"one label", []string{"train", recipeFor(t, file(t, "o.tsv", "text\ttopic\nred\tx\nblue\tx\n"))}, 1, `recipe.yaml:7: tasks.topic: data: task "topic" has the one label "x" in training; there is nothing to tell apart`},
		{
			"weight of no label",
			[]string{"train", recipeFor(t, good), "--set", "tasks.topic.class_weights={fruits: 2}"},
			1,
			`--set tasks.topic.class_weights: tasks.topic.class_weights.fruits names "fruits", which is not a label of task "topic" in the training data; did you mean "fruit"?`,
		},
		{
			"weight of no label, in the file",
			[]string{"train", recipeFor(t, good, "  kind:\n    type: classification\n    field: topic\n    class_weights:\n      fruit: 2\n      b.l: 1")},
			1,
			`recipe.yaml:13: tasks.kind.class_weights.b.l names "b.l", which is not a label of task "kind" in the training data; there are fruit, thing`,
		},
		{
			"metric of no label",
			[]string{"train", recipeFor(t, good, "  kind:\n    type: classification\n    field: topic\n    metrics: [\"f1:fruit\",\n      \"recall:thin\"]")},
			1,
			`recipe.yaml:12: tasks.kind.metrics.1 names "thin", which is not a label of task "kind" in the training data; did you mean "thing"?`,
		},
		{
			"choice by a metric of no label",
			[]string{"train", recipeFor(t, good, "  kind: {type: classification, field: topic, metric: \"precision:x\"}")},
			1,
			`recipe.yaml:8: tasks.kind.metric names "x", which is not a label of task "kind" in the training data; there are fruit, thing`,
		},
		{
			"metric of two labels",
			[]string{"train", recipeFor(t, file(t, "3.tsv", rows+"he\tperson\n"), "  kind: {type: classification, field: topic, metric: auc}")},
			1,
			`recipe.yaml:8: tasks.kind.metric is auc: auc measures tasks of two labels, this one has 3`,
		},
		{
			"metric of no type of spans",
			[]string{"train", recipeFor(t, file(t, "s.tsv", "text\ttopic\tslots\na b\tx\tO B-city\nb c\ty\tB-day O\n"), "  slots: {type: tagging, scheme: bio, metrics: [\"recall:citty\"]}")},
			1,
			`recipe.yaml:8: tasks.slots.metrics.0 names "citty", which is not a type of spans of task "slots" in the training data; did you mean "city"?`,
		},
		{"not a number", []string{"train", recipeFor(t, good, "  price: {type: regression, field: topic}")}, 1, `"fruit" is not a finite number`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			args := c.args
			if len(args) > 1 && strings.HasSuffix(args[1], ".yaml") {
				args = append(append([]string{}, args...), "--out", dir)
				if !strings.Contains(strings.Join(args, " "), "--engine") {
					args = append(args, "--engine", "gonum")
				}
			}
			code, stdout, stderr := command(t, args...)
			if code != c.code || !strings.Contains(stderr, c.want) {
				t.Errorf("exit %d and %q, want exit %d and %q", code, stderr, c.code, c.want)
			}
			if stdout != "" {
				t.Errorf("a failed command printed data: %q", stdout)
			}
		})
	}
}

func TestLabelThatTrainingNeverSaw(t *testing.T) {
	train, valid := file(t, "t.tsv", rows), file(t, "v.tsv", "text\ttopic\nblue sky\tweather\nred apple\tfruit\n")
	r := file(t, "recipe.yaml", "data:\n  train: {format: tsv, file: "+train+"}\n  valid: {format: tsv, file: "+valid+"}\n"+
		"inputs: {text: {type: text}}\ntasks: {topic: {type: classification}}\n")
	code, _, stderr := command(t, "train", r, "--out", filepath.Join(t.TempDir(), "run"), "--engine", "gonum", "--set", "data.unseen=error")
	for _, want := range []string{"v.tsv:2", `label "weather" was never seen in training`, "fruit, thing"} {
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("exit %d and %q, want exit 1 and %q", code, stderr, want)
		}
	}
	code, _, stderr = command(t, "train", r, "--out", filepath.Join(t.TempDir(), "run"), "--engine", "gonum", "--set", "data.unseen=ignore")
	if code != 0 || !strings.Contains(stderr, `valid: task "topic": 1 label that training never had is left out (data.unseen: ignore), which raises the scores: weather (1)`) {
		t.Errorf("exit %d and %q", code, stderr)
	}
}

func TestDivergingTraining(t *testing.T) {
	r := recipeFor(t, file(t, "d.tsv", rows), "train: {optimizer: {type: sgd, lr: 1e30}, batch: 1}")
	code, _, stderr := command(t, "train", r, "--out", filepath.Join(t.TempDir(), "run"), "--engine", "gonum")
	if code != 1 || !strings.Contains(stderr, "the parameters from before the epoch are kept") {
		t.Errorf("exit %d and %q", code, stderr)
	}
}

func TestStoppedRunSaysHowToGoOn(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, talk bytes.Buffer
	r := recipeFor(t, file(t, "d.tsv", rows))
	dir := filepath.Join(t.TempDir(), "run")
	code := run(ctx, []string{"train", r, "--out", dir, "--engine", "gonum", "--set", "train.batch=2", "--set", "tasks.topic.metrics=[f1:fruit]"}, strings.NewReader(""), &out, &talk)
	if code != 1 || !strings.Contains(talk.String(), "go on with: espalier train "+r+" --engine gonum --out "+dir+" --set train.batch=2 --set 'tasks.topic.metrics=[f1:fruit]' --resume\n") || !strings.Contains(talk.String(), "espalier: stopped") {
		t.Errorf("exit %d and %q", code, talk.String())
	}
}
