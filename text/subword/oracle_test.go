package subword

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func load(t testing.TB, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
}

// encoding is what the Python package says of a text: ids, and offsets in
// characters.
type encoding [2][]int

// of returns our account of a text in the same form.
func (t *Tokenizer) of(s string, special bool) encoding {
	var e encoding
	characters := make([]int, len(s)+1)
	n := 0
	for i := range s {
		characters[i] = n
		n++
	}
	characters[len(s)] = n
	for _, p := range t.Encode(nil, s, special) {
		e[0] = append(e[0], p.ID)
		e[1] = append(e[1], characters[p.Start], characters[p.End])
	}
	return e
}

func (t *Tokenizer) show(e encoding) string {
	var b strings.Builder
	for i, id := range e[0] {
		fmt.Fprintf(&b, "%s:%d-%d ", t.Word(id), e[1][2*i], e[1][2*i+1])
	}
	return b.String()
}

// The oracle is Hugging Face's own package: ids and offsets of every text are
// the same. How long both take is reported.
func TestAgreesWithTokenizersOfPython(t *testing.T) {
	python := os.Getenv("ESPALIER_PYTHON")
	if python == "" {
		t.Fatal("ESPALIER_PYTHON is not set: run `make env`, and test with `make test`")
	}
	dir := t.TempDir()
	if out, err := exec.Command(python, "testdata/oracle.py", dir, "../../../shared/data").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var texts []string
	load(t, filepath.Join(dir, "texts.json"), &texts)
	if len(texts) < 14484 {
		t.Fatalf("there are %d texts, fewer than SNIPS has", len(texts))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.encoded.json"))
	if err != nil || len(files) != 19 {
		t.Fatalf("there are %d tokenizers: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".encoded.json")
		t.Run(name, func(t *testing.T) {
			tok := readFile(t, filepath.Join(dir, name+".json"))
			var want struct {
				Seconds float64
				Texts   []encoding
			}
			load(t, file, &want)
			for i, s := range texts {
				got := tok.of(s, i%2 == 1)
				if w := want.Texts[i]; !slices.Equal(got[0], w[0]) || !slices.Equal(got[1], w[1]) {
					t.Fatalf("%q:\n got %s\nwant %s", s, tok.show(got), tok.show(w))
				}
			}
			tok = readFile(t, filepath.Join(dir, name+".json"))
			start := time.Now() //lint:allow clock it is logged
			var pieces []Piece
			for i, s := range texts {
				pieces = tok.Encode(pieces[:0], s, i%2 == 1)
			}
			took := time.Since(start).Seconds() //lint:allow clock it is logged
			t.Logf("%d texts in %.2f s, in %.2f s through Python: %.1f times as fast", len(texts), took, want.Seconds, want.Seconds/took)
		})
	}
}

func readFile(t testing.TB, path string) *Tokenizer {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Read(content)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}
