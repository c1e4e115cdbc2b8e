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

// encoding is what the Python package says of a text: ids, offsets in characters and,
// where it was asked for them, token types.
type encoding [3][]int

// of returns our account of a text in the same form.
func (t *Tokenizer) of(s string, special bool) encoding {
	return encodingOf(t.Encode(nil, s, special), s, "")
}

// encodingOf is our account of the pieces of a text, or of a pair of texts.
func encodingOf(pieces []Piece, a, b string) (e encoding) {
	first, second := charactersOf(a), charactersOf(b)
	for _, p := range pieces {
		at := first
		if p.Second {
			at = second
		}
		e[0] = append(e[0], p.ID)
		e[1] = append(e[1], at[p.Start], at[p.End])
		e[2] = append(e[2], p.Type)
	}
	return e
}

// charactersOf returns how many characters stand before each byte of a text.
func charactersOf(s string) []int {
	characters := make([]int, len(s)+1)
	n := 0
	for i := range s {
		characters[i] = n
		n++
	}
	characters[len(s)] = n
	return characters
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
	if err != nil || len(files) != 20 {
		t.Fatalf("there are %d tokenizers: %v; is ESPALIER_MINILM set?", len(files), err)
	}
	var cuts [][4]any
	load(t, filepath.Join(dir, "cuts.json"), &cuts)
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
			compareCuts(t, tok, texts, cuts, filepath.Join(dir, name+".cut.json"))
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

// compareCuts holds texts and pairs that are cut to a length against the package.
func compareCuts(t *testing.T, tok *Tokenizer, texts []string, cuts [][4]any, file string) {
	t.Helper()
	var want []encoding
	load(t, file, &want)
	cut := 0
	for i, c := range cuts {
		a, b, special, room := texts[int(c[0].(float64))], "", c[2].(bool), int(c[3].(float64))
		second := int(c[1].(float64))
		var pieces []Piece
		if second >= 0 {
			if err := tok.Pairs(); err != nil {
				t.Fatal(err)
			}
			b = texts[second]
			pieces = tok.EncodePair(nil, a, b, special)
		} else {
			pieces = tok.Encode(nil, a, special)
		}
		if room >= 0 {
			if special {
				room += tok.Added(second >= 0)
			}
			before := len(pieces)
			kept := Keep(nil, pieces, func(p *Piece) (special, second bool) { return p.Special, p.Second }, room)
			for i, from := range kept {
				pieces[i] = pieces[from]
			}
			if pieces = pieces[:len(kept)]; len(pieces) < before {
				cut++
			}
		}
		if got, w := encodingOf(pieces, a, b), want[i]; !slices.Equal(got[0], w[0]) || !slices.Equal(got[1], w[1]) || !slices.Equal(got[2], w[2]) {
			t.Fatalf("%q and %q, special tokens %v, room %d:\n got %s %v\nwant %s %v", a, b, special, room, tok.show(got), got[2], tok.show(w), w[2])
		}
	}
	if cut < len(cuts)/3 {
		t.Errorf("%d of %d were cut", cut, len(cuts))
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
