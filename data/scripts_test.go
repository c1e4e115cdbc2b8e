package data

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"espalier/data/source"
	"espalier/schema"
	"espalier/text"
)

// TestTokensOfTheDataAreToldApart: a tokenizer splits texts, not the tokens that the
// data gives one by one, so that another one is no advice.
func TestTokensOfTheDataAreToldApart(t *testing.T) {
	const want = "a text has 2.0 tokens of 2.0 characters on average, and 100.0 % of the tokens of validation are unknown: the data gives the tokens, which only tokenizer subword takes apart; set inputs.text.tokenizer to it"
	for _, c := range []struct {
		in   schema.Input
		want string
	}{
		{schema.Input{Tokenizer: "whitespace"}, want + ", or trunk.characters.type to cnn, which reads the characters of words"},
		{schema.Input{Tokenizer: "characters", Characters: &schema.Characters{MaxLength: 5}}, want},
	} {
		c.in.Name, c.in.Type = "text", schema.Text
		e := encoder(t, &schema.Schema{Version: schema.Version, Inputs: []schema.Input{c.in}, Tasks: []schema.Task{{Name: "topic", Type: schema.Classification}}})
		train := objects(`{"text": ["ab", "cd"], "topic": "x"}`, `{"text": ["cd", "ab"], "topic": "y"}`)
		if err := e.Learn(train); err != nil {
			t.Fatal(err)
		}
		set, err1 := e.Encode(train)
		valid, err2 := e.Encode(objects(`{"text": ["ef", "gh"], "topic": "x"}`))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if got := TokenizerNote(set, valid); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

// TestATokenizerThatDoesNotFitIsTold, and one that fits is not.
func TestATokenizerThatDoesNotFitIsTold(t *testing.T) {
	chinese := func(i int) string { return strings.Repeat(string(rune(0x4E00+i%7)), 3) + string(rune(0x4E10+i)) }
	english := func(i int) string { return fmt.Sprintf("a few words of text %d", i%3) }
	for _, c := range []struct {
		name         string
		tokenizer    schema.Input
		train, valid func(i int) string
		want         string
	}{
		{"words", schema.Input{}, english, english, ""},
		{"single words", schema.Input{}, func(i int) string { return []string{"apple", "pear"}[i%2] }, func(int) string { return "apple" }, ""},
		{
			"Chinese",
			schema.Input{},
			chinese, func(i int) string { return chinese(i + 100) },
			"a text has 1.0 tokens of 4.0 characters on average, and 100.0 % of the tokens of validation are unknown: tokenizer whitespace does not fit these texts; set inputs.text.tokenizer to characters (whole_words: true keeps words of scripts with spaces whole) or subword",
		},
		{
			"Chinese that is all known",
			schema.Input{},
			chinese, chinese,
			"a text has 1.0 tokens of 4.0 characters on average, and 0.0 % of the tokens of validation are unknown: tokenizer whitespace does not fit",
		},
		{
			"long words",
			schema.Input{},
			func(i int) string { return fmt.Sprintf("/a/long/path/%d", i) }, func(i int) string { return fmt.Sprintf("/a/long/path/%d", i) },
			"a text has 1.0 tokens of 14.0 characters on average, and 0.0 %",
		},
		{
			"words unlike those of training",
			schema.Input{},
			english, func(int) string { return "des mots de texte a" },
			"a text has 6.0 tokens of 2.7 characters on average, and 80.0 % of the tokens of validation are unknown: tokenizer whitespace does not fit",
		},
		{"characters", schema.Input{Tokenizer: "characters"}, chinese, chinese, ""},
		{
			"whole words",
			schema.Input{Tokenizer: "regex", Pattern: text.WholeWords},
			chinese, func(int) string { return "何何何一" },
			"a text has 4.0 tokens of 1.0 characters on average, and 75.0 % of the tokens of validation are unknown: the training texts hardly tell what those of validation are made of",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := c.tokenizer
			in.Name, in.Type = "text", schema.Text
			if in.Tokenizer == "" {
				in.Tokenizer = "whitespace"
			}
			e := encoder(t, &schema.Schema{Version: schema.Version, Inputs: []schema.Input{in}, Tasks: []schema.Task{{Name: "topic", Type: schema.Classification}}})
			lines := func(of func(int) string) source.List {
				var all []string
				for i := range 10 {
					all = append(all, fmt.Sprintf(`{"text": %q, "topic": "t%d"}`, of(i), i%2))
				}
				return objects(all...)
			}
			if err := e.Learn(lines(c.train)); err != nil {
				t.Fatal(err)
			}
			set, err := e.Encode(lines(c.train))
			if err != nil {
				t.Fatal(err)
			}
			valid, err := e.Encode(lines(c.valid))
			if err != nil {
				t.Fatal(err)
			}
			if got := TokenizerNote(set, valid); c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
