package subword

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// bertFile returns a small tokenizer.json of BERT's kind, changed.
func bertFile(t testing.TB, change func(file map[string]any)) []byte {
	t.Helper()
	file := map[string]any{
		"version": "1.0",
		"added_tokens": []any{
			map[string]any{"id": 1, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
		},
		"normalizer":    map[string]any{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": true},
		"pre_tokenizer": map[string]any{"type": "BertPreTokenizer"},
		"post_processor": map[string]any{
			"type": "BertProcessing", "cls": []any{"[CLS]", 2}, "sep": []any{"[SEP]", 1},
		},
		"model": map[string]any{
			"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 7,
			"vocab": map[string]any{"[UNK]": 0, "[SEP]": 1, "[CLS]": 2, "a": 3, "##b": 4},
		},
	}
	if change != nil {
		change(file)
	}
	content, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestReadWordPieceSaysWhatAFileAsksFor(t *testing.T) {
	w, tok, err := ReadWordPiece(bertFile(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if tok.Size() != 5 || w.Unknown != 0 || w.Longest != 7 || w.Prefix != "##" || !slices.Equal(w.Before, []int{2}) || !slices.Equal(w.After, []int{1}) || !slices.Equal(w.Literals, []Literal{{"[SEP]", 1}}) {
		t.Errorf("%+v", w)
	}
	set := func(part string, value any) func(map[string]any) {
		return func(f map[string]any) { f[part] = value }
	}
	token := func(key string, value any) func(map[string]any) {
		return func(f map[string]any) { f["added_tokens"].([]any)[0].(map[string]any)[key] = value }
	}
	kind := func(kind string) map[string]any { return map[string]any{"type": kind} }
	bert := kind("BertNormalizer")
	for want, change := range map[string]func(map[string]any){
		"": set("normalizer", map[string]any{"type": "Sequence", "normalizers": []any{bert}}),
		"tokenizer.json: the model is WordLevel, not WordPiece":                                           set("model", map[string]any{"type": "WordLevel", "unk_token": "[UNK]", "vocab": map[string]any{"[UNK]": 0, "[SEP]": 1, "[CLS]": 2}}),
		"tokenizer.json: there is no normalizer, it must be BertNormalizer":                               set("normalizer", nil),
		"tokenizer.json: the normalizer is NFC, not BertNormalizer":                                       set("normalizer", kind("NFC")),
		"tokenizer.json: the normalizer is a sequence of 2, not BertNormalizer alone":                     set("normalizer", map[string]any{"type": "Sequence", "normalizers": []any{bert, kind("NFC")}}),
		"tokenizer.json: the pre-tokenizer is Whitespace, not BertPreTokenizer":                           set("pre_tokenizer", kind("Whitespace")),
		`tokenizer.json: added token "[SEP]" is searched for in the normalized text (normalized is true)`: token("normalized", true),
		`tokenizer.json: added token "[SEP]" is found only where it stands alone (single_word is true)`:   token("single_word", true),
		"tokenizer.json: pieces have combining marks of several classes, U+1B44, U+302E, whose order the normalizer changes": func(f map[string]any) {
			vocab := f["model"].(map[string]any)["vocab"].(map[string]any)
			vocab["a\u1b44"], vocab["##\u302e"] = 5, 6
		},
	} {
		_, _, err := ReadWordPiece(bertFile(t, change))
		if got := fmt.Sprint(err); got != want && (err != nil || want != "") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestSpellIsWhatNormalizerAndPreTokenizerDo: for every character and every
// setting the words are those of the steps that Encode takes.
func TestSpellIsWhatNormalizerAndPreTokenizerDo(t *testing.T) {
	options := map[string]any{}
	for _, clean := range []bool{true, false} {
		for _, chinese := range []bool{true, false} {
			for _, accents := range []any{nil, true, false} {
				for _, lower := range []bool{true, false} {
					options[fmt.Sprint(clean, chinese, accents, lower)] = map[string]any{
						"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents, "lowercase": lower,
					}
				}
			}
		}
	}
	for i, name := range slices.Sorted(maps.Keys(options)) {
		w, tok, err := ReadWordPiece(bertFile(t, func(f map[string]any) { f["normalizer"] = options[name] }))
		if err != nil {
			t.Fatal(err)
		}
		// All settings meet the characters of most scripts, one each of the rest;
		// of planes that have nearly none assigned a few do.
		for r := rune(0); r <= unicode.MaxRune; r++ {
			if !utf8.ValidRune(r) || r > 0x3100 && int(r)%len(options) != i || r > 0x32000 && r%31 != 0 {
				continue
			}
			got := strings.FieldsFunc("a"+string(w.Spell(nil, r))+"b", func(r rune) bool { return r == Space })
			p := newPassage(&Scratch{}, "a"+string(r)+"b")
			for _, n := range tok.normalize {
				n(&p)
			}
			parts := []passage{p}
			for _, split := range tok.split {
				var next []passage
				for _, p := range parts {
					next = append(next, split(p)...)
				}
				parts = next
			}
			var want []string
			for _, p := range parts {
				if p.text != "" {
					want = append(want, p.text)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %U: %q, want %q", name, r, got, want)
			}
		}
	}
}
