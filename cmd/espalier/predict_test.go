package main

import (
	"encoding/json"
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
