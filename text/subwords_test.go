package text

import (
	"strconv"
	"strings"
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

// ownFile is a tokenizer.json whose padding and unknown tokens have ids in the middle,
// and whose id 6 has no token.
const ownFile = `{"padding": {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": null, "pad_id": 4, "pad_type_id": 0, "pad_token": "<pad>"},
	"pre_tokenizer": {"type": "WhitespaceSplit"}, "added_tokens": [
		{"id": 2, "content": "<unk>", "special": true}, {"id": 4, "content": "<pad>", "special": true}, {"id": 7, "content": "jazz"}],
	"model": {"type": "BPE", "merges": ["a b"], "vocab": {"a": 0, "b": 1, "<unk>": 2, "ab": 3, "<pad>": 4, "c": 5}}}`

func TestOwnIDs(t *testing.T) {
	v, err := ReadOwnIDs([]byte(piecesFile), 7)
	if err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]int64{"[CLS]": 0, "[UNK]": 2, "play": 3, "##ing": 4, "\n": 6, "<unk>": 7, "nowhere": 2, "": 2} {
		if got := v.ID(word); got != want {
			t.Errorf("ID(%q) = %d, want %d", word, got, want)
		}
	}
	if w, ok := v.Word(3); w != "play" || !ok || v.Size() != 8 || v.Padding() != 7 || v.Unknown() != 2 || !v.OwnIDs() {
		t.Errorf("word 3 is %q of %d, padding %d, unknown %d", w, v.Size(), v.Padding(), v.Unknown())
	}
	// The file's padding is heard first, and an unknown token that only the added
	// tokens have is one.
	if v, err = ReadOwnIDs([]byte(ownFile), 0); err != nil {
		t.Fatal(err)
	}
	if v.Padding() != 4 || v.Unknown() != 2 || v.ID("jazz") != 7 || v.ID("nowhere") != 2 || v.Size() != 8 || !v.IsSpecial(4) || v.IsSpecial(7) || v.IsSpecial(0) {
		t.Errorf("padding %d, unknown %d", v.Padding(), v.Unknown())
	}
	// There may be neither.
	none := `{"model": {"type": "BPE", "merges": [], "vocab": {"a": 0, "b": 1}}}`
	if v, err = ReadOwnIDs([]byte(none), -1); err != nil || v.Padding() != -1 || v.Unknown() != -1 || v.ID("b") != 1 || v.ID("c") != 0 {
		t.Errorf("%v", err)
	}
	// All other vocabularies have the ids they had.
	for _, v := range []*Vocabulary{subwords(t), count("a").Build(1, 0)} {
		if v.Padding() != Padding || v.Unknown() != Unknown || v.OwnIDs() {
			t.Errorf("padding %d, unknown %d", v.Padding(), v.Unknown())
		}
	}
	if v := subwords(t); v.IsSpecial(2) || count("a").Build(1, 0).IsSpecial(1) {
		t.Error("a token is special that no file calls so")
	}
}

func TestOwnIDsComeBack(t *testing.T) {
	v, err := ReadOwnIDs([]byte(piecesFile), 7)
	if err != nil {
		t.Fatal(err)
	}
	z, err := v.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Stored{Tokenizer: Subword, OwnIDs: true, Padding: 7}.Unfold(z, v.Hash())
	if err != nil || again.Padding() != 7 || again.ID("play") != 3 || lines(t, again) != piecesFile {
		t.Errorf("%v", err)
	}
}

func TestOwnIDsMessages(t *testing.T) {
	for _, c := range []struct {
		content string
		padding int64
		want    string
	}{
		{piecesFile, 8, "tokenizer.json: the padding token has id 8, outside of the vocabulary's 8 ids"},
		{piecesFile, -2, "tokenizer.json: the padding token has id -2, outside of the vocabulary's 8 ids"},
		{`{"padding": {"pad_id": 1}, "model": {"type": "BPE", "merges": [], "vocab": {"a": 0}}}`, 0, "tokenizer.json: padding: pad_id 1 is outside of the vocabulary's 1 ids"},
		{"{}", 0, "tokenizer.json: model: there is none; is this a tokenizer.json of Hugging Face's tokenizers?"},
	} {
		if _, err := ReadOwnIDs([]byte(c.content), c.padding); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	want := "tokenizer.json: its padding token has id 4, the model's schema says 1; the two do not belong together"
	if _, err := (Stored{Tokenizer: Subword, OwnIDs: true, Padding: 1}).Read([]byte(ownFile)); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestPieces: what is kept of a text or a pair keeps all special tokens, and the longer
// text is cut first.
func TestPieces(t *testing.T) {
	v := subwords(t)
	for _, c := range []struct {
		pair      bool
		s, second string
		most      int
		want      string
	}{
		{false, "playing jazz", "", 5, "[CLS]0 play0 ##ing0 jazz0 [SEP]0"},
		{false, "playing jazz", "", 4, "[CLS]0 play0 ##ing0 [SEP]0"},
		{false, "playing jazz", "", 2, "[CLS]0 [SEP]0"},
		{false, "playing jazz", "", 1, "[CLS]0"}, // which nothing that checks its settings asks for
		{true, "jazz", "playing jazz", 7, "[CLS]0 jazz0 [SEP]0 play1 ##ing1 jazz1 [SEP]1"},
		{true, "jazz", "playing jazz", 6, "[CLS]0 jazz0 [SEP]0 play1 ##ing1 [SEP]1"},
		{true, "playing jazz", "jazz jazz", 6, "[CLS]0 play0 ##ing0 [SEP]0 jazz1 [SEP]1"},
		{true, "jazz jazz", "playing jazz", 6, "[CLS]0 jazz0 [SEP]0 play1 ##ing1 [SEP]1"},
		{true, "", "", 3, "[CLS]0 [SEP]0 [SEP]1"},
	} {
		tok := tokenizer(t, Subword, Options{Subwords: v, Special: true, Pair: c.pair})
		if n := tok.SpecialTokens(); tok.Pair() != c.pair || n != len(strings.Fields(c.want)) && n > c.most && c.most > 1 {
			t.Errorf("%d special tokens", n)
		}
		for _, scratch := range []*Scratch{nil, {}} {
			pieces, marks := tok.PiecesIn(scratch, nil, nil, c.s, c.second)
			var got []string
			for _, i := range Keep(nil, marks, c.most) {
				got = append(got, pieces[i].Text+strconv.Itoa(int(marks[i].Type())))
				if special := pieces[i].Text[0] == '['; marks[i].Special() != special || !special && marks[i].Second() != (marks[i].Type() == 1) {
					t.Errorf("%q is marked as %b", pieces[i].Text, marks[i])
				}
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("%q and %q in %d: %s, want %s", c.s, c.second, c.most, got, c.want)
			}
		}
	}
}

func TestSubwordsComeBack(t *testing.T) {
	v := subwords(t)
	z, err := v.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Stored{Tokenizer: Subword}.Unfold(z, v.Hash())
	if err != nil {
		t.Fatal(err)
	}
	if string(again.Subwords()) != piecesFile || lines(t, again) != piecesFile || count("a").Build(1, 0).Subwords() != nil {
		t.Error("the file that came back is another")
	}
	if _, err := (Stored{Tokenizer: Subword}).Unfold(z, "00"); err == nil {
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
	other := func(processor string) *Vocabulary {
		t.Helper()
		const bert = `{"type": "BertProcessing", "cls": ["[CLS]", 0], "sep": ["[SEP]", 1]}`
		v, err := ReadSubwords([]byte(strings.Replace(piecesFile, bert, strings.ReplaceAll(processor, "BERT", bert), 1)))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	several := other(`{"type": "Sequence", "processors": [BERT, BERT]}`)
	noPair := other(`{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {}}`)
	for _, c := range []struct {
		opts Options
		want string
	}{
		{Options{}, "text: the subword tokenizer needs a tokenizer.json"},
		{Options{Subwords: count("a").Build(1, 0)}, "text: the subword tokenizer needs a tokenizer.json"},
		{Options{Subwords: v, Pair: true}, "text: a pair of texts needs the special tokens that stand between them; set special_tokens to true"},
		{Options{Subwords: several, Special: true, Pair: true}, "text: the subword tokenizer cannot join two texts: tokenizer.json: post_processor: 2 parts put special tokens around texts, and what that makes of a pair of texts is not known"},
		{Options{Subwords: noPair, Special: true, Pair: true}, "text: the subword tokenizer cannot join two texts: tokenizer.json: post_processor: TemplateProcessing: pair: it has 0 texts in place of 2"},
		{Options{Subwords: v, Lowercase: true}, "text: the subword tokenizer takes no pattern and no lower case; its tokenizer.json says both"},
	} {
		if _, err := NewTokenizer(Subword, c.opts); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func TestPairsOfWords(t *testing.T) {
	want := "text: tokenizer whitespace has no token to put between the texts of a pair; use subword"
	if _, err := NewTokenizer("whitespace", Options{Pair: true}); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
