package text

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// matchesOf finds matches by package regexp, which is the oracle.
func matchesOf(t testing.TB, pattern, s string) [][2]int {
	t.Helper()
	re, err := regexp.Compile(pattern)
	if err != nil {
		t.Skip("no expression")
	}
	re.Longest()
	var out [][2]int
	for _, m := range re.FindAllStringIndex(s, -1) {
		if m[1] > m[0] {
			out = append(out, [2]int{m[0], m[1]})
		}
	}
	return out
}

func compareMatches(t testing.TB, a *automaton, pattern, s string) {
	t.Helper()
	var got [][2]int
	if !a.matches(s, func(start, end int) { got = append(got, [2]int{start, end}) }) {
		return // left to package regexp
	}
	if diff := cmp.Diff(matchesOf(t, pattern, s), got); diff != "" {
		t.Fatalf("%q in %q:\n%s", pattern, s, diff)
	}
}

var patterns = []string{
	`[\pL]+`, `\w+|[^\w\s]`, `(?i)straße|k+`, `a*`, `a*b|ab?c|.`, `(a|ab)(c|bcd)*`, `(?s).`, `[^\n]{2,3}`, `\x{1F600}|é+`, `a??b`, `(?:ab|a|)+`,
	`[\pL\pN]+(?:['’-][\pL\pN]+)*|[^\pL\pN\s]`, `x{0,5}y`, `[[:alpha:]]+\.?`,
}

// TestAnAutomatonFindsWhatRegexpFinds in random texts.
func TestAnAutomatonFindsWhatRegexpFinds(t *testing.T) {
	letters := []string{"a", "b", "c", "x", "y", "ab", "K", "\u212a", "ß", "ẞ", "é", "’", "'", "-", ".", " ", "\n", "\xff", "\xe4\xb8", "\U0001F600", "9"}
	r := rand.New(rand.NewPCG(1, 1))
	for _, pattern := range patterns {
		a := newAutomaton(pattern)
		if a == nil {
			t.Errorf("%q has no automaton", pattern)
			continue
		}
		for range 300 {
			var b strings.Builder
			for range r.IntN(30) {
				b.WriteString(letters[r.IntN(len(letters))])
			}
			compareMatches(t, a, pattern, b.String())
		}
	}
}

// TestWhatAnAutomatonLeaves to package regexp: what looks around a match, what
// would take too many states, and texts in which it would read on and on. The
// tokens are the same.
func TestWhatAnAutomatonLeaves(t *testing.T) {
	for _, pattern := range []string{`\bx`, `^a`, `a$`, `(?m)^.*$`} {
		if newAutomaton(pattern) != nil {
			t.Errorf("%q has an automaton", pattern)
		}
	}
	var many strings.Builder
	for r := rand.New(rand.NewPCG(1, 2)); many.Len() < 60000; {
		many.WriteByte("ab"[r.IntN(2)])
	}
	for _, c := range []struct{ pattern, text string }{
		{`a*b|c`, strings.Repeat("a", 5000) + "c"},
		{`[ab]*a[ab]{15}`, many.String()},
	} {
		a := newAutomaton(c.pattern)
		if a == nil || a.matches(c.text, func(int, int) {}) {
			t.Errorf("%q is not left to package regexp", c.pattern)
		}
		tokens, err := NewTokenizer("regex", Options{Pattern: c.pattern})
		if err != nil {
			t.Fatal(err)
		}
		var got [][2]int
		for _, tok := range tokens.Tokenize(nil, c.text) {
			got = append(got, [2]int{tok.Start, tok.End})
		}
		if diff := cmp.Diff(matchesOf(t, c.pattern, c.text), got); diff != "" {
			t.Errorf("%q: %s", c.pattern, diff)
		}
	}
}

// TestARefusedStateIsNotMadeAgain: a text that needs more states than there may be
// finds that out once, and what was refused does not count.
func TestARefusedStateIsNotMadeAgain(t *testing.T) {
	const pattern = `[ab]*a[ab]{15}`
	var many strings.Builder
	for r := rand.New(rand.NewPCG(1, 2)); many.Len() < 400000; {
		many.WriteByte("ab"[r.IntN(2)])
	}
	a := newAutomaton(pattern)
	if a.matches(many.String(), func(int, int) {}) {
		t.Fatal("there are states enough")
	}
	reads := 0
	for _, s := range a.states {
		reads += len(s.reads)
	}
	if a.reads != reads || reads > maxReads || len(a.states)*len(a.samples) > maxLinks {
		t.Errorf("%d instructions of %d states are counted as %d", reads, len(a.states), a.reads)
	}
	a.mu.Lock() // which a text that asks again would wait for
	defer a.mu.Unlock()
	if a.matches(many.String(), func(int, int) {}) {
		t.Error("there are states enough for the second time")
	}
}

func FuzzAutomaton(f *testing.F) {
	for _, p := range patterns {
		f.Add(p, "ab abc aaab xyz ’é\xff K")
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 100 || len(s) > 1000 {
			return
		}
		if a := newAutomaton(pattern); a != nil {
			compareMatches(t, a, pattern, s)
			compareMatches(t, a, pattern, s) // by states that are there
		}
	})
}

// TestAScratchAllocatesNothing once it has seen such texts, and gives what
// tokenization without one gives.
func TestAScratchAllocatesNothing(t *testing.T) {
	vocabulary, err := ReadSubwords([]byte(`{"normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
		"pre_tokenizer": {"type": "BertPreTokenizer"},
		"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
		"pair": [], "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]}}},
		"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 10,
		"vocab": {"[UNK]": 0, "[CLS]": 1, "play": 2, "##ing": 3, "##s": 4, "it": 5, "zürich": 6}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"whitespace": {Lowercase: true}, "characters": {Lowercase: true}, "regex": {Pattern: `[\pL]+|[^\pL\s]`, Lowercase: true},
		"subword": {Subwords: vocabulary, Special: true},
	} {
		t.Run(name, func(t *testing.T) {
			tok := tokenizer(t, name, o)
			texts := []string{"Playing IT plays!", "", "a b c"}
			if name != "subword" { // where accents are taken off by package norm, which allocates
				texts = append(texts, "Zürich, ZÜRICH")
			}
			var scratch Scratch
			var words, pieces []Token
			call := func() {
				scratch.Reset()
				for _, s := range texts {
					words = tok.WordsIn(&scratch, words[:0], s)
					pieces = tok.TokenizeIn(&scratch, pieces[:0], s)
				}
			}
			for range 5 {
				call()
			}
			if n := testing.AllocsPerRun(50, call); n > 0 {
				t.Errorf("%v allocations", n)
			}
			for _, s := range texts {
				if diff := cmp.Diff(fmt.Sprint(tok.Tokenize(nil, s)), fmt.Sprint(tok.TokenizeIn(&scratch, nil, s))); diff != "" {
					t.Errorf("%q: %s", s, diff)
				}
			}
		})
	}
}
