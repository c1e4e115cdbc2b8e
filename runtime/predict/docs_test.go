package predict_test

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"espalier/export"
	"espalier/models"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// blocks returns the Go programs in a page, and those among them that hold a
// mark.
func blocks(t *testing.T, page, mark string) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", page))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(content), -1) {
		if strings.Contains(m[1], mark) {
			out = append(out, m[1])
		}
	}
	return out
}

// program makes a program of statements, with the packages they use.
func program(t *testing.T, statements string) string {
	t.Helper()
	var imports strings.Builder
	for _, from := range []string{
		"context", "espalier/runtime", "espalier/runtime/gonum", "espalier/runtime/ort", "espalier/runtime/predict", "espalier/schema", "espalier/tensor", "fmt",
	} {
		name := path.Base(from)
		if regexp.MustCompile(`\b` + name + `\.`).MatchString(regexp.MustCompile(`//.*`).ReplaceAllString(statements, "")) {
			fmt.Fprintf(&imports, "\t%q\n", from)
		}
	}
	file := filepath.Join(t.TempDir(), "main.go")
	source := "package main\n\nimport (\n" + imports.String() + ")\n\nfunc main() {\n" + statements + "\n}\n"
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestTheFiveLinesAnswer: the program in the README, and on the page about
// running, prints the answers of a file of that name.
func TestTheFiveLinesAnswer(t *testing.T) {
	ortEngine(t)
	dir := t.TempDir()
	writeSnips(t, filepath.Join(dir, "snips.onnx"))
	seen := map[string]bool{}
	for _, page := range []string{"README.md", "docs/runtime.md"} {
		found := blocks(t, page, `predict.Open("snips.onnx"`)
		if len(found) != 1 {
			t.Fatalf("%s has %d such programs", page, len(found))
		}
		if seen[found[0]] {
			continue
		}
		seen[found[0]] = true
		binary := filepath.Join(dir, "program")
		build := exec.Command("go", "build", "-o", binary, program(t, "ctx := context.Background()\n"+found[0]+"\n_ = err"))
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", page, err, out)
		}
		run := exec.Command(binary)
		run.Dir = dir
		out, err := run.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "PlayMusic [{artist miles davis 18 29 18 29 4 5}]") {
			t.Errorf("%s: %v\n%s", page, err, out)
		}
	}
}

// TestProgramsOnPagesCompile: all that the five lines are not. The README's
// example is the one that runs as a test.
func TestProgramsOnPagesCompile(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join("..", "..", "example_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, filepath.Join("..", "..", "README.md")) {
		page, err = filepath.Rel(filepath.Join("..", ".."), page)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks(t, page, "") {
			statements := ""
			switch {
			case strings.Contains(b, `predict.Open("snips.onnx"`):
				continue // run by the test above
			case strings.HasPrefix(b, "func Example"):
				if !strings.Contains(string(example), b) {
					t.Errorf("%s has another example than example_test.go", page)
				}
				continue
			case strings.Contains(b, `"iris.onnx"`):
				statements = "var engine runtime.Engine\n" + b + "\n_, _ = p, err"
			case strings.Contains(b, `"two_heads.onnx"`):
				statements = "var engine runtime.Engine\nctx := context.Background()\n" + b + "\n_ = err"
			case strings.HasPrefix(b, "runtime.Options{"):
				statements = "_ = " + b
			case strings.Contains(b, "p.Predict"):
				statements = "var p *predict.Predictor\nctx := context.Background()\n" + b + "\n_, _ = answers, err"
			default:
				t.Errorf("%s has a program that no test compiles:\n%s", page, b)
				continue
			}
			if out, err := exec.Command("go", "vet", program(t, statements)).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s\n%s", page, err, b, out)
			}
		}
	}
}

// writeSnips writes a file that knows one artist.
func writeSnips(t *testing.T, path string) {
	t.Helper()
	counter := text.NewCounter()
	counter.Add("miles")
	counter.Add("davis")
	words := counter.Build(1, 0) // davis 2, miles 3
	m, err := models.NewText(&schema.Schema{
		Version: schema.Version, Name: "snips",
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: models.IDs, VocabularySize: words.Size()}},
		Tasks: []schema.Task{
			{Name: "intent", Type: schema.Classification, Labels: []string{"GetWeather", "PlayMusic", "RateBook"}},
			{Name: "slots", Type: schema.Tagging, Scheme: "bio", Labels: []string{"O", "B-artist", "I-artist"}},
		},
	}, models.Config{Trunk: models.TrunkConfig{Type: "bag", Embedding: 3}})
	if err != nil {
		t.Fatal(err)
	}
	of := func(shape []int64, x ...float32) *tensor.Tensor { return tensor.Must(tensor.Of(x, shape...)) }
	file, err := export.Model(m, map[string]*tensor.Tensor{
		"trunk/embedding/table":     of([]int64{4, 3}, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0),
		"head/intent/logits/weight": of([]int64{3, 3}, 0, 1, 0, 0, 1, 0, 0, 1, 0),
		"head/intent/logits/bias":   of([]int64{3}, 0, 0, 0),
		"head/slots/logits/weight":  of([]int64{3, 3}, 9, 0, 0, 0, 9, 0, 0, 0, 9),
		"head/slots/logits/bias":    of([]int64{3}, 0, 0, 0),
	}, words, export.Options{})
	if err == nil {
		err = export.Write(path, file)
	}
	if err != nil {
		t.Fatal(err)
	}
}
