package text

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func tokenizer(t *testing.T, name string, o Options) *Tokenizer {
	t.Helper()
	tok, err := NewTokenizer(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestTokenize(t *testing.T) {
	for _, c := range []struct {
		name      string
		tokenizer string
		opts      Options
		text      string
		want      []Token
	}{
		{"empty", "whitespace", Options{}, "", nil},
		{"only white space", "whitespace", Options{}, " \t\r\n\u00a0\u2028\u3000", nil},
		{"runs at both ends", "", Options{}, "  play  it ", []Token{{"play", 2, 6}, {"it", 8, 10}}},
		{"a no-break space separates", "whitespace", Options{}, "a\u00a0b", []Token{{"a", 0, 1}, {"b", 3, 4}}},
		{"a zero-width space does not", "whitespace", Options{}, "a\u200bb", []Token{{"a\u200bb", 0, 5}}},
		{
			"offsets are the original's though lower case has other lengths",
			"whitespace",
			Options{Lowercase: true},
			"ȺB İ É",
			[]Token{{"ⱥb", 0, 3}, {"i", 4, 6}, {"é", 7, 9}},
		},
		{"final sigma has no rule of its own", "whitespace", Options{Lowercase: true}, "ΟΔΟΣ", []Token{{"οδοσ", 0, 8}}},
		{
			"each match of a pattern",
			"regex",
			Options{Pattern: `\pL+|[.,]`, Lowercase: true},
			"No, thanks42.",
			[]Token{{"no", 0, 2}, {",", 2, 3}, {"thanks", 4, 10}, {".", 12, 13}},
		},
		{"characters", "characters", Options{Lowercase: true}, "Aé\n \U0001F600", []Token{{"a", 0, 1}, {"é", 1, 3}, {"\n", 3, 4}, {" ", 4, 5}, {"\U0001F600", 5, 9}}},
		{"an accent of its own is a character", "characters", Options{}, "e\u0301", []Token{{"e", 0, 1}, {"\u0301", 1, 3}}},
		{"empty matches are no tokens", "regex", Options{Pattern: `x*`}, "axxb", []Token{{"xx", 1, 3}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := tokenizer(t, c.tokenizer, c.opts).Tokenize(nil, c.text)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTokenizerMessages(t *testing.T) {
	for _, c := range []struct {
		name string
		opts Options
		want string
	}{
		{"words", Options{}, `text: tokenizer "words" is not one of whitespace, regex, characters, subword`},
		{"characters", Options{Pattern: "a"}, "text: the characters tokenizer takes no pattern; use tokenizer regex"},
		{"whitespace", Options{Pattern: "a"}, "text: the whitespace tokenizer takes no pattern; use tokenizer regex"},
		{"regex", Options{}, "text: the regex tokenizer needs a pattern"},
		{"regex", Options{Pattern: "("}, "text: pattern of the regex tokenizer: error parsing regexp: missing closing ): `(`"},
	} {
		if _, err := NewTokenizer(c.name, c.opts); err == nil || err.Error() != c.want {
			t.Errorf("%s %+v: %v, want %s", c.name, c.opts, err, c.want)
		}
	}
}

// The oracle is the definition: fields of strings.FieldsFunc, each character
// lowered by itself, and the offsets pointing at the original.
func FuzzWhitespace(f *testing.F) {
	for _, s := range []string{"", "Play the  SONG", "\u00a0É\u3000x\u200b", "İstanbul ǅ", "bad \xff\xc3 bytes"} {
		f.Add(s)
	}
	plain, err := NewTokenizer("whitespace", Options{})
	if err != nil {
		f.Fatal(err)
	}
	lowered, err := NewTokenizer("whitespace", Options{Lowercase: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := strings.FieldsFunc(s, func(r rune) bool { return unicode.Is(unicode.White_Space, r) })
		got := []string{}
		end := 0
		for _, tok := range plain.Tokenize(nil, s) {
			if tok.Start < end || s[tok.Start:tok.End] != tok.Text {
				t.Fatalf("%+v does not point at itself", tok)
			}
			end = tok.End
			got = append(got, tok.Text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for i, tok := range lowered.Tokenize(nil, s) {
			if w := strings.Map(unicode.ToLower, want[i]); utf8.ValidString(s) && tok.Text != w {
				t.Fatalf("lower case of %q is %q, not %q", want[i], tok.Text, w)
			}
		}
	})
}

// The same expression must take the same pieces wherever RE2 runs, so the
// tokenizer may add nothing of its own to it.
func TestRegexIsGoRegexp(t *testing.T) {
	const pattern, s = `[A-Za-z]+|\d+`, "Wake me at 7 or 07:30, Ada"
	var got []string
	for _, tok := range tokenizer(t, "regex", Options{Pattern: pattern}).Tokenize(nil, s) {
		got = append(got, tok.Text)
	}
	if diff := cmp.Diff(regexp.MustCompile(pattern).FindAllString(s, -1), got); diff != "" {
		t.Error(diff)
	}
}

// The oracle is the range over a string.
func FuzzCharacters(f *testing.F) {
	for _, s := range []string{"", "Play it", "e\u0301\u00e9\U0001F468\u200d\U0001F469", "bad \xff\xc3 bytes"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := tokenizer(t, "characters", Options{}).Tokenize(nil, s)
		n := 0
		for at := range s {
			if n == len(got) || got[n].Start != at || got[n].Text != s[at:got[n].End] {
				t.Fatalf("character %d of %q starts at %d: %+v", n, s, at, got)
			}
			n++
		}
		if n != len(got) {
			t.Fatalf("%q has %d characters, %d tokens", s, n, len(got))
		}
	})
}

func count(words string) *Counter {
	c := NewCounter()
	for _, w := range strings.Fields(words) {
		c.Add(w)
	}
	return c
}

func lines(t *testing.T, v *Vocabulary) string {
	t.Helper()
	var b strings.Builder
	if n, err := v.WriteTo(&b); err != nil || int(n) != b.Len() {
		t.Fatalf("wrote %d of %d bytes: %v", n, b.Len(), err)
	}
	return b.String()
}

func TestVocabulary(t *testing.T) {
	c := count("b a b c a b é z <unk> <unk> <unk> <unk>")
	for _, w := range []string{"two\nlines", "two\nlines", "cr\r", strings.Repeat("x", maxWord+1), "bad\xff"} {
		c.Add(w)
	}
	for _, test := range []struct {
		minCount, maxSize int
		want              string
	}{
		{1, 0, "\n<unk>\nb\na\nc\nz\né\n"},
		{2, 0, "\n<unk>\nb\na\n"},
		{1, 4, "\n<unk>\nb\na\n"},
		{9, 0, "\n<unk>\n"},
		{1, 1, "\n<unk>\n"},
	} {
		if got := lines(t, c.Build(test.minCount, test.maxSize)); got != test.want {
			t.Errorf("Build(%d, %d) = %q, want %q", test.minCount, test.maxSize, got, test.want)
		}
	}
	v := c.Build(1, 0)
	for word, want := range map[string]int64{"b": 2, "a": 3, "é": 6, "nowhere": Unknown, "": Unknown, UnknownWord: Unknown} {
		if got := v.ID(word); got != want {
			t.Errorf("ID(%q) = %d, want %d", word, got, want)
		}
	}
	for id, want := range map[int64]string{0: "", 1: UnknownWord, 2: "b", 6: "é"} {
		if got, ok := v.Word(id); !ok || got != want {
			t.Errorf("Word(%d) = %q, %v, want %q", id, got, ok, want)
		}
	}
	for _, id := range []int64{-1, 7, 1 << 40} {
		if w, ok := v.Word(id); ok {
			t.Errorf("Word(%d) = %q, there is none", id, w)
		}
	}
}

func TestVocabularyComesBack(t *testing.T) {
	v := count("one two two three three three").Build(1, 0)
	again, err := Read(strings.NewReader(lines(t, v)))
	if err != nil {
		t.Fatal(err)
	}
	// printf '\n<unk>\nthree\ntwo\none\n' | sha256sum
	const want = "85f1980697aa36f4e3e700a6e6785b169d697160b7b2dd126fa4a31195cdd7af"
	if v.Hash() != want || again.Hash() != want {
		t.Errorf("hashes %s and %s, want %s", v.Hash(), again.Hash(), want)
	}
	z, err := v.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	if twice, _ := v.Compressed(); twice != z {
		t.Error("the same words are compressed to other bytes")
	}
	unfolded, err := FromCompressed(z, v.Hash())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, unfolded), lines(t, v); got != want {
		t.Errorf("%q came back as %q", want, got)
	}
}

func TestVocabularyMessages(t *testing.T) {
	zip := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
	bomb := zip(strings.Repeat("a\n", maxVocabulary/2+1))
	for _, c := range []struct{ z, want string }{
		{"!", "vocabulary: not base64: illegal base64 data at input byte 0"},
		{"AAAA", "vocabulary: not gzip: unexpected EOF"},
		{zip("\n<unk>\na\n")[:40], "vocabulary: unexpected EOF"},
		{bomb, "vocabulary: it unfolds to more than 67108864 bytes"},
		{zip("x"), "vocabulary: its SHA-256 is 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881, the file says 00; the file is damaged"},
	} {
		if _, err := FromCompressed(c.z, "00"); err == nil || err.Error() != c.want {
			t.Errorf("%.20s: %v, want %s", c.z, err, c.want)
		}
	}
	for _, c := range []struct{ lines, want string }{
		{"", "vocabulary: the first lines must be an empty one and <unk>"},
		{"a\nb\n", "vocabulary: the first lines must be an empty one and <unk>"},
		{"\n<unk>\na\nb\na\n", `vocabulary: line 5: word "a" stands twice`},
		{"\n<unk>\n\n", `vocabulary: line 3: word "" stands twice`},
		{"\n<unk>\n\xff\n", "vocabulary: line 3 is not a word of valid UTF-8"},
		{"\n<unk>\n" + strings.Repeat("x", 3*maxWord), "vocabulary: line 3: bufio.Scanner: token too long"},
	} {
		if _, err := Read(strings.NewReader(c.lines)); err == nil || err.Error() != c.want {
			t.Errorf("%.20q: %v, want %s", c.lines, err, c.want)
		}
	}
}

// What is read is what is written, or it is refused.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"\n<unk>\n", "\n<unk>\na\nb\n", "\n<unk>\r\na\r\n", "\n<unk>\na\na\n", "\n<unk>\n\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := Read(strings.NewReader(s))
		if err != nil {
			return
		}
		again, err := Read(strings.NewReader(lines(t, v)))
		if err != nil || again.Hash() != v.Hash() || again.Size() != v.Size() {
			t.Fatalf("%q changed on its way: %v", s, err)
		}
	})
}
