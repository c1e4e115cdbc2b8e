package subword

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// bare is a file of a small model with the parts that are given.
func bare(parts string) []byte {
	return []byte(`{"version": "1.0", ` + parts + `"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
		"max_input_chars_per_word": 10, "vocab": {"[UNK]": 0, "[CLS]": 1, "play": 2, "##ing": 3, "##s": 4, "it": 5}}}`)
}

func TestEncode(t *testing.T) {
	tok, err := Read(bare(`"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "WhitespaceSplit"},
		"added_tokens": [{"id": 6, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": true, "normalized": false, "special": true}],
		"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
		"pair": [], "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]}}},`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Piece{{ID: 1, Start: 0, End: 0, Special: true}, {ID: 2, Start: 0, End: 4}, {ID: 3, Start: 4, End: 7}, {ID: 6, Start: 8, End: 12}, {ID: 5, Start: 12, End: 14}, {ID: 0, Start: 15, End: 24}}
	for range 2 { // the second time from the cache
		if diff := cmp.Diff(want, tok.Encode(nil, "Playing <x> IT playsplay", true)); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff(want[1:3], tok.Encode(nil, "playing", false)); diff != "" {
		t.Error(diff)
	}
	if id, ok := tok.Unknown(); id != 0 || !ok || tok.Size() != 7 || tok.Word(6) != "<x>" || tok.Word(7) != "" || tok.Word(-1) != "" {
		t.Error("the vocabulary is another")
	}
	// A byte that is no UTF-8 is a character of its own.
	if diff := cmp.Diff([]Piece{{ID: 2, Start: 0, End: 4}, {ID: 0, Start: 5, End: 6}, {ID: 5, Start: 7, End: 9}}, tok.Encode(nil, "play \xff it", false)); diff != "" {
		t.Error(diff)
	}
}

func TestMessages(t *testing.T) {
	model := func(s string) []byte { return []byte(`{"model": ` + s + `}`) }
	for _, c := range []struct {
		content []byte
		want    string
	}{
		{[]byte("{"), "tokenizer.json: unexpected end of JSON input"},
		{[]byte("{}"), "tokenizer.json: model: there is none; is this a tokenizer.json of Hugging Face's tokenizers?"},
		{[]byte(`{"version": "2.0"}`), `tokenizer.json: version "2.0" is not 1.0, the one that is known`},
		{model(`{"type": "Markov"}`), `tokenizer.json: model: type "Markov" is not one of BPE, WordPiece, Unigram, WordLevel`},
		{model(`{"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "u"}`), `tokenizer.json: model: WordLevel: unk_token "u" is not in the vocabulary`},
		{model(`{"type": "WordLevel", "vocab": {}, "unk_token": "u"}`), `tokenizer.json: model: WordLevel: the vocabulary is empty`},
		{model(`{"type": "WordLevel", "vocab": {"a": 9000000}, "unk_token": "a"}`), `tokenizer.json: model: WordLevel: token "a" has id 9000000 in a vocabulary of 1`},
		{model(`{"type": "WordLevel", "vocab": {"a": 1, "b": 1}, "unk_token": "a"}`), `tokenizer.json: model: WordLevel: two tokens have id 1`},
		{model(`{"type": "Unigram", "vocab": [["a", 0.1]]}`), `tokenizer.json: model: Unigram: unk_id is missing or outside of the vocabulary; characters that it lacks would have no id`},
		{model(`{"type": "Unigram", "unk_id": 0, "vocab": [["a", 0.1], ["a", 1]]}`), `tokenizer.json: model: Unigram: piece "a" stands twice`},
		{model(`{"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}`), `tokenizer.json: model: BPE: merge "a" is not two pieces with a space between them`},
		{model(`{"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]}`), `tokenizer.json: model: BPE: what a merge makes, "aa" is not in the vocabulary`},
		{model(`{"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1}`), `tokenizer.json: model: BPE: dropout is 0.1, which gives a text other pieces every time; set it to null`},
		{model(`{"type": "BPE", "vocab": {"a": 0}, "merges": [], "magic": 1}`), `tokenizer.json: model: BPE: json: unknown field "magic"`},
		{bare(`"normalizer": {"type": "Sequence", "normalizers": [{"type": "Cyrillic"}]},`), `tokenizer.json: normalizer: Cyrillic: the type is not one of NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Nmt, ByteLevel, Prepend, Replace, BertNormalizer, Precompiled, Sequence`},
		{bare(`"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAA="},`), `tokenizer.json: normalizer: Precompiled: precompiled_charsmap has 2 bytes, which is no table`},
		{bare(`"normalizer": {"type": "Replace", "pattern": {"Regex": "a(?=b)"}, "content": ""},`), "tokenizer.json: normalizer: Replace: pattern \"a(?=b)\": error parsing regexp: invalid or unsupported Perl syntax: `(?=`; look-around, back-references and possessive repetition are not supported"},
		{bare(`"pre_tokenizer": {"type": "UnicodeScripts"},`), `tokenizer.json: pre_tokenizer: UnicodeScripts: the type is not one of Whitespace, WhitespaceSplit, BertPreTokenizer, ByteLevel, Metaspace, Punctuation, Digits, Split, CharDelimiterSplit, Sequence`},
		{bare(`"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\bx"}, "behavior": "Isolated"},`), `tokenizer.json: pre_tokenizer: Split: pattern "\\bx": \b is not supported`},
		{bare(`"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "^a[^b^]"}, "behavior": "Isolated"},`), `tokenizer.json: pre_tokenizer: Split: pattern "^a[^b^]": ^ outside of a class is not supported`},
		{bare(`"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?m:a)"}, "behavior": "Isolated"},`), `tokenizer.json: pre_tokenizer: Split: pattern "(?m:a)": (?m is not supported`},
		{bare(`"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a-z&&b]"}, "behavior": "Isolated"},`), `tokenizer.json: pre_tokenizer: Split: pattern "[a-z&&b]": && is not supported`},
		{bare(`"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[[:alpha:]]"}, "behavior": "Isolated"},`), `tokenizer.json: pre_tokenizer: Split: pattern "[[:alpha:]]": a class inside a class is not supported`},
		{bare(`"pre_tokenizer": {"type": "Metaspace", "replacement": "__"},`), `tokenizer.json: pre_tokenizer: Metaspace: replacement "__" is not one character`},
		{bare(`"pre_tokenizer": {"type": "Punctuation", "behavior": "Eaten"},`), `tokenizer.json: pre_tokenizer: Punctuation: behavior "Eaten" is not known`},
		{bare(`"post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 1]},`), `tokenizer.json: post_processor: BertProcessing: special token "[SEP]" with id 3 is not in the vocabulary`},
		{bare(`"post_processor": {"type": "Parity"},`), `tokenizer.json: post_processor: Parity: the type is not one of TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence`},
		{bare(`"added_tokens": [{"id": 2, "content": "<x>"}],`), `tokenizer.json: added_tokens: tokens "play" and "<x>" have one id, 2`},
		{bare(`"added_tokens": [{"id": 9, "content": "play"}],`), `tokenizer.json: added_tokens: token "play" has id 9, and 2 in the vocabulary`},
		{bare(`"normalizer": ` + strings.Repeat(`{"type": "Sequence", "normalizers": [`, 12) + strings.Repeat(`]}`, 12) + `,`), `tokenizer.json: normalizer: more than 64 steps, or sequences in more than 8 sequences`},
	} {
		if _, err := Read(c.content); err == nil || err.Error() != c.want {
			t.Errorf("%.80s:\n got %v\nwant %s", c.content, err, c.want)
		}
	}
}

// The oracle are the pieces that can be tried one by one.
func TestUnigramFindsTheMostLikelyPieces(t *testing.T) {
	words := []string{"<unk>", "a", "b", "ab", "ba", "aba", "bb"}
	m := &unigram{scores: []float64{0, -2, -2.5, -3.1, -3.9, -5.05, -4.2}}
	m.pieces, m.least = newTrie(words, []int32{0, 1, 2, 3, 4, 5, 6}), leastScore(m.scores)
	var best func(s string) float64
	best = func(s string) float64 {
		if s == "" {
			return 0
		}
		top := m.least + best(s[1:])
		for id, w := range words[1:] {
			if rest, ok := strings.CutPrefix(s, w); ok {
				top = max(top, m.scores[id+1]+best(rest))
			}
		}
		return top
	}
	for n := range 1 << 9 {
		s := ""
		for i := range 9 {
			s += string("abc"[(n>>i&1)+n%7/6])
		}
		sum := 0.0
		for _, p := range m.tokenize(nil, s) {
			if p.id == m.unknown {
				sum += m.least * float64(p.end-p.start)
			} else {
				sum += m.scores[p.id]
			}
		}
		if math.Abs(sum-best(s)) > 1e-9 {
			t.Fatalf("%s: the pieces' score is %v, the best %v", s, sum, best(s))
		}
	}
}

var fuzzFiles = [][]byte{
	bare(""),
	bare(`"normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},`),
	bare(`"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Nmt"}, {"type": "Strip"}, {"type": "StripAccents"}]}, "pre_tokenizer": {"type": "Punctuation"},`),
	bare(`"normalizer": {"type": "Precompiled", "precompiled_charsmap": "CAAAAAAAAAAAAAAAYQA="}, "pre_tokenizer": {"type": "Digits"},`),
	bare(`"normalizer": {"type": "Replace", "pattern": {"Regex": "\\s+|x*"}, "content": "it"}, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\w+|\\s+(?!\\S)|\\s+"}, "behavior": "MergedWithNext"},`),
	[]byte(`{"pre_tokenizer": {"type": "ByteLevel"}, "post_processor": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3}, "merges": ["a b"]}}`),
	[]byte(`{"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}, "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": [["<unk>", 0], ["▁", -1], ["a", -2], ["▁a", -2.5], ["<0x41>", -9]]},
		"added_tokens": [{"id": 5, "content": "é", "normalized": true, "lstrip": true, "rstrip": true, "single_word": true}]}`),
	[]byte(`{"model": {"type": "BPE", "unk_token": "u", "fuse_unk": true, "byte_fallback": true, "end_of_word_suffix": "</w>", "continuing_subword_prefix": "##", "vocab": {"u": 0, "a": 1, "##a": 2, "aa": 3, "<0x62>": 4}, "merges": [["a", "##a"]]}}`),
}

// What is read never fails and gives offsets of whole characters in order of
// their starts.
func FuzzReadAndEncode(f *testing.F) {
	for _, file := range fuzzFiles {
		f.Add(file, "Playing it, a\u0301\u0323 \u1ea5 \xff x  ab\u4e2d\u6587 123 \U0001F468\u200d\U0001F469 éa")
		f.Add(file, " \t a  ")
	}
	f.Fuzz(func(t *testing.T, content []byte, s string) {
		if len(content) > 1<<14 || len(s) > 1<<10 {
			return
		}
		tok, err := Read(content)
		if err != nil {
			return
		}
		check(t, tok, s)
	})
}

func check(t *testing.T, tok *Tokenizer, s string) {
	t.Helper()
	first := tok.Encode(nil, s, true)
	for _, p := range first {
		switch {
		case p.ID < 0 || p.ID >= tok.Size():
			t.Fatalf("%q: id %d of %d", s, p.ID, tok.Size())
		case p.Start < 0 || p.End > len(s) || p.Start > p.End:
			t.Fatalf("%q: offsets %d to %d", s, p.Start, p.End)
		case utf8.ValidString(s) && (!utf8.ValidString(s[p.Start:p.End])):
			t.Fatalf("%q: offsets %d to %d cut a character", s, p.Start, p.End)
		}
	}
	if diff := cmp.Diff(first, tok.Encode(nil, s, true)); diff != "" {
		t.Fatalf("%q: the second time it is another: %s", s, diff)
	}
}

func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "Playing it", "a\u0301\u0323 \u1ea5 \xff x  ab\u4e2d\u6587", "\U0001F468\u200d\U0001F469 \u1100\u1161\u11a8 \ufb01", strings.Repeat("ab", 300)} {
		f.Add(s)
	}
	var all []*Tokenizer
	for _, content := range fuzzFiles {
		tok, err := Read(content)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, tok)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, tok := range all {
			check(t, tok, s)
		}
	})
}

// A long word without a space takes time in proportion to its length.
func TestLongWords(t *testing.T) {
	for _, content := range fuzzFiles {
		tok, err := Read(content)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{strings.Repeat("a", 1<<15), strings.Repeat("ab ", 1<<13), strings.Repeat("\u0301", 1<<13)} {
			tok.Encode(nil, s, true)
		}
	}
}
