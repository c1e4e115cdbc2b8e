package export

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"espalier/builder"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// tokenizers are the settings that a graph has to follow.
var tokenizers = map[string]schema.Input{
	"whitespace":        {Tokenizer: "whitespace"},
	"lower":             {Tokenizer: "whitespace", Lowercase: true},
	"characters":        {Tokenizer: "whitespace", Characters: &schema.Characters{MaxLength: 12}},
	"lower, characters": {Tokenizer: "whitespace", Lowercase: true, MaxLength: 30, Characters: &schema.Characters{MaxLength: 12}},
	"words and signs":   {Tokenizer: "regex", Pattern: `\w+|[^\w\s]`, Lowercase: true},
	"whole words":       {Tokenizer: "regex", Pattern: text.WholeWords, Lowercase: true},
	"each character":    {Tokenizer: "characters", MaxLength: 200},
	"lower character":   {Tokenizer: "characters", Lowercase: true, MaxLength: 300, Characters: &schema.Characters{MaxLength: 4}},
	"alternatives":      {Tokenizer: "regex", Pattern: `a|ab|abc|\d+(?:[.,]\d+)*|\p{L}+`},
}

// reader compares the front of a graph with package text.
type reader struct {
	sessions   map[string]runtime.Session // by engine
	in         schema.Input
	tokenizer  *text.Tokenizer
	vocabulary *text.Vocabulary
	characters *text.Characters
}

func newReader(t testing.TB, in schema.Input, corpus []string) *reader {
	t.Helper()
	tokenizer, err := text.NewTokenizer(in.Tokenizer, text.Options{Pattern: in.Pattern, Lowercase: in.Lowercase})
	if err != nil {
		t.Fatal(err)
	}
	words, forms := text.NewCounter(), text.NewCounter()
	for _, s := range corpus {
		for _, tok := range tokenizer.Tokenize(nil, s) {
			words.Add(tok.Text)
			forms.Add(s[tok.Start:tok.End])
		}
	}
	r := &reader{in: in, tokenizer: tokenizer, vocabulary: words.Build(1, 50000)}
	if in.Characters != nil {
		own := *in.Characters
		own.Alphabet = forms.Alphabet(2)
		r.in.Characters = &own
		r.characters = text.NewCharacters(own.Alphabet, own.MaxLength)
	}
	f := &textFront{in: &r.in, vocabulary: r.vocabulary}
	g := builder.New("front", builder.Options{})
	made, err := f.build(g)
	if err != nil {
		t.Fatal(err)
	}
	outputs := []builder.Output{{Name: "ids", Value: made.IDs}, {Name: "tokens", Value: f.tokens}}
	if made.Characters != nil {
		outputs = append(outputs, builder.Output{Name: "characters", Value: made.Characters})
	}
	e, err := g.Emit(builder.Emission{Outputs: outputs})
	if err != nil {
		t.Fatal(err)
	}
	content, err := onnx.Encode(e.Model)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r.sessions = map[string]runtime.Session{}
	for _, e := range []runtime.Engine{engine, gonum.New()} {
		s, err := e.Open(content, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		r.sessions[e.Name()] = s
	}
	return r
}

// compare reports the first text that the graph reads in another way than
// package text does, on either engine.
func (r *reader) compare(t testing.TB, texts []string) {
	t.Helper()
	for engine, s := range r.sessions {
		r.compareOn(t, engine, s, texts)
	}
}

func (r *reader) compareOn(t testing.TB, engine string, session runtime.Session, texts []string) {
	t.Helper()
	in := []runtime.Named{{Name: TextInput, Tensor: tensor.Must(tensor.Of(texts, int64(len(texts))))}}
	out := []runtime.Named{{Name: "ids"}, {Name: "tokens"}}
	if r.characters != nil {
		out = append(out, runtime.Named{Name: "characters"})
	}
	if err := session.Run(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	ids, tokens := out[0].Tensor.Int64s(), out[1].Tensor.Strings()
	length := int(out[0].Tensor.Shape()[1])
	longest := 1
	words := make([][][]int64, len(texts))
	for i, s := range texts {
		row := r.tokenizer.Tokenize(nil, s)
		if limit := r.in.MaxLength; limit > 0 && len(row) > limit {
			row = row[:limit]
		}
		longest = max(longest, len(row))
		if len(row) > length {
			t.Fatalf("%s: %q: %d tokens, the graph has room for %d", engine, s, len(row), length)
		}
		for j := range length {
			id, form := int64(text.Padding), ""
			if j < len(row) {
				id, form = r.vocabulary.ID(row[j].Text), s[row[j].Start:row[j].End]
				if r.characters != nil {
					words[i] = append(words[i], r.characters.IDs(nil, form))
				}
			}
			if tokens[i*length+j] != form || ids[i*length+j] != id {
				t.Fatalf("%s: %q, token %d: the graph has %q, id %d; want %q, id %d", engine, s, j, tokens[i*length+j], ids[i*length+j], form, id)
			}
		}
	}
	if length != longest {
		t.Fatalf("%s: the graph makes rows of %d tokens, the longest text has %d", engine, length, longest)
	}
	if r.characters == nil {
		return
	}
	want, width := text.PadCharacters(nil, words, length)
	got := out[2].Tensor.Int64s()
	wide := int(out[2].Tensor.Shape()[2])
	for i := range len(texts) * length {
		for k := range wide {
			expected := int64(text.Padding)
			if k < width {
				expected = want[i*width+k]
			}
			if got[i*wide+k] != expected {
				t.Fatalf("%s: %q: character %d of %q is %d, want %d", engine, texts[i/length], k, tokens[i], got[i*wide+k], expected)
			}
		}
	}
}

// corpus returns the lines of every data set, each a text as good as any.
func corpus(t testing.TB) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir("../../shared/data", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "census") || strings.Contains(path, "enb2012") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".gz") {
			z, err := gzip.NewReader(bytes.NewReader(content))
			if err != nil {
				return err
			}
			if content, err = io.ReadAll(z); err != nil {
				return err
			}
		}
		s := bufio.NewScanner(bytes.NewReader(content))
		s.Buffer(nil, 1<<26)
		for s.Scan() {
			line := s.Text()
			if len(line) > 1<<16 {
				continue // a whole JSON file in a line
			}
			if !utf8.ValidString(line) {
				var b strings.Builder
				for _, c := range []byte(line) {
					b.WriteRune(rune(c))
				}
				line = b.String()
			}
			lines = append(lines, line)
		}
		return s.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) < 100000 {
		t.Fatalf("only %d lines were found in the data sets", len(lines))
	}
	return lines
}

// every makes the test of data sets take each of their 1.3 million lines, which
// takes minutes, in place of one in stride.
var every = flag.Bool("every", false, "compare the tokenizers on every line of the data sets")

func TestGraphTokenizesEveryDataSetAsGoDoes(t *testing.T) {
	all := corpus(t)
	if !*every {
		for i := range len(all) / stride {
			all[i] = all[stride*i]
		}
		all = all[:len(all)/stride]
	}
	t.Logf("%d texts", len(all))
	for name, in := range tokenizers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReader(t, in, all[:len(all)/2])
			for texts := all; len(texts) > 0; {
				n := min(64, len(texts))
				r.compare(t, texts[:n])
				texts = texts[n:]
			}
		})
	}
}

func TestGraphTokenizesEveryCharacterAsGoDoes(t *testing.T) {
	var texts []string
	for r := rune(0); r <= unicode.MaxRune; r += max(1, stride/16) {
		if utf8.ValidRune(r) && r != 0 {
			texts = append(texts, "a"+string(r)+"b"+string(r)+" "+string(r))
		}
	}
	for name, in := range tokenizers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReader(t, in, append(texts[:3000:3000], "ab", "abc", "a"))
			for rest := texts; len(rest) > 0; {
				n := min(4096, len(rest))
				r.compare(t, rest[:n])
				rest = rest[n:]
			}
		})
	}
}

func TestTextsOfNothing(t *testing.T) {
	for name, in := range tokenizers {
		t.Run(name, func(t *testing.T) {
			r := newReader(t, in, []string{"a few words", "AB abc a", "1 2,5 ."})
			for _, texts := range [][]string{{}, {""}, {"", "  \t"}, {"a"}, {"", "a"}, {"\u3000\u00a0"}, {"\U0001F600"}} {
				r.compare(t, texts)
			}
		})
	}
}

func FuzzGraphTokenizesAsGoDoes(f *testing.F) {
	for _, s := range []string{"", "Hello, World", "\u0130stanbul \u1e9e \u03a3\u03c3\u03c2", "a\u0300b \u200b\u2028x", "abc1,5.2 ab", "\U0001F468\u200d\U0001F469"} {
		f.Add(s)
	}
	var readers []*reader
	for _, in := range tokenizers {
		readers = append(readers, newReader(f, in, []string{"hello world istanbul a b c abc ab", "\u00df \u03c3\u03c2 x 1 2 3", "\U0001F468 a\u0300b"}))
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "")
		for _, r := range readers {
			r.compare(t, []string{s, "Hello a", ""})
		}
	})
}
