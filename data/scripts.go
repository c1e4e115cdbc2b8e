package data

import (
	"fmt"
	"unicode/utf8"

	"espalier/text"
)

// scripts counts tokens, those of them that the data itself gives one by one,
// characters, and those of scripts that are written without spaces.
type scripts struct{ tokens, listed, all, unspaced int }

func (s *scripts) add(form string, listed bool) {
	s.tokens++
	if listed {
		s.listed++
	}
	s.all += utf8.RuneCountInString(form)
	for _, r := range form {
		if text.Unspaced(r) {
			s.unspaced++
		}
	}
}

// What says that a tokenizer does not fit: more than half of the tokens of
// validation are unknown, or texts have hardly more than one token though they
// are long or of a script without spaces.
const (
	mostUnknown = 0.5
	fewTokens   = 1.5
	longWord    = 10 // characters; words of most languages are shorter on average
)

// TokenizerNote returns a line that says why the tokenizer does not fit the texts of
// the training and validation data, "" where it does.
func TokenizerNote(set, valid *Dataset) string {
	if set.text == nil || len(set.text.ids) == 0 || len(valid.text.ids) == 0 {
		return ""
	}
	in, seen := set.text.in, set.text.scripts
	unknown := 0
	for _, id := range valid.text.ids {
		if int64(id) == set.text.in.vocabulary.Unknown() {
			unknown++
		}
	}
	special := in.tokenizer.SpecialTokens() // say nothing of the texts
	others := len(valid.text.ids) - special*valid.Len()
	if others <= 0 || seen.tokens == 0 {
		return ""
	}
	share := float64(unknown) / float64(others)
	tokens := float64(len(set.text.ids))/float64(set.Len()) - float64(special)
	characters := float64(seen.all) / float64(seen.tokens)
	few := tokens < fewTokens && (characters >= longWord || 2*seen.unspaced > seen.all)
	if share <= mostUnknown && !few {
		return ""
	}
	found := fmt.Sprintf("a text has %.1f tokens of %.1f characters on average, and %.1f %% of the tokens of validation are unknown", tokens, characters, 100*share)
	switch listed := 2*seen.listed > seen.tokens; {
	case listed && in.Tokenizer != text.Subword:
		found += fmt.Sprintf(": the data gives the tokens, which only tokenizer subword takes apart; set inputs.%s.tokenizer to it", in.Name)
		if in.Characters == nil {
			found += ", or trunk.characters.type to cnn, which reads the characters of words"
		}
		return found
	case in.Tokenizer == text.Subword || in.Tokenizer == "characters" || in.Pattern == text.WholeWords:
		return found + ": the training texts hardly tell what those of validation are made of"
	}
	return found + fmt.Sprintf(": tokenizer %s does not fit these texts; set inputs.%s.tokenizer to characters (whole_words: true keeps words of scripts with spaces whole) or subword", in.Tokenizer, in.Name)
}
