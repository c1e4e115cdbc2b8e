package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
