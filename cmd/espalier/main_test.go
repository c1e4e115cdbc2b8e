package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"espalier/onnx"
	"espalier/tensor"
)

// command runs the command in this process.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, talk bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &talk)
	return code, out.String(), talk.String()
}

// file writes a file into a fresh folder and returns its path.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const rows = "text\ttopic\nred apple\tfruit\nfast car\tthing\ngreen pear\tfruit\nold house\tthing\n"

// recipeFor is a recipe that trains on a tsv file.
func recipeFor(t *testing.T, path string, more ...string) string {
	t.Helper()
	return file(t, "recipe.yaml", "name: small\n"+
		"data:\n  train: {format: tsv, file: "+path+"}\n  valid: {format: tsv, file: "+path+"}\n"+
		"inputs: {text: {type: text}}\ntasks:\n  topic: {type: classification}\n"+
		strings.Join(more, "\n")+"\n")
}

// trained runs a small training and returns its run directory.
func trained(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	code, _, stderr := command(t, "train", recipeFor(t, file(t, "d.tsv", rows)), "--out", dir, "--engine", "gonum", "--set", "train.epochs=1")
	if code != 0 {
		t.Fatalf("train: exit %d: %s", code, stderr)
	}
	return dir
}

func exported(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.onnx")
	code, _, stderr := command(t, "export", trained(t), "-o", path, "--engine", "gonum")
	if code != 0 {
		t.Fatalf("export: exit %d: %s", code, stderr)
	}
	return path
}

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

func TestHostileModels(t *testing.T) {
	good, err := os.ReadFile(exported(t))
	if err != nil {
		t.Fatal(err)
	}
	model := func(change func(m *onnx.Model)) string {
		m, err := onnx.Decode(append([]byte{}, good...), onnx.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		change(m)
		data, err := onnx.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		return file(t, "bad.onnx", string(data))
	}
	giant := binary.AppendUvarint([]byte{0x3a}, 1<<40) // field 7, the graph, of a terabyte
	for _, c := range []struct{ name, path, want string }{
		{"missing", "/no/model.onnx", "no such file or directory"},
		{"empty", file(t, "e.onnx", ""), "there is no graph"},
		{"text", file(t, "t.onnx", "hello world"), "onnx: "},
		{"truncated", file(t, "c.onnx", string(good[:len(good)/2])), "unexpected EOF"},
		{"giant length", file(t, "g.onnx", string(giant)), "unexpected EOF"},
		{"no metadata", model(func(m *onnx.Model) { m.Metadata = nil }), "it was not exported by espalier"},
		{"cycle", model(func(m *onnx.Model) { m.Graph.Nodes[0].Inputs[0] = m.Graph.Nodes[len(m.Graph.Nodes)-1].Outputs[0] }), ""},
		{"huge dimensions", model(func(m *onnx.Model) {
			m.Graph.Initializers = append(m.Graph.Initializers, &onnx.Tensor{Name: "huge", DType: tensor.Float32, Dims: []int64{1 << 40, 1 << 40}})
		}), "more elements than memory can address"},
		{"dimensions without elements", model(func(m *onnx.Model) {
			m.Graph.Initializers = append(m.Graph.Initializers, &onnx.Tensor{Name: "huge", DType: tensor.Float32, Dims: []int64{1 << 20}})
		}), "its dimensions [1048576] ask for 1048576 elements"},
		{"wrong vocabulary", model(func(m *onnx.Model) {
			for i := range m.Metadata {
				if m.Metadata[i].Key == "espalier.vocabulary_sha256" {
					m.Metadata[i].Value = "00"
				}
			}
		}), "the file is damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := command(t, "predict", c.path, "--text", "x", "--engine", "gonum")
			if code != 1 || stdout != "" || !strings.Contains(stderr, c.want) || !strings.HasPrefix(stderr, "espalier: ") {
				t.Errorf("exit %d, %q and %q, want exit 1 and %q", code, stdout, stderr, c.want)
			}
		})
	}
}

func TestPredict(t *testing.T) {
	path := exported(t)
	code, stdout, stderr := command(t, "predict", path, "--text", "red apple", "--text", "", "--json", "--engine", "gonum")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 2 {
		t.Fatalf("2 texts gave %d lines", len(lines))
	}
	var answer struct {
		Text  string
		Tasks []struct {
			Task, Type, Label string
			Probabilities     []float64
		}
	}
	if err := json.Unmarshal([]byte(lines[0]), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Text != "red apple" || answer.Tasks[0].Task != "topic" || len(answer.Tasks[0].Probabilities) != 2 {
		t.Errorf("answer is %+v", answer)
	}
	code, stdout, _ = command(t, "predict", path, file(t, "in.txt", "red apple\nfast car\n"), "--engine", "gonum")
	if code != 0 || strings.Count(stdout, "topic") != 2 {
		t.Errorf("exit %d and %q", code, stdout)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"predict", path}, 2, "predict needs --text or an INPUT file, and not both"},
		{[]string{"predict", path, "x.txt", "--text", "y"}, 2, "and not both"},
		{[]string{"predict", path, "--text", "x", "--tasks", "mood"}, 1, `unknown task "mood"; the file has [topic]`},
	} {
		code, _, stderr := command(t, append(c.args, "--engine", "gonum")...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit %d and %q, want exit %d and %q", c.args, code, stderr, c.code, c.want)
		}
	}
}

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

func TestExportOfUnknownHead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	code, _, stderr := command(t, "export", trained(t), "-o", path, "--heads", "mood", "--engine", "gonum")
	if code != 1 || !strings.Contains(stderr, `unknown task "mood" in --heads; the model has topic`) {
		t.Errorf("exit %d and %q", code, stderr)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}
}

func TestInspectAndVerify(t *testing.T) {
	path := exported(t)
	code, stdout, _ := command(t, "inspect", path)
	for _, want := range []string{"IR 8, ai.onnx 17", "ids int64[batch,sequence]", "topic_probabilities float32[batch,2]", "topic: classification of fruit, thing"} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit %d and %q, want %q", code, stdout, want)
		}
	}
	code, stdout, stderr := command(t, "verify", path, "--engine", "gonum", "--json")
	if code != 0 || !strings.Contains(stdout, `"against": "gonum"`) {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

func TestDoctorSaysWhatToDo(t *testing.T) {
	code, stdout, _ := command(t, "doctor", "--library", "/no/lib.so")
	if code != 0 || !strings.Contains(stdout, "espalier ort install") {
		t.Errorf("exit %d and %q", code, stdout)
	}
	code, stdout, _ = command(t, "doctor", "--json")
	if code != 0 || !strings.Contains(stdout, `"everything is here; --engine auto uses ONNX Runtime"`) {
		t.Errorf("exit %d and %q", code, stdout)
	}
}

func TestDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	for range 2 { // the second replaces the first
		code, stdout, stderr := command(t, "demo", "--out", dir, "--engine", "gonum")
		if code != 0 {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		for _, want := range []string{"Keiko Novak [PER], Juniper Bistro [ORG], Porto [LOC]", "negative"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("the output lacks %q:\n%s", want, stdout)
			}
		}
	}
	run := trained(t)
	code, _, stderr := command(t, "demo", "--out", run, "--engine", "gonum")
	if code != 1 || !strings.Contains(stderr, `holds the run "small", which is not a demo`) {
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

func TestEveryVerbHasHelpWithAnExample(t *testing.T) {
	for _, verb := range newRoot().Commands() {
		if verb.Name() == "ort" || verb.Hidden || verb.Name() == "help" || verb.Name() == "completion" {
			continue
		}
		code, stdout, _ := command(t, verb.Name(), "--help")
		if code != 0 || !strings.Contains(stdout, "Examples:\n  espalier "+verb.Name()) {
			t.Errorf("%s --help: exit %d and %q", verb.Name(), code, stdout)
		}
	}
}

// TestAProviderThatIsNotThereIsTold and the CPU answers.
func TestAProviderThatIsNotThereIsTold(t *testing.T) {
	code, stdout, stderr := command(t, "predict", exported(t), "--engine", "gonum", "--text", "red apple", "--provider", "CUDA", "--threads", "1")
	if code != 0 || !strings.Contains(stdout, "topic") || !strings.Contains(stderr, "provider CUDA is not used: model is not supported by this engine: it is pure Go") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}

// TestExportsInOtherForms are verified as they are written.
func TestExportsInOtherForms(t *testing.T) {
	run := trained(t)
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-o", filepath.Join(dir, "a.onnx"), "--opset", "21", "--batch", "2", "--length", "4", "--half", "--external", "1"}, 0, "well formed for IR 10, ai.onnx 21"},
		{[]string{"-o", filepath.Join(dir, "repository"), "--triton", "small"}, 0, filepath.Join("small", "1", "model.onnx")},
		{[]string{"--triton", "small"}, 2, "--triton needs the repository's folder by -o"},
		{[]string{"--opset", "3"}, 1, "operator set 3 is not one of 14 to 22"},
	} {
		code, stdout, stderr := command(t, append([]string{"export", run, "--engine", "gonum"}, c.args...)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%v: exit %d, want %d and %q:\n%s%s", c.args, code, c.code, c.want, stdout, stderr)
		}
	}
	code, stdout, stderr := command(t, "predict", filepath.Join(dir, "a.onnx"), "--engine", "gonum", "--text", "red apple", "--text", "a", "--text", "b")
	if code != 0 || strings.Count(stdout, "topic") != 3 {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "repository", "small", "config.pbtxt")); err != nil {
		t.Error(err)
	}
}

// TestVerifyFindsATamperedFile: other parameters than the run's are told by
// --run, and metadata that was changed by its hash. The table and the JSON are
// printed all the same, and the command fails.
func TestVerifyFindsATamperedFile(t *testing.T) {
	run := trained(t)
	path := filepath.Join(t.TempDir(), "m.onnx")
	if code, _, stderr := command(t, "export", run, "-o", path, "--engine", "gonum"); code != 0 {
		t.Fatal(stderr)
	}
	if code, stdout, stderr := command(t, "verify", path, "--run", run, "--engine", "gonum"); code != 0 || !strings.Contains(stdout, "compared with the trainer") {
		t.Fatalf("exit %d, %q, %q", code, stdout, stderr)
	}
	tamper := func(change func(m *onnx.Model)) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Decode(data, onnx.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		change(m)
		if data, err = onnx.Encode(m); err != nil {
			t.Fatal(err)
		}
		return file(t, "tampered.onnx", string(data))
	}
	weights := tamper(func(m *onnx.Model) {
		for _, x := range m.Graph.Initializers {
			for i := 3; x.DType == tensor.Float32 && i < len(x.Raw); i += 4 {
				x.Raw[i] ^= 0x80 // the sign
			}
		}
	})
	const message = "gives answers that differ by more than 1e-05 from those of"
	code, stdout, stderr := command(t, "verify", weights, "--run", run, "--engine", "gonum")
	if code != 1 || !strings.Contains(stderr, message) || !strings.Contains(stdout, "topic_probabilities") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	code, stdout, stderr = command(t, "verify", weights, "--run", run, "--engine", "gonum", "--json")
	var report struct {
		Outputs []struct {
			Name     string  `json:"name"`
			Absolute float64 `json:"max_absolute_difference"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal([]byte(stdout), &report); code != 1 || err != nil || !strings.Contains(stderr, message) {
		t.Fatalf("exit %d, %v, %q, %q", code, err, stdout, stderr)
	}
	if report.Outputs[0].Absolute < 1e-5 {
		t.Errorf("%+v", report.Outputs)
	}
	words := tamper(func(m *onnx.Model) {
		for i := range m.Metadata {
			if m.Metadata[i].Key == "espalier.vocabulary_sha256" {
				m.Metadata[i].Value = strings.Repeat("0", 64)
			}
		}
	})
	if code, _, stderr := command(t, "verify", words, "--engine", "gonum"); code != 1 || !strings.Contains(stderr, "the file is damaged") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}
