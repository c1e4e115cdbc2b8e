package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestEvalOfRunAndFile(t *testing.T) {
	dir := trained(t)
	path := filepath.Join(t.TempDir(), "m.onnx")
	if code, _, stderr := command(t, "export", dir, "-o", path, "--engine", "gonum"); code != 0 {
		t.Fatal(stderr)
	}
	score := func(args ...string) map[string]float64 {
		code, stdout, stderr := command(t, append(args, "--split", "valid", "--json", "--engine", "gonum")...)
		if code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, stderr)
		}
		var scores struct {
			Tasks []struct{ Metrics map[string]float64 }
			Whole float64
		}
		if err := json.Unmarshal([]byte(stdout), &scores); err != nil {
			t.Fatal(err)
		}
		scores.Tasks[0].Metrics["whole"] = scores.Whole
		return scores.Tasks[0].Metrics
	}
	run, file := score("eval", dir), score("eval", dir, "--model", path)
	for name, v := range run {
		if file[name] != v {
			t.Errorf("%s is %v of the run and %v of the file", name, v, file[name])
		}
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"eval"}, 2, "eval needs a run directory"},
		{[]string{"eval", t.TempDir()}, 1, "is not a run directory"},
		{[]string{"eval", dir, "--split", "exam"}, 1, `split "exam" is not one of train, valid, test`},
		{[]string{"eval", dir}, 1, "the recipe names no test data"},
	} {
		code, _, stderr := command(t, append(c.args, "--engine", "gonum")...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit %d and %q, want exit %d and %q", c.args, code, stderr, c.code, c.want)
		}
	}
}

// TestEvalOfAFileShowsTheRunsMetrics: those that the recipe names, over the same
// examples, also those that are held out of the training data. A file has no loss.
func TestEvalOfAFileShowsTheRunsMetrics(t *testing.T) {
	var data strings.Builder
	data.WriteString("text\tkind\tsets\ttags\n")
	for i := range 40 {
		fmt.Fprintf(&data, "w%d of v%d\t%s\t%s\tO O %s\n", i%3, i%4, []string{"fruit", "thing"}[i%2], []string{"p", "p,q", ""}[i%3], []string{"B-x", "B-y", "O", "B-x"}[i%4])
	}
	path, test := file(t, "d.tsv", data.String()), file(t, "t.tsv", "text\tkind\tsets\ttags\nw1 of v2\tplanet\tp,z\tO O B-z\nw0 of v1\tfruit\tp\tO O O\n")
	recipe := file(t, "recipe.yaml", `
data: {train: {format: tsv, file: `+path+`}, test: {format: tsv, file: `+test+`}, holdout: 0.25}
inputs: {text: {type: text}}
trunk: {type: bag, embedding: 8}
tasks:
  kind: {type: classification, metric: macro_f1, metrics: ['recall:fruit', 'precision:thing']}
  sets: {type: multilabel, metric: micro_f1, metrics: ['f1:q']}
  tags: {type: tagging, scheme: bio, metric: accuracy, metrics: ['recall:x']}
train: {epochs: 2}
`)
	dir, model := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "m.onnx")
	for _, args := range [][]string{{"train", recipe, "--out", dir}, {"export", dir, "-o", model}} {
		if code, _, stderr := command(t, append(args, "--engine", "gonum")...); code != 0 {
			t.Fatalf("%v: %s", args, stderr)
		}
	}
	loss := regexp.MustCompile(`(?m)^(  \w+ +\d+ +)[\d.-]+ +`) // the column has other widths, too
	spaces := regexp.MustCompile(` +`)
	for _, split := range []string{"valid", "test", "train"} {
		var out, told [3]string
		for i, of := range [][]string{{dir}, {dir, "--model", model}, {"--model", model, "--recipe", recipe}} {
			code, stdout, stderr := command(t, append([]string{"eval", "--split", split, "--engine", "gonum"}, of...)...)
			if code != 0 {
				t.Fatalf("%v: %s", of, stderr)
			}
			out[i], told[i] = spaces.ReplaceAllString(loss.ReplaceAllString(stdout, "$1- "), " "), stderr
		}
		if out[0] != out[1] || out[0] != out[2] {
			t.Errorf("%s: the run is measured as\n%sthe file as\n%swith the recipe as\n%s", split, out[0], out[1], out[2])
		}
		if told[0] != told[1] || told[0] != told[2] {
			t.Errorf("%s: of the run's data it is told\n%sof the file's\n%swith the recipe\n%s", split, told[0], told[1], told[2])
		}
		for _, want := range []string{"macro_f1", "recall:fruit", "f1:q", "recall:x"} {
			if !strings.Contains(out[1], want) {
				t.Errorf("%s lacks %s:\n%s", split, want, out[1])
			}
		}
	}
}
