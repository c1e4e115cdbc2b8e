package text

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pieces is a tokenizer.json whose unknown token is not its first.
const piecesFile = `{"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "WhitespaceSplit"},
	"post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 0], "sep": ["[SEP]", 1]},
	"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
	"vocab": {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2, "play": 3, "##ing": 4, "jazz": 5, "\n": 6, "<unk>": 7}}}`

func subwords(t testing.TB) *Vocabulary {
	t.Helper()
	v, err := ReadSubwords([]byte(piecesFile))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSubwords(t *testing.T) {
	v := subwords(t)
	for word, want := range map[string]int64{"[CLS]": 2, "[UNK]": Unknown, "play": 5, "##ing": 6, "\n": 8, "<unk>": 9, "nowhere": Unknown, "": Unknown} {
		if got := v.ID(word); got != want {
			t.Errorf("ID(%q) = %d, want %d", word, got, want)
		}
	}
	if w, ok := v.Word(5); w != "play" || !ok || v.Size() != 10 {
		t.Errorf("word 5 is %q of %d", w, v.Size())
	}
	tok := tokenizer(t, Subword, Options{Subwords: v})
	want := []Token{{"play", 0, 4}, {"##ing", 4, 7}, {"[UNK]", 9, 11}, {"jazz", 12, 16}}
	got := tok.Tokenize(nil, "PlayIng  é Jazz")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	words := tok.Words(nil, "PlayIng  é Jazz")
	if diff := cmp.Diff([]Token{{"PlayIng", 0, 7}, {"é", 9, 11}, {"Jazz", 12, 16}}, words); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{0, -1, 1, 2}, Begins(nil, got, words)); diff != "" {
		t.Error(diff)
	}
	special := tokenizer(t, Subword, Options{Subwords: v, Special: true}).Tokenize(nil, "jazz")
	if diff := cmp.Diff([]Token{{"[CLS]", 0, 0}, {"jazz", 0, 4}, {"[SEP]", 0, 0}}, special); diff != "" {
		t.Error(diff)
	}
}

func TestSubwordsComeBack(t *testing.T) {
	v := subwords(t)
	z, err := v.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Unfold(Subword, z, v.Hash())
	if err != nil {
		t.Fatal(err)
	}
	if string(again.Subwords()) != piecesFile || lines(t, again) != piecesFile || count("a").Build(1, 0).Subwords() != nil {
		t.Error("the file that came back is another")
	}
	if _, err := Unfold(Subword, z, "00"); err == nil {
		t.Error("a wrong hash is not noticed")
	}
	if _, err := FromCompressed(z, v.Hash()); err == nil {
		t.Error("a tokenizer.json is read as a list of words")
	}
}

func TestBegins(t *testing.T) {
	words := []Token{{Start: 0, End: 2}, {Start: 3, End: 5}, {Start: 6, End: 8}}
	for _, c := range []struct {
		name   string
		pieces [][2]int
		want   []int
	}{
		{"spaces belong to no word", [][2]int{{0, 2}, {2, 3}, {3, 5}, {5, 8}}, []int{0, -1, 1, 2}},
		{"a space in front of a word does", [][2]int{{0, 1}, {1, 2}, {2, 5}, {5, 7}, {7, 8}}, []int{0, -1, 1, 2, -1}},
		{"a piece over two words", [][2]int{{0, 5}, {5, 8}}, []int{0, 2}},
		{"a piece over the end of a word and the next", [][2]int{{0, 1}, {1, 4}, {4, 5}, {6, 8}}, []int{0, 1, -1, 2}},
		{"special tokens", [][2]int{{0, 0}, {0, 2}, {3, 5}, {6, 8}, {0, 0}}, []int{-1, 0, 1, 2, -1}},
		{"a word without a piece", [][2]int{{0, 2}, {6, 8}}, []int{0, 2}},
		{"nothing", nil, []int{}},
	} {
		pieces := make([]Token, len(c.pieces))
		for i, p := range c.pieces {
			pieces[i] = Token{Start: p[0], End: p[1]}
		}
		if diff := cmp.Diff(c.want, Begins([]int{}, pieces, words)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestSubwordMessages(t *testing.T) {
	v := subwords(t)
	for _, c := range []struct {
		opts Options
		want string
	}{
		{Options{}, "text: the subword tokenizer needs a tokenizer.json"},
		{Options{Subwords: count("a").Build(1, 0)}, "text: the subword tokenizer needs a tokenizer.json"},
		{Options{Subwords: v, Lowercase: true}, "text: the subword tokenizer takes no pattern and no lower case; its tokenizer.json says both"},
	} {
		if _, err := NewTokenizer(Subword, c.opts); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
