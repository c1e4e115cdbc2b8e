package text

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// LemmaRule returns how a form becomes its lemma, as a tag that many words
// share, after Straka (2018), "UDPipe 2.0 Prototype at CoNLL 2018 UD Shared
// Task": the letters' case apart, and what is taken from and put at both ends
// of the longest part that form and lemma have in common.
//
// A rule has three parts with semicolons between: where upper (u) and lower (l)
// case begin in the lemma, counted from its end where negative; the prefix; the
// suffix. The latter are empty where they stay, or the number of characters
// taken away and those put there: "l0;;-3+y" makes carry of Carries. Where
// nothing is common the rule holds the lemma: "l0;=be".
//
// [ApplyLemmaRule] gives the lemma back, whatever form and lemma are.
func LemmaRule(form, lemma string) string {
	from, to := []rune(lower(form)), []rune(lower(lemma))
	at, in, n := commonPart(from, to)
	edit := "=" + escape(string(to))
	if n > 0 || len(from)+len(to) == 0 {
		edit = editEnd(at, to[:in]) + ";" + editEnd(len(from)-at-n, to[in+n:])
	}
	rule := cases([]rune(lemma)) + ";" + edit
	if got, err := ApplyLemmaRule(rule, form); err != nil || got != lemma {
		return ";=" + escape(lemma) // a letter that does not come back from lower case
	}
	return rule
}

// cases says where upper and lower case begin. What has no case goes with what
// is before it.
func cases(word []rune) string {
	var b strings.Builder
	current := byte(0)
	for i, c := range word {
		kind := current
		switch {
		case unicode.ToLower(c) != c:
			kind = 'u'
		case unicode.ToUpper(c) != c || current == 0:
			kind = 'l'
		}
		if kind != current {
			if i > len(word)/2 {
				i -= len(word)
			}
			fmt.Fprintf(&b, "%c%d", kind, i)
			current = kind
		}
	}
	if b.Len() == 0 {
		return "l0"
	}
	return b.String()
}

// maxCommon bounds the product of the lengths that commonPart compares.
const maxCommon = 1 << 20

// commonPart finds the longest part that two words share: where it starts in
// each, and its length. Of several it is the first in b, then in a.
func commonPart(a, b []rune) (at, in, length int) {
	if string(a) == string(b) {
		return 0, 0, len(a)
	}
	if len(a)*len(b) > maxCommon {
		return 0, 0, 0
	}
	// row[j] is the length of the part that ends before a[j], for one end in b.
	row := make([]int, len(a)+1)
	for i := range b {
		for j := len(a); j > 0; j-- {
			if a[j-1] != b[i] {
				row[j] = 0
				continue
			}
			row[j] = row[j-1] + 1
			if n := row[j]; n > length || n == length && i+1-n == in && j-n < at {
				at, in, length = j-n, i+1-n, n
			}
		}
	}
	return at, in, length
}

func editEnd(taken int, put []rune) string {
	if taken == 0 && len(put) == 0 {
		return ""
	}
	return fmt.Sprintf("-%d+%s", taken, escape(string(put)))
}

func escape(s string) string { return strings.NewReplacer(`\`, `\\`, ";", `\;`).Replace(s) }

// ApplyLemmaRule makes the lemma of a form by a rule of [LemmaRule]. A rule
// that does not fit the form, as a model may choose, is an error.
func ApplyLemmaRule(rule, form string) (string, error) {
	parts := unescape(rule)
	word := []rune(lower(form))
	switch {
	case len(parts) == 2 && strings.HasPrefix(parts[1], "="):
		if parts[0] == "" {
			return parts[1][1:], nil
		}
		word = []rune(parts[1][1:])
	case len(parts) == 3:
		taken, prefix, err := parseEnd(parts[1])
		if err != nil {
			return "", fmt.Errorf("text: lemma rule %q: %w", rule, err)
		}
		last, suffix, err := parseEnd(parts[2])
		if err != nil {
			return "", fmt.Errorf("text: lemma rule %q: %w", rule, err)
		}
		if taken > len(word) || last > len(word)-taken {
			return "", fmt.Errorf("text: lemma rule %q takes more characters than %q has", rule, form)
		}
		word = []rune(prefix + string(word[taken:len(word)-last]) + suffix)
	default:
		return "", fmt.Errorf("text: %q is not a lemma rule", rule)
	}
	if err := applyCases(parts[0], word); err != nil {
		return "", fmt.Errorf("text: lemma rule %q: %w", rule, err)
	}
	return string(word), nil
}

// unescape splits a rule at its semicolons.
func unescape(rule string) []string {
	parts := []string{""}
	for i := 0; i < len(rule); i++ {
		switch {
		case rule[i] == ';':
			parts = append(parts, "")
			continue
		case rule[i] == '\\' && i+1 < len(rule):
			i++
		}
		parts[len(parts)-1] += rule[i : i+1]
	}
	return parts
}

func parseEnd(s string) (taken int, put string, err error) {
	if s == "" {
		return 0, "", nil
	}
	number, put, ok := strings.Cut(strings.TrimPrefix(s, "-"), "+")
	taken, err = strconv.Atoi(number)
	if !ok || err != nil || taken < 0 || s[0] != '-' {
		return 0, "", fmt.Errorf("%q is not an end such as -2+y", s)
	}
	return taken, put, nil
}

// applyCases makes parts of a lower-case word upper case.
func applyCases(script string, word []rune) error {
	for script != "" {
		kind, rest := script[0], script[1:]
		end := strings.IndexAny(rest, "ul")
		if end < 0 {
			end = len(rest)
		}
		at, err := strconv.Atoi(rest[:end])
		if err != nil || kind != 'u' && kind != 'l' {
			return errors.New("its first part is not a list of cases such as u0l1")
		}
		script = rest[end:]
		if at < 0 {
			at += len(word)
		}
		for i := max(at, 0); i < len(word); i++ {
			if kind == 'u' {
				word[i] = unicode.ToUpper(word[i])
			} else {
				word[i] = unicode.ToLower(word[i])
			}
		}
	}
	return nil
}
