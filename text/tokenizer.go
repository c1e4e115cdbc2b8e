// Package text turns text into tokens and tokens into ids. It is used when a
// model is trained and when it predicts, and is the same in both.
package text

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

// Token is a piece of a text: its characters as the vocabulary knows them, and
// where they stand in the original, as byte offsets.
type Token struct {
	Text       string
	Start, End int
}

// Tokenizer splits texts. It is safe for concurrent use.
type Tokenizer struct {
	pattern    *regexp.Regexp // nil: split at white space, or into characters
	automaton  *automaton     // of the pattern, nil where there can be none
	characters bool
	lowercase  bool
	subwords   *Vocabulary // nil: the tokenizer makes none
	special    bool
	pair       bool
}

// Options are settings of a tokenizer.
type Options struct {
	// Pattern is the regular expression of "regex" in Go's RE2 syntax: each
	// match is a token.
	Pattern   string
	Lowercase bool
	// Subwords is the vocabulary of "subword", as [ReadSubwords] returns it.
	Subwords *Vocabulary
	// Special makes "subword" add the special tokens of the file's
	// post-processor.
	Special bool
	// Pair makes "subword" read two texts as one sequence, as the file's
	// post-processor lays them out. It needs Special.
	Pair bool
}

// NewTokenizer returns the tokenizer of that name: "whitespace" splits at runs
// of characters with Unicode's White_Space property (tab, line feed, vertical
// tab, form feed, carriage return, space, U+0085, U+00A0, U+1680, U+2000 to
// U+200A, U+2028, U+2029, U+202F, U+205F, U+3000), "regex" takes the leftmost
// non-overlapping matches of a pattern, of those that start at one place the
// longest; empty ones are no tokens; "characters" makes each character, which is
// a code point of Unicode, a token, white space included; "subword" does what a
// tokenizer.json says.
func NewTokenizer(name string, opts Options) (*Tokenizer, error) {
	t := &Tokenizer{lowercase: opts.Lowercase}
	switch name {
	case "whitespace", "":
		if opts.Pattern != "" {
			return nil, fmt.Errorf("text: the whitespace tokenizer takes no pattern; use tokenizer regex")
		}
	case "regex":
		if opts.Pattern == "" {
			return nil, fmt.Errorf("text: the regex tokenizer needs a pattern")
		}
		re, err := regexp.Compile(opts.Pattern)
		if err != nil {
			return nil, fmt.Errorf("text: pattern of the regex tokenizer: %w", err)
		}
		re.Longest()
		t.pattern, t.automaton = re, newAutomaton(opts.Pattern)
	case "characters":
		if opts.Pattern != "" {
			return nil, fmt.Errorf("text: the characters tokenizer takes no pattern; use tokenizer regex")
		}
		t.characters = true
	case Subword:
		switch {
		case opts.Pattern != "" || opts.Lowercase:
			return nil, fmt.Errorf("text: the subword tokenizer takes no pattern and no lower case; its tokenizer.json says both")
		case opts.Subwords == nil || opts.Subwords.subwords == nil:
			return nil, fmt.Errorf("text: the subword tokenizer needs a tokenizer.json")
		case opts.Pair && !opts.Special:
			return nil, fmt.Errorf("text: a pair of texts needs the special tokens that stand between them; set special_tokens to true")
		}
		t.subwords, t.special, t.pair = opts.Subwords, opts.Special, opts.Pair
		if !opts.Pair {
			break
		}
		if err := t.subwords.subwords.Pairs(); err != nil {
			return nil, fmt.Errorf("text: the subword tokenizer cannot join two texts: %w", err)
		}
	default:
		return nil, fmt.Errorf("text: tokenizer %q is not one of whitespace, regex, characters, subword", name)
	}
	if opts.Pair && t.subwords == nil {
		return nil, fmt.Errorf("text: tokenizer %s has no token to put between the texts of a pair; use subword", name)
	}
	return t, nil
}

// space is what separates words, as the inside of a character class of RE2.
const space = `\s\v\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}`

// Expression returns a regular expression of RE2 whose leftmost-longest matches
// are the tokens, before they are lower-cased. Classes of Unicode are written
// out, so that it means the same to a library with newer tables.
func (t *Tokenizer) Expression() string {
	if t.pattern != nil {
		if parsed, err := syntax.Parse(t.pattern.String(), syntax.Perl); err == nil {
			return parsed.String()
		}
		return t.pattern.String()
	}
	if t.characters {
		return "(?s:.)"
	}
	return "[^" + space + "]+"
}

// Separator is what stands between tokens that are given one by one when they
// are joined to a text.
func (t *Tokenizer) Separator() string {
	if t.characters {
		return ""
	}
	return " "
}

// Tokenize appends the tokens of s to dst.
func (t *Tokenizer) Tokenize(dst []Token, s string) []Token { return t.TokenizeIn(nil, dst, s) }

// TokenizeIn is [Tokenizer.Tokenize] in memory of a scratch, which may be nil.
func (t *Tokenizer) TokenizeIn(scratch *Scratch, dst []Token, s string) []Token {
	first := len(dst)
	switch {
	case t.pattern != nil:
		dst = t.matches(dst, s)
	case t.characters:
		dst = split(dst, s)
	case t.subwords != nil:
		return t.pieces(scratch, dst, s)
	default:
		dst = fields(dst, s)
	}
	if t.lowercase {
		for i := first; i < len(dst); i++ {
			dst[i].Text = scratch.lower(dst[i].Text)
		}
	}
	return dst
}

// matches appends what the pattern finds.
func (t *Tokenizer) matches(dst []Token, s string) []Token {
	first := len(dst)
	if t.automaton != nil && t.automaton.matches(s, func(start, end int) { dst = append(dst, Token{s[start:end], start, end}) }) {
		return dst
	}
	dst = dst[:first]
	for _, m := range t.pattern.FindAllStringIndex(s, -1) {
		if m[1] > m[0] {
			dst = append(dst, Token{s[m[0]:m[1]], m[0], m[1]})
		}
	}
	return dst
}

// fields appends what stands between white space.
func fields(dst []Token, s string) []Token {
	start := -1
	for i, r := range s {
		switch space := unicode.IsSpace(r); {
		case space && start >= 0:
			dst = append(dst, Token{s[start:i], start, i})
			start = -1
		case !space && start < 0:
			start = i
		}
	}
	if start >= 0 {
		dst = append(dst, Token{s[start:], start, len(s)})
	}
	return dst
}

// split makes each character a token, and each byte that is none.
func split(dst []Token, s string) []Token {
	for i := 0; i < len(s); {
		_, n := utf8.DecodeRuneInString(s[i:])
		dst = append(dst, Token{s[i : i+n], i, i + n})
		i += n
	}
	return dst
}

// Normalize returns a token as the vocabulary knows it: lower-cased when the
// tokenizer does that. Lower case is Unicode's simple mapping, one character
// for one, without regard to language or neighbours.
func (t *Tokenizer) Normalize(token string) string {
	if !t.lowercase {
		return token
	}
	return lower(token)
}
