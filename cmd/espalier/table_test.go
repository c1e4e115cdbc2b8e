package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestATableByTheCommand: train, export, inspect and predict from files of rows.
func TestATableByTheCommand(t *testing.T) {
	table := file(t, "d.csv", "size,kind,good\n1,a,yes\n2,b,no\n3,a,yes\n4,b,no\n")
	recipe := file(t, "table.yaml", "data: {train: {format: csv, file: "+table+"}, valid: {format: csv, file: "+table+"}}\n"+
		"columns: {numeric: [size], categorical: [kind]}\ntasks: {good: {type: classification, metric: log_loss}}\n")
	dir := filepath.Join(t.TempDir(), "run")
	path := filepath.Join(dir, "m.onnx")
	for _, args := range [][]string{
		{"train", recipe, "--out", dir, "--engine", "gonum", "--set", "train.epochs=40", "--set", "train.optimizer.lr=0.03"},
		{"export", dir, "-o", path, "--engine", "gonum"},
	} {
		if code, _, stderr := command(t, args...); code != 0 {
			t.Fatalf("%s: exit %d: %s", args[0], code, stderr)
		}
	}
	if _, stdout, _ := command(t, "inspect", path); !strings.Contains(stdout, "size: numeric, mean 2.5, deviation 1.118\n") ||
		!strings.Contains(stdout, "kind: categorical, 2 values: a, b\n") || !strings.Contains(stdout, "kind string[batch]") {
		t.Errorf("inspect says\n%s", stdout)
	}
	for name, content := range map[string]string{
		"rows.csv": "kind,other,size\n a ,x,1\nb,y,\n", "rows.tsv": "kind\tsize\na\t1\nb\t4\n", "rows.jsonl": "{\"kind\": \"a\", \"size\": 1}\n{\"kind\": \"b\"}\n",
	} {
		code, stdout, stderr := command(t, "predict", path, file(t, name, content), "--engine", "gonum")
		if code != 0 || !strings.Contains(stdout, "row 0\n  good         yes") || !strings.Contains(stdout, "row 1\n  good         no") {
			t.Errorf("%s: exit %d: %s%s", name, code, stdout, stderr)
		}
	}
	for content, want := range map[string]string{
		"kind,size\na,big\n": `rows.csv:2: input "size" is numeric, "big" is not a finite number; leave it empty where it is not known`,
		"kind,weight\na,1\n": `rows.csv:2: there is no column "size", which the model reads; leave its values empty where they are not known`,
	} {
		if code, _, stderr := command(t, "predict", path, file(t, "rows.csv", content), "--engine", "gonum"); code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("exit %d: %s, want %s", code, stderr, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "vocabulary.txt")); err == nil {
		t.Error("a run on a table has a vocabulary")
	}
}

// TestTimesByTheCommand: numbers that float32 has not enough of are shown whole,
// by training, inspect and predict.
func TestTimesByTheCommand(t *testing.T) {
	table := file(t, "d.csv", "since,until\n1700000000,1700000300\n1700000100,1700000200\n1700000200,1700000100\n1700000300,1700000000\n")
	recipe := file(t, "times.yaml", "data: {train: {format: csv, file: "+table+"}, valid: {format: csv, file: "+table+"}}\n"+
		"columns: {numeric: [since]}\ntrunk: {hidden: []}\ntasks: {until: {type: regression}}\n")
	dir := filepath.Join(t.TempDir(), "run")
	path := filepath.Join(dir, "m.onnx")
	code, _, stderr := command(t, "train", recipe, "--out", dir, "--engine", "gonum", "--set", "train.epochs=40", "--set", "train.optimizer.lr=0.1")
	if want := "task until: learned standardised, by the mean 1700000150 and deviation 111.8 of 4 values in training; answered as float64, because float32 rounds such numbers by up to 64\n"; code != 0 || !strings.Contains(stderr, want) {
		t.Fatalf("exit %d: %s, want %s", code, stderr, want)
	}
	if code, _, stderr := command(t, "export", dir, "-o", path, "--engine", "gonum"); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if _, stdout, _ := command(t, "inspect", path); !strings.Contains(stdout, "until: regression, float64, mean 1700000150.0, deviation 111.8\n") ||
		!strings.Contains(stdout, "since: numeric, float64, mean 1700000150.0, deviation 111.8\n") || !strings.Contains(stdout, "since float64[batch]\n") {
		t.Errorf("inspect says\n%s", stdout)
	}
	if _, stdout, _ := command(t, "predict", path, file(t, "rows.csv", "since\n1700000100\n1700000140\n"), "--engine", "gonum"); !regexp.MustCompile(`^row 0\n  until        1700000(19|20)\d\.\d\nrow 1\n  until        1700000(15|16)\d\.\d\n$`).MatchString(stdout) {
		t.Errorf("predict says\n%s", stdout)
	}
	want := `rows.csv:2: input "since" is numeric, "1e39" is beyond 3.4e38, the largest number of float32, in which models compute; give it in a larger unit; leave it empty where it is not known`
	if code, _, stderr := command(t, "predict", path, file(t, "rows.csv", "since\n1e39\n"), "--engine", "gonum"); code == 0 || !strings.Contains(stderr, want) {
		t.Errorf("exit %d: %s, want %s", code, stderr, want)
	}
}
