package data_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"espalier/data"
	"espalier/data/source"
	"espalier/schema"
	"espalier/text"
)

// wordsOf is a vocabulary of words in that order, from id 2 on.
func wordsOf(words ...string) *text.Vocabulary {
	v, err := text.NewCounter().Build(1, 0).With(words)
	if err != nil {
		panic(err)
	}
	return v
}

// inBinary writes word2vec's binary format, as its own tool does with a line
// break behind each vector and as others do without.
func inBinary(header, lineBreak string, words []string, vectors ...[]float32) string {
	var b bytes.Buffer
	b.WriteString(header)
	for i, w := range words {
		b.WriteString(w + " ")
		for _, x := range vectors[i] {
			b.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
		}
		b.WriteString(lineBreak)
	}
	return b.String()
}

func packed(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

func readVectors(name, content string, v *text.Vocabulary, o data.VectorOptions) (*data.Vectors, error) {
	o.FS = fstest.MapFS{name: {Data: []byte(content)}}
	return data.ReadVectors(name, v, o)
}

// TestVectorsOfEveryFormat: each says the same.
func TestVectorsOfEveryFormat(t *testing.T) {
	words := []string{"the", "café", "of"}
	vectors := [][]float32{{0.5, -1, 2e-3}, {1, 2, 3}, {-0.25, 0, 7}}
	const glove = "the 0.5 -1 2e-3\ncafé 1 2 3\nof -0.25 0 7\n"
	want := map[int64][]float32{2: {1, 2, 3}, 4: {0.5, -1, 2e-3}}
	for name, content := range map[string]string{
		"glove.txt":       glove,
		"w2v.txt":         "3 3\n" + glove,
		"cut.txt":         strings.TrimSuffix("3 3\n"+glove, "\n"),
		"tabs.txt":        strings.ReplaceAll(glove, " ", "\t"),
		"crlf.txt":        strings.ReplaceAll(glove, "\n", "\r\n"),
		"fasttext.vec":    "3 3\n" + strings.ReplaceAll(glove, "\n", " \n"), // a space ends its lines
		"w2v.bin":         inBinary("3 3\n", "\n", words, vectors...),
		"gensim.bin":      inBinary("3 3\n", "", words, vectors...),
		"glove.txt.gz":    packed(glove),
		"w2v.bin.gz":      packed(inBinary("3 3\n", "\n", words, vectors...)),
		"other words.txt": ". . . 9 9 9\nat name@host 8 8 8\n" + glove + "\xff\xfe 1 2 3\n",
	} {
		// The file may begin with a word of more fields only behind a header.
		if name == "other words.txt" {
			content = "6 3\n" + content
		}
		got, err := readVectors(name, content, wordsOf("café", "missing", "the"), data.VectorOptions{Dim: 3})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got.Rows); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if got.Exact != 2 || got.Lowered != 0 || got.Words != 3 || got.File != name {
			t.Errorf("%s: found %d and %d of %d", name, got.Exact, got.Lowered, got.Words)
		}
	}
}

// TestVectorsByCase: exactly, or else lower-cased, wherever the two stand in
// the file; the first of equal lines counts; the unknown word may have one.
func TestVectorsByCase(t *testing.T) {
	const content = "paris 1\nROME 2\nrome 3\nRome 4\nRome 5\nOslo 6\nbern 7\n<unk> 8\nParis 9\n"
	got, err := readVectors("v.txt", content, wordsOf("Paris", "Rome", "oslo", "BERN", "Bern"), data.VectorOptions{Dim: 1, Format: "text"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[int64][]float32{1: {8}, 2: {9}, 3: {4}, 5: {7}, 6: {7}}
	if diff := cmp.Diff(want, got.Rows); diff != "" {
		t.Error(diff)
	}
	if got.Exact != 2 || got.Lowered != 2 || got.Words != 5 {
		t.Errorf("found %d and %d of %d", got.Exact, got.Lowered, got.Words)
	}
}

func TestVectorsThatCannotBe(t *testing.T) {
	two := []string{"a", "b"}
	full := inBinary("2 2\n", "\n", two, []float32{1, 2}, []float32{3, 4})
	for _, c := range []struct{ name, content, format, want string }{
		{"empty.txt", "", "", "empty.txt: there are no vectors"},
		{"wide.txt", "a 1 2 3\n", "", "wide.txt:1: the vectors have 3 numbers and the model's embedding has 2; set trunk.embedding to 3 or take another file"},
		{"wide.vec", "1 300\n", "", "wide.vec:1: the vectors have 300 numbers and the model's embedding has 2; set trunk.embedding to 300 or take another file"},
		{"narrow.txt", "a 1 2\nb 1\n", "", "narrow.txt:2: there are 1 numbers behind the word, not 2"},
		{"blank.txt", "a 1 2\n\nb 1 2\n", "", "blank.txt:2: there are 0 numbers behind the word, not 2"},
		{"more.txt", "a 1 2\nb 1 2\nc 1 2 3\n", "", "more.txt:3: there are more than 2 numbers behind the word"},
		{"word.txt", "a 1 2\nb 1 x\n", "", `word.txt:2: "x" is not a finite number`},
		{"nan.txt", "a 1 2\nb NaN 2\n", "", `nan.txt:2: "NaN" is not a finite number`},
		{"huge.txt", "a 1e99 2\n", "", `huge.txt:1: "1e99" is not a finite number`},
		{"short.vec", "3 2\na 1 2\nb 1 2\n", "", "short.vec:3: the file ends after 2 of the 3 vectors that line 1 announces; it is cut short"},
		{"long.vec", "1 2\na 1 2\nb 1 2\n", "", "long.vec:3: there are more lines than the 1 vectors that line 1 announces"},
		{"line.txt", "a 1 2\n" + strings.Repeat("x", 1<<21), "", "line.txt:2: the line has more than 1048576 bytes"},
		{"none.bin", "a 1 2\n", "binary", "none.bin:1: a binary file begins with a line of two numbers: how many vectors there are, and how many numbers each has"},
		{"cut.bin", full[:len(full)-4], "", "cut.bin:3: the file ends within vector 2 of 2; it is cut short"},
		{"cut.bin", inBinary("3 2\n", "\n", two, []float32{1, 2}, []float32{3, 4}), "", "cut.bin:4: the file ends after 2 of 3 vectors; it is cut short"},
		{"more.bin", full + "c", "", "more.bin:3: there is more than the 2 vectors that line 1 announces"},
		{"nan.bin", inBinary("1 2\n", "", two[:1], []float32{1, float32(math.NaN())}), "", `nan.bin:2: the vector of "a" holds NaN`},
		{"word.bin", "1 2\n" + strings.Repeat("\x01", 1<<17) + " ", "", "word.bin:2: there is no space behind a word's first 65536 bytes; it is no file of word2vec's binary format"},
		{"not.gz", "a 1 2\nb 1 2\n", "", "not.gz: not a gzip file: gzip: invalid header"},
		{"cut.txt.gz", packed("a 1 2\n")[:20], "", "cut.txt.gz:2: unexpected EOF"},
	} {
		_, err := readVectors(c.name, c.content, wordsOf("a"), data.VectorOptions{Dim: 2, Format: c.format})
		var at *source.Error
		if err == nil || err.Error() != c.want || !errors.As(err, &at) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := data.ReadVectors("nowhere.txt", wordsOf("a"), data.VectorOptions{Dim: 2}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestVectorsAddWords: the file's first words that the tokenizer can find join
// the vocabulary, and a text that training never saw is read with them.
func TestVectorsAddWords(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"train.jsonl": `{"text": "good day", "mood": "x"}` + "\n" + `{"text": "bad day", "mood": "y"}` + "\n",
		"test.jsonl":  `{"text": "nice evening rain", "mood": "x"}` + "\n",
		"v.txt":       "day 1\nNice 2\nnice 3\ntwo words 4\nnice 5\nevening 6\nrain 7\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e, err := data.NewEncoder(&schema.Schema{
		Version: schema.Version,
		Inputs:  []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: "whitespace", Lowercase: true}},
		Tasks:   []schema.Task{{Name: "mood", Type: schema.Classification}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.ReadVectors("v.txt", data.VectorOptions{Root: dir, Dim: 1}); err == nil || !strings.Contains(err.Error(), "has not learned a vocabulary yet") {
		t.Errorf("before learning: %v", err)
	}
	if err := e.Learn(source.List{{Format: "jsonl", Root: dir, File: "train.jsonl"}}); err != nil {
		t.Fatal(err)
	}
	v, err := e.ReadVectors("v.txt", data.VectorOptions{Root: dir, Dim: 1, Add: 2})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"nice", "evening"}, v.Added); diff != "" || e.Schema().Inputs[0].VocabularySize != 7 || e.Vocabulary().Size() != 7 {
		t.Errorf("the vocabulary has %d words; added:\n%s", e.Vocabulary().Size(), diff)
	}
	want := map[int64][]float32{e.Vocabulary().ID("day"): {1}, e.Vocabulary().ID("nice"): {3}, e.Vocabulary().ID("evening"): {6}}
	if diff := cmp.Diff(want, v.Rows); diff != "" || v.Exact != 1 || v.Words != 3 {
		t.Errorf("found %d of %d:\n%s", v.Exact, v.Words, diff)
	}
	test, err := e.Encode(source.List{{Format: "jsonl", Root: dir, File: "test.jsonl"}})
	if err != nil {
		t.Fatal(err)
	}
	if test.Stats.Unknown != 1 { // rain was one too many
		t.Errorf("%d words are unknown", test.Stats.Unknown)
	}
}

func FuzzVectors(f *testing.F) {
	for _, seed := range []string{
		"a 1 2\nb 3 4\n", "2 2\na 1 2 \nb 3 4 \n", "a 1\n", "2 2\n", "x y 1 2\n", "999999999999 2\na 1 2",
		inBinary("2 2\n", "\n", []string{"a", "b"}, []float32{1, 2}, []float32{3, 4}), "1 2\n\x00",
	} {
		for _, format := range []string{"auto", "text", "binary"} {
			f.Add(format, seed)
		}
	}
	f.Fuzz(func(t *testing.T, format, content string) {
		v := wordsOf("a", "B", "x y")
		got, err := readVectors("v", content, v, data.VectorOptions{Dim: 2, Format: format, Add: 2})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "v:") {
				t.Fatalf("error %v does not say where", err)
			}
			return
		}
		for id, row := range got.Rows {
			if id < text.Unknown || id >= int64(v.Size()+len(got.Added)) || len(row) != 2 {
				t.Fatalf("id %d has %v", id, row)
			}
			for _, x := range row {
				if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
					t.Fatalf("id %d has %v", id, row)
				}
			}
		}
		// What was read, written again, reads the same.
		var b strings.Builder
		for id := int64(text.Unknown); id < int64(v.Size()); id++ {
			if row := got.Rows[id]; row != nil {
				w, _ := v.Word(id)
				fmt.Fprintf(&b, "%s %v %v\n", w, row[0], row[1])
			}
		}
		if b.Len() == 0 {
			return
		}
		again, err := readVectors("v", fmt.Sprintf("%d 2\n", strings.Count(b.String(), "\n"))+b.String(), v, data.VectorOptions{Dim: 2, Format: "text"})
		if err != nil {
			t.Fatal(err)
		}
		for id := int64(text.Unknown); id < int64(v.Size()); id++ {
			if !cmp.Equal(got.Rows[id], again.Rows[id]) {
				t.Fatalf("id %d: %v, and again %v", id, got.Rows[id], again.Rows[id])
			}
		}
	})
}
