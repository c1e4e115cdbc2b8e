package subword

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// WordPiece is a tokenizer.json of BERT's kind in parts that tables can hold:
// what becomes of one character does not depend on its neighbours. A text is
// first searched for Literals, the leftmost first. Everything else is spelled
// character by character, and a word is what stands between spaces then. A
// literal is a word of its own.
type WordPiece struct {
	// Unknown is the id of words that cannot be taken apart, and of those of
	// more than Longest characters.
	Unknown, Longest int
	// Prefix stands in front of pieces that do not begin a word.
	Prefix string
	// Before and After are ids of the special tokens around a text.
	Before, After []int
	// Literals are the added tokens, which are found as they stand.
	Literals []Literal

	clean, chinese, accents, lower bool
}

// Literal is an added token.
type Literal struct {
	Content string
	ID      int
}

// ReadWordPiece reads a tokenizer.json whose model is WordPiece, whose
// normalizer is BertNormalizer and whose pre-tokenizer is BertPreTokenizer. Its
// error says what a file has in their place, or what else it asks for that
// depends on more than a character.
func ReadWordPiece(content []byte) (*WordPiece, *Tokenizer, error) {
	t, err := Read(content)
	if err != nil {
		return nil, nil, err
	}
	m, ok := t.model.(*wordPiece)
	if !ok {
		return nil, nil, fmt.Errorf("tokenizer.json: the model is %s, not WordPiece", kindOf(t.model))
	}
	var f struct {
		Added        []addedToken    `json:"added_tokens"`
		Normalizer   json.RawMessage `json:"normalizer"`
		PreTokenizer json.RawMessage `json:"pre_tokenizer"`
		Model        struct {
			Prefix string `json:"continuing_subword_prefix"`
		} `json:"model"`
	}
	if err := json.Unmarshal(content, &f); err != nil {
		return nil, nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	w := &WordPiece{Unknown: t.unknown, Longest: m.longest, Prefix: f.Model.Prefix}
	if err := only("normalizer", "BertNormalizer", "normalizers", f.Normalizer, w.readNormalizer); err != nil {
		return nil, nil, err
	}
	nothing := func(json.RawMessage) error { return nil }
	if err := only("pre-tokenizer", "BertPreTokenizer", "pretokenizers", f.PreTokenizer, nothing); err != nil {
		return nil, nil, err
	}
	if err := w.readLiterals(f.Added); err != nil {
		return nil, nil, err
	}
	if err := w.checkOrder(t.words); err != nil {
		return nil, nil, err
	}
	for i, p := range t.Encode(nil, "a", true) {
		switch {
		case p.Special && len(w.Before) == i:
			w.Before = append(w.Before, p.ID)
		case p.Special:
			w.After = append(w.After, p.ID)
		}
	}
	return w, t, nil
}

// kindOf returns a model's type as a tokenizer.json has it.
func kindOf(m model) string {
	switch m := m.(type) {
	case *bpe:
		return "BPE"
	case *unigram:
		return "Unigram"
	case *wordLevel:
		return "WordLevel"
	case *wordPiece:
		return "WordPiece"
	default:
		return fmt.Sprintf("%T", m)
	}
}

// only reads a component of that type, alone or as the only one of sequences.
func only(what, want, parts string, raw json.RawMessage, read func(json.RawMessage) error) error {
	var c struct {
		Type string `json:"type"`
	}
	for range maxDepth {
		if len(raw) == 0 || string(raw) == "null" {
			return fmt.Errorf("tokenizer.json: there is no %s, it must be %s", what, want)
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return fmt.Errorf("tokenizer.json: %s: %w", what, err)
		}
		if c.Type != "Sequence" {
			break
		}
		var fields map[string]json.RawMessage
		var each []json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			return fmt.Errorf("tokenizer.json: %s: %w", what, err)
		}
		if err := json.Unmarshal(fields[parts], &each); err != nil {
			return fmt.Errorf("tokenizer.json: %s: %w", what, err)
		}
		if len(each) != 1 {
			return fmt.Errorf("tokenizer.json: the %s is a sequence of %d, not %s alone", what, len(each), want)
		}
		raw = each[0]
	}
	if c.Type != want {
		return fmt.Errorf("tokenizer.json: the %s is %s, not %s", what, c.Type, want)
	}
	return read(raw)
}

func (w *WordPiece) readNormalizer(raw json.RawMessage) error {
	var c struct {
		Clean     *bool `json:"clean_text"`
		Chinese   *bool `json:"handle_chinese_chars"`
		Accents   *bool `json:"strip_accents"`
		Lowercase *bool `json:"lowercase"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return fmt.Errorf("tokenizer.json: normalizer: %w", err)
	}
	w.clean, w.chinese, w.lower = isSet(c.Clean, true), isSet(c.Chinese, true), isSet(c.Lowercase, true)
	w.accents = isSet(c.Accents, w.lower)
	return nil
}

func (w *WordPiece) readLiterals(added []addedToken) error {
	for _, a := range added {
		fail := func(why string) error {
			return fmt.Errorf("tokenizer.json: added token %q %s", a.Content, why)
		}
		// White space that lstrip or rstrip takes along separates words anyway.
		switch first, _ := utf8.DecodeRuneInString(a.Content); {
		case a.Normalized:
			return fail("is searched for in the normalized text (normalized is true)")
		case a.SingleWord:
			return fail("is found only where it stands alone (single_word is true)")
		case strings.ContainsFunc(a.Content, unicode.IsSpace):
			return fail("has white space in it")
		case !utf8.ValidString(a.Content) || first == utf8.RuneError:
			return fail("is not valid UTF-8")
		}
		w.Literals = append(w.Literals, Literal{a.Content, a.ID})
	}
	return nil
}

// checkOrder refuses a vocabulary whose pieces tell apart the order of
// combining marks, which decomposition sorts by their classes. All marks of
// category Mn are stripped then. Of others, such as signs of musical notation,
// those that no piece has make a word unknown in any order.
func (w *WordPiece) checkOrder(words []string) error {
	if !w.accents {
		return nil
	}
	marks := map[uint8]rune{}
	for _, word := range words {
		for _, r := range word {
			if c := class(r); c != 0 && !unicode.Is(unicode.Mn, r) {
				marks[c] = r
			}
		}
	}
	if len(marks) < 2 {
		return nil
	}
	var found []string
	for _, r := range marks {
		found = append(found, fmt.Sprintf("%U", r))
	}
	slices.Sort(found)
	return fmt.Errorf("tokenizer.json: pieces have combining marks of several classes, %s, whose order the normalizer changes", strings.Join(found, ", "))
}

// Space is what separates words in what [WordPiece.Spell] returns.
const Space = ' '

// Spell appends what the normalizer and the pre-tokenizer make of a character:
// nothing, or characters of words and Space wherever a word ends. A character
// that is a word of its own, as signs and ideographs are, has a Space on either
// side.
func (w *WordPiece) Spell(dst []rune, r rune) []rune {
	if w.clean {
		if r == 0 || r == utf8.RuneError || isControl(r) {
			return dst
		}
		if unicode.IsSpace(r) {
			return append(dst, Space)
		}
	}
	alone := w.chinese && isIdeograph(r)
	if alone {
		dst = append(dst, Space)
	}
	if w.accents && r >= utf8.RuneSelf {
		for _, d := range norm.NFD.String(string(r)) {
			if !unicode.Is(unicode.Mn, d) {
				dst = w.spell(dst, d)
			}
		}
	} else {
		dst = w.spell(dst, r)
	}
	if alone {
		dst = append(dst, Space)
	}
	return dst
}

// spell appends the lower case of a character and what separates it.
func (w *WordPiece) spell(dst []rune, r rune) []rune {
	if w.lower {
		if r == 'İ' { // as lowercase has it
			return append(dst, 'i', '\u0307')
		}
		r = unicode.ToLower(r)
	}
	switch {
	case unicode.IsSpace(r):
		return append(dst, Space)
	case isPunctuation(r):
		return append(dst, Space, r, Space)
	}
	return append(dst, r)
}

// Isolated reports whether a character that Spell returns is a word of its own.
func Isolated(r rune) bool { return isPunctuation(r) }
