package subword

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// expression finds the matches of a regular expression of Oniguruma, as far as
// RE2 can say the same. Classes mean Unicode's there and ASCII's here, so they
// are written out; of look-around there is the end that most tokenizers have,
// white space that leaves its last character to the word behind it.
func expression(pattern string) (finder, error) {
	source, yields, err := translate(pattern)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w; look-around, back-references and possessive repetition are not supported", pattern, err)
	}
	return func(scratch *Scratch, s string) []match {
		out := scratch.matches.take(8)
		open := 0
		for at := 0; at < len(s); {
			m := re.FindStringSubmatchIndex(s[at:])
			if m == nil {
				break
			}
			start, end := at+m[0], at+m[1]
			if yields && m[2] >= 0 && end < len(s) {
				if _, last := utf8.DecodeLastRuneInString(s[start:end]); end-start > last {
					end -= last
				}
			}
			if start == end { // an empty match splits nothing
				_, n := utf8.DecodeRuneInString(s[start:])
				at = start + max(n, 1)
				continue
			}
			if open < start {
				out = scratch.matches.push(out, match{open, start, false})
			}
			out = scratch.matches.push(out, match{start, end, true})
			open, at = end, end
		}
		if open < len(s) {
			out = scratch.matches.push(out, match{open, len(s), false})
		}
		return out
	}, nil
}

// Classes as the inside of brackets. Oniguruma's words have Latin-1's superscripts
// and fractions and the letters in circles and boxes.
const (
	spaceClass = `\t-\r\x{85}\p{Z}`
	digitClass = `\p{Nd}`
	wordClass  = `\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE}` +
		`\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189}`
)

// translate writes an expression anew for RE2. yields says that its first group
// is white space at the end that gives its last character back.
func translate(pattern string) (source string, yields bool, err error) {
	for _, end := range []string{`|\s+(?!\S)|\s+`, `|\s+(?!\S)|\s`, `|\s+(?!\S)`} {
		if head, ok := strings.CutSuffix(pattern, end); ok {
			if strings.Contains(strings.ReplaceAll(head, "(?", ""), "(") {
				return "", false, fmt.Errorf("pattern %q: groups beside look-ahead are not supported; write them as (?:...)", pattern)
			}
			pattern, yields = head, true
			break
		}
	}
	var b strings.Builder
	class := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			s, err := escape(pattern[i], class)
			if err != nil {
				return "", false, fmt.Errorf("pattern %q: %w", pattern, err)
			}
			b.WriteString(s)
		case !class && (c == '^' || c == '$'):
			return "", false, fmt.Errorf("pattern %q: %c outside of a class is not supported", pattern, c)
		case otherThere(pattern[i:], class) != "":
			return "", false, fmt.Errorf("pattern %q: %s is not supported", pattern, otherThere(pattern[i:], class))
		case c == '[':
			if class {
				return "", false, fmt.Errorf("pattern %q: a class inside a class is not supported", pattern)
			}
			class = true
			b.WriteByte(c)
			if i+1 < len(pattern) && pattern[i+1] == '^' {
				i++
				b.WriteByte('^')
			}
		case c == ']':
			class = false
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	if yields {
		b.WriteString("|([" + spaceClass + "]+)")
	}
	return b.String(), yields, nil
}

// otherThere returns what s starts with if Oniguruma and RE2 read it in two ways.
func otherThere(s string, class bool) string {
	others := []string{"(?m", "(?s", "(?x", "(?-", "(?>", "(?#", "(?~", "{,"}
	if class {
		others = []string{"&&"}
	}
	for _, other := range others {
		if strings.HasPrefix(s, other) {
			return other
		}
	}
	return ""
}

func escape(c byte, class bool) (string, error) {
	inside := map[byte]string{'s': spaceClass, 'd': digitClass, 'w': wordClass}
	if s, ok := inside[c]; ok {
		if class {
			return s, nil
		}
		return "[" + s + "]", nil
	}
	if s, ok := inside[c|0x20]; ok && c < 'a' {
		if class {
			return "", fmt.Errorf("\\%c inside a class is not supported", c)
		}
		return "[^" + s + "]", nil
	}
	if strings.IndexByte("bBXRhHKGAzZCE", c) >= 0 {
		return "", fmt.Errorf("\\%c is not supported", c)
	}
	return "\\" + string(c), nil
}
