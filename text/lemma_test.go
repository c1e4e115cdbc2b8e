package text

import (
	"fmt"
	"strings"
	"testing"
)

func TestLemmaRules(t *testing.T) {
	for _, c := range []struct{ form, lemma, rule string }{
		{"comes", "come", "l0;;-1+"},
		{"Carries", "carry", "l0;;-3+y"},
		{"the", "the", "l0;;"},
		{"The", "the", "l0;;"},
		{"London", "London", "u0l1;;"},
		{"LONDON", "London", "u0l1;;"},
		{"AP", "AP", "u0;;"},
		{"U.S.", "U.S.", "u0;;"},
		{"is", "be", "l0;=be"},
		{"better", "good", "l0;=good"},
		{"gegangen", "gehen", "l0;;-6+hen"},
		{"unhappily", "happy", "l0;-2+;-3+y"},
		{"2nd", "2nd", "l0;;"},
		{";-)", ";-)", "l0;;"},
		{"x", `a;\b`, `l0;=a\;\\b`},
		{"", "", "l0;;"},
		{"a", "", "l0;="},
		{"", "A", "u0;=a"},
		{"İ", "i", "l0;;"},
		{"ﬀ", "İ", ";=İ"},
		{"Dž", "ǅ", ";=ǅ"},
		{"McDonald's", "McDonald", "u0l1u2l3;;-2+"},
		{"iPods", "iPod", "l0u1l2;;-1+"},
		{"naïve", "naive", "l0;;-3+ive"},
	} {
		rule := LemmaRule(c.form, c.lemma)
		if rule != c.rule {
			t.Errorf("%s to %s is %s, want %s", c.form, c.lemma, rule, c.rule)
		}
		if got, err := ApplyLemmaRule(rule, c.form); err != nil || got != c.lemma {
			t.Errorf("%s of %s gives %q, %v", rule, c.form, got, err)
		}
	}
	// A rule is of use for other words.
	for _, c := range []struct{ rule, form, want string }{
		{"l0;;-3+y", "Parties", "party"},
		{"u0l1;;-2+", "OBAMA'S", "Obama"},
		{"u0l1u2l3;;-2+", "MacArthurs", "MaCarthu"},
		{"l0u-1;;", "grade", "gradE"},
		{"u9;;", "a", "a"},
		{"u-9;;", "a", "A"},
	} {
		if got, err := ApplyLemmaRule(c.rule, c.form); err != nil || got != c.want {
			t.Errorf("%s of %s gives %q, %v; want %s", c.rule, c.form, got, err, c.want)
		}
	}
}

func TestLemmaRuleMessages(t *testing.T) {
	for _, c := range []struct{ rule, form, want string }{
		{"l0;-2+;-1+", "ab", `text: lemma rule "l0;-2+;-1+" takes more characters than "ab" has`},
		{"", "a", `text: "" is not a lemma rule`},
		{"l0;x", "a", `text: "l0;x" is not a lemma rule`},
		{"l0;;;", "a", `text: "l0;;;" is not a lemma rule`},
		{"l0;2+a;", "a", `text: lemma rule "l0;2+a;": "2+a" is not an end such as -2+y`},
		{"l0;;--1+a", "a", `text: lemma rule "l0;;--1+a": "--1+a" is not an end such as -2+y`},
		{"x0;;", "a", `text: lemma rule "x0;;": its first part is not a list of cases such as u0l1`},
		{"l;;", "a", `text: lemma rule "l;;": its first part is not a list of cases such as u0l1`},
	} {
		if _, err := ApplyLemmaRule(c.rule, c.form); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// Long words that differ are not compared; their rule holds the lemma.
func TestLongLemmas(t *testing.T) {
	form := strings.Repeat("ab", 1<<12)
	if got := LemmaRule(form, form); got != "l0;;" {
		t.Errorf("%.20s", got)
	}
	lemma := form + "x"
	got, err := ApplyLemmaRule(LemmaRule(form, lemma), form)
	if err != nil || got != lemma {
		t.Errorf("%.20s, %v", got, err)
	}
}

// The common part is the longest there is, by trying all.
func FuzzLemmaRule(f *testing.F) {
	for _, s := range [][2]string{{"carries", "carry"}, {"İ", "i"}, {"\xff", "a"}, {"ẞ", "ß"}, {"a;b", `\;`}, {"abcab", "ab"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, form, lemma string) {
		rule := LemmaRule(form, lemma)
		if got, err := ApplyLemmaRule(rule, form); err != nil || got != lemma {
			t.Fatalf("%q of %q gives %q, not %q: %v", rule, form, got, lemma, err)
		}
		if got, err := ApplyLemmaRule(form, lemma); err != nil && got != "" {
			t.Fatalf("a lemma %q with an error", got)
		}
		a, b := []rune(form), []rune(lemma)
		if len(a) > 30 || len(b) > 30 {
			return
		}
		at, in, n := commonPart(a, b)
		if string(a[at:at+n]) != string(b[in:in+n]) {
			t.Fatalf("%q and %q do not share %d characters at %d and %d", form, lemma, n, at, in)
		}
		for i := range a {
			for j := range b {
				k := 0
				for i+k < len(a) && j+k < len(b) && a[i+k] == b[j+k] {
					k++
				}
				if k > n || k == n && n > 0 && (j < in || j == in && i < at) {
					t.Fatalf("%q and %q share %d characters at %d and %d, not %d at %d and %d", form, lemma, k, i, j, n, at, in)
				}
			}
		}
	})
}

func ExampleLemmaRule() {
	rule := LemmaRule("parties", "party")
	lemma, err := ApplyLemmaRule(rule, "Countries")
	fmt.Println(rule, lemma, err)
	// Output: l0;;-3+y country <nil>
}
