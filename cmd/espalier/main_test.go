package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
