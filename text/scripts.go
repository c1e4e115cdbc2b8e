package text

import "unicode"

// unspaced are the scripts that are written without spaces between words, and
// the two length marks of Kana, as the inside of a character class of RE2.
const unspaced = `\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\x{30FC}\x{FF70}`

// word is a class of the letters, marks and digits of all other scripts.
const word = `[^\s\pZ\pP\pS\pC` + unspaced + `]`

// WholeWords is the pattern of a regex tokenizer that splits scripts without
// spaces and keeps the words of others whole. A token is one of these:
//
//   - a run of letters, marks and digits of scripts with spaces, apostrophes
//     inside it included;
//   - a character of Han, Hiragana, Katakana, Bopomofo, Thai, Lao, Khmer or
//     Myanmar, with the marks that follow it;
//   - any other character but white space.
const WholeWords = word + `+(?:['\x{2019}]` + word + `+)*|[` + unspaced + `]\pM*|[^` + space + `]`

// Unspaced reports whether a character is of a script that is written without
// spaces between words.
func Unspaced(r rune) bool {
	return r >= 0x0E00 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) || r == 0x30FC || r == 0xFF70)
}
