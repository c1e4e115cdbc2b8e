package subword

import (
	"encoding/json"
	"fmt"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// readNormalizer reads one normalizer that is no sequence.
func readNormalizer(kind string, raw json.RawMessage) ([]normalizer, error) {
	var c struct {
		Type      string  `json:"type"`
		Left      *bool   `json:"strip_left"`
		Right     *bool   `json:"strip_right"`
		Pattern   pattern `json:"pattern"`
		Content   string  `json:"content"`
		Prepend   string  `json:"prepend"`
		Clean     *bool   `json:"clean_text"`
		Chinese   *bool   `json:"handle_chinese_chars"`
		Accents   *bool   `json:"strip_accents"`
		Lowercase *bool   `json:"lowercase"`
		Charsmap  []byte  `json:"precompiled_charsmap"`
	}
	if err := component(raw, &c); err != nil {
		return nil, err
	}
	one := func(n normalizer) ([]normalizer, error) { return []normalizer{n}, nil }
	switch kind {
	case "NFC":
		return one(form(norm.NFC))
	case "NFD":
		return one(form(norm.NFD))
	case "NFKC":
		return one(form(norm.NFKC))
	case "NFKD":
		return one(form(norm.NFKD))
	case "Lowercase":
		return one(lowercase)
	case "StripAccents":
		return one(filter(func(r rune) bool { return !unicode.Is(unicode.M, r) }))
	case "Strip":
		return one(strip(isSet(c.Left, true), isSet(c.Right, true)))
	case "Nmt":
		return one(nmt)
	case "ByteLevel":
		return one(toBytes)
	case "Prepend":
		return one(func(p *passage) { p.prepend(c.Prepend) })
	case "Replace":
		find, err := c.Pattern.find()
		return []normalizer{func(p *passage) { p.replace(find(p.scratch, p.text), c.Content) }}, err
	case "BertNormalizer":
		lower := isSet(c.Lowercase, true)
		return bert(isSet(c.Clean, true), isSet(c.Chinese, true), isSet(c.Accents, lower), lower), nil
	case "Precompiled":
		m, err := readCharsmap(c.Charsmap)
		return []normalizer{m.normalize}, err
	}
	return nil, fmt.Errorf("the type is not one of NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Nmt, ByteLevel, Prepend, Replace, BertNormalizer, Precompiled, Sequence")
}

func isSet(b *bool, otherwise bool) bool {
	if b == nil {
		return otherwise
	}
	return *b
}

// readSplitter reads one pre-tokenizer that is no sequence.
func readSplitter(kind string, raw json.RawMessage) ([]splitter, error) {
	var c struct {
		Type        string  `json:"type"`
		Prefix      *bool   `json:"add_prefix_space"`
		Trim        bool    `json:"trim_offsets"`
		Regex       *bool   `json:"use_regex"`
		Replacement string  `json:"replacement"`
		Scheme      string  `json:"prepend_scheme"`
		Split       *bool   `json:"split"`
		Str         string  `json:"str_rep"`
		Behavior    string  `json:"behavior"`
		Individual  bool    `json:"individual_digits"`
		Pattern     pattern `json:"pattern"`
		Invert      bool    `json:"invert"`
		Delimiter   string  `json:"delimiter"`
	}
	if err := component(raw, &c); err != nil {
		return nil, err
	}
	b, known := behaviors[c.Behavior]
	if c.Behavior != "" && !known {
		return nil, fmt.Errorf("behavior %q is not known", c.Behavior)
	}
	one := func(s splitter) ([]splitter, error) { return []splitter{s}, nil }
	switch kind {
	case "Whitespace":
		return one(words)
	case "WhitespaceSplit":
		return one(splitAt(each(unicode.IsSpace), removed, false))
	case "BertPreTokenizer":
		return []splitter{splitAt(each(unicode.IsSpace), removed, false), splitAt(each(isPunctuation), isolated, false)}, nil
	case "ByteLevel":
		return one(byteLevel(isSet(c.Prefix, true), isSet(c.Regex, true)))
	case "Punctuation":
		if !known {
			b = isolated
		}
		return one(splitAt(each(isPunctuation), b, false))
	case "Digits":
		b = contiguous
		if c.Individual {
			b = isolated
		}
		return one(splitAt(each(unicode.IsNumber), b, false))
	case "CharDelimiterSplit":
		return one(splitAt(literal(c.Delimiter), removed, false))
	case "Split":
		find, err := c.Pattern.find()
		if err == nil && !known {
			err = fmt.Errorf("it has no behavior")
		}
		return []splitter{splitAt(find, b, c.Invert)}, err
	case "Metaspace":
		return readMetaspace(c.Replacement, c.Scheme, c.Prefix, c.Split)
	}
	return nil, fmt.Errorf("the type is not one of Whitespace, WhitespaceSplit, BertPreTokenizer, ByteLevel, Metaspace, Punctuation, Digits, Split, CharDelimiterSplit, Sequence")
}

func readMetaspace(replacement, scheme string, prefix, split *bool) ([]splitter, error) {
	if len([]rune(replacement)) != 1 {
		return nil, fmt.Errorf("replacement %q is not one character", replacement)
	}
	switch {
	case scheme == "" && isSet(prefix, true):
		scheme = "always"
	case scheme == "":
		scheme = "never"
	case scheme != "always" && scheme != "first" && scheme != "never":
		return nil, fmt.Errorf("prepend_scheme %q is not one of always, first, never", scheme)
	}
	return []splitter{metaspace(replacement, scheme, isSet(split, true))}, nil
}

// special is a token and its id, as BertProcessing writes them.
type special struct {
	word string
	id   int
}

func (s *special) UnmarshalJSON(b []byte) error {
	pair := []any{&s.word, &s.id}
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("a special token is not a text and an id")
	}
	return nil
}

// postProcess reads a post-processor for texts that come alone.
func (t *Tokenizer) postProcess(d *decoder, raw json.RawMessage, depth int) error {
	kind, err := d.kind(raw, depth)
	if err != nil || kind == "" {
		return err
	}
	var c struct {
		Type       string            `json:"type"`
		Sep        special           `json:"sep"`
		Cls        special           `json:"cls"`
		Trim       *bool             `json:"trim_offsets"`
		Prefix     *bool             `json:"add_prefix_space"`
		Regex      *bool             `json:"use_regex"`
		Processors []json.RawMessage `json:"processors"`
		template
	}
	if err := component(raw, &c); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	switch kind {
	case "Sequence":
		for _, raw := range c.Processors {
			if err := t.postProcess(d, raw, depth+1); err != nil {
				return err
			}
		}
		return nil
	case "TemplateProcessing":
		if err := t.readTemplate(&c.template); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		return nil
	case "BertProcessing", "RobertaProcessing":
		for _, s := range []special{c.Cls, c.Sep} {
			if err := t.known(s.word, s.id); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		}
		cls, sep := specials{{id: c.Cls.id}}, specials{{id: c.Sep.id}}
		pair := frame{before: cls, between: sep, after: specials{{c.Sep.id, 1}}, second: 1}
		if kind == "RobertaProcessing" { // which has one token type
			pair = frame{before: cls, between: append(sep, sep...), after: sep}
		}
		t.post.surround(frame{before: cls, after: sep}, pair)
	case "ByteLevel":
	default:
		return fmt.Errorf("%s: the type is not one of TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence", kind)
	}
	if kind != "BertProcessing" && isSet(c.Trim, true) {
		t.post.trims = append(t.post.trims, isSet(c.Prefix, true))
	}
	return nil
}

// known checks that a special token is the vocabulary's.
func (t *Tokenizer) known(word string, id int) error {
	if in, ok := t.ids[word]; !ok || in != id {
		return fmt.Errorf("special token %q with id %d is not in the vocabulary", word, id)
	}
	return nil
}

// template is TemplateProcessing's account of what stands around a text.
type template struct {
	Single  []templateItem `json:"single"`
	Pair    []templateItem `json:"pair"`
	Special map[string]struct {
		ID     string   `json:"id"`
		IDs    []int    `json:"ids"`
		Tokens []string `json:"tokens"`
	} `json:"special_tokens"`
}

type templateItem struct {
	Special  *templateName `json:"SpecialToken"`
	Sequence *templateName `json:"Sequence"`
}

type templateName struct {
	ID   string `json:"id"`
	Type int    `json:"type_id"`
}

func (t *Tokenizer) readTemplate(c *template) error {
	single, err := t.frame(c, c.Single, "A")
	if err != nil {
		return fmt.Errorf("single: %w", err)
	}
	pair, noPairs := t.frame(c, c.Pair, "AB")
	t.post.surround(single, pair)
	if noPairs != nil && t.post.noPairs == nil { // which nobody may ask for
		t.post.noPairs = fmt.Errorf("tokenizer.json: post_processor: TemplateProcessing: pair: %w", noPairs)
	}
	return nil
}

// frame reads what stands around the texts that a template must have, in their order.
func (t *Tokenizer) frame(c *template, items []templateItem, texts string) (f frame, err error) {
	places, types := []*specials{&f.before, &f.between, &f.after}, []*int{&f.first, &f.second}
	if len(texts) == 1 {
		places = []*specials{&f.before, &f.after}
	}
	seen := 0
	for i, item := range items {
		switch {
		case item.Sequence != nil && item.Special == nil && seen < len(texts) && item.Sequence.ID == texts[seen:seen+1]:
			*types[seen] = item.Sequence.Type
			seen++
		case item.Special != nil && item.Sequence == nil:
			s, ok := c.Special[item.Special.ID]
			if !ok || len(s.IDs) != len(s.Tokens) {
				return f, fmt.Errorf("special token %q is not described", item.Special.ID)
			}
			for j, id := range s.IDs {
				if err := t.known(s.Tokens[j], id); err != nil {
					return f, err
				}
				*places[seen] = append(*places[seen], struct{ id, kind int }{id, item.Special.Type})
			}
		default:
			return f, fmt.Errorf("entry %d is neither a special token nor the text that comes next", i)
		}
	}
	if seen != len(texts) {
		return f, fmt.Errorf("it has %d texts in place of %d", seen, len(texts))
	}
	return f, nil
}
