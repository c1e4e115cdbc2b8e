package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
		{[]string{"predict", path, "--text", "x", "--text", "y", "--pair", "z"}, 2, "predict has --text 2 times and --pair 1 times; give a --pair for each --text"},
		{[]string{"predict", path, "--text", "x", "--pair", "z"}, 1, "predict: the model reads one text, not a pair; use Predict, or leave out --pair"},
		{[]string{"predict", path, "--text", "x", "--tasks", "mood"}, 1, `unknown task "mood"; the file has [topic]`},
	} {
		code, _, stderr := command(t, append(c.args, "--engine", "gonum")...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit %d and %q, want exit %d and %q", c.args, code, stderr, c.code, c.want)
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

// TestPredictPairs: a model of pairs answers for --text with --pair, and for the fields of
// a file.
func TestPredictPairs(t *testing.T) {
	dir := t.TempDir()
	const tokenizer = `{"pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 2]},
		"model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "red": 3, "car": 4}}}`
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const pairs = "text\tother\ttopic\nred\tcar\tx\ncar\tred\ty\n"
	write("tokenizer.json", tokenizer)
	data := write("d.tsv", strings.Repeat(pairs, 1)+"red car\tcar\tx\ncar\tcar\ty\n")
	recipe := write("r.yaml", fmt.Sprintf(`
data: {train: {format: tsv, file: %q}}
inputs: {text: {type: text, tokenizer: subword, special_tokens: true, file: %q, pair: other}}
trunk: {type: bag, embedding: 4}
tasks: {topic: {type: classification}}
train: {epochs: 1}
`, data, filepath.Join(dir, "tokenizer.json")))
	model := filepath.Join(dir, "m.onnx")
	for _, args := range [][]string{
		{"train", recipe, "--engine", "gonum", "--out", filepath.Join(dir, "run")},
		{"export", filepath.Join(dir, "run"), "-o", model, "--engine", "gonum"},
	} {
		if code, _, stderr := command(t, args...); code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, stderr)
		}
	}
	var want string
	for _, args := range [][]string{
		{"--text", "red", "--pair", "car", "--text", "car", "--pair", "red"},
		{write("in.tsv", pairs)},
		{write("in.csv", strings.ReplaceAll(pairs, "\t", ","))},
		{write("in.jsonl", `{"text": "red", "other": "car"}`+"\n"+`{"text": "car", "other": "red"}`+"\n")},
	} {
		code, stdout, stderr := command(t, append([]string{"predict", model, "--json", "--engine", "gonum"}, args...)...)
		if code != 0 || !strings.Contains(stdout, `{"text":"red","pair":"car","tokens":[`) || strings.Count(stdout, "\n") != 2 {
			t.Fatalf("%v: exit %d: %s%s", args, code, stdout, stderr)
		}
		if want == "" {
			want = stdout
		} else if stdout != want {
			t.Errorf("%v: %s, want %s", args, stdout, want)
		}
	}
	code, stdout, _ := command(t, "predict", model, "--text", "red", "--pair", "car", "--engine", "gonum")
	if code != 0 || !strings.HasPrefix(stdout, "red\n+ car\n  topic ") {
		t.Errorf("exit %d: %s", code, stdout)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--text", "red"}, "predict: the model reads two texts, text and other; give both, with PredictPairs or --pair"},
		{[]string{write("one.csv", "text\nred\n")}, `there is no text "other"; the model reads the texts text and other`},
	} {
		if code, _, stderr := command(t, append([]string{"predict", model, "--engine", "gonum"}, c.args...)...); code != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit %d: %s, want %s", c.args, code, stderr, c.want)
		}
	}
}
