package source

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/text"
)

// treebank is written after the format's page: a multiword token, an empty
// node, a word that is an underscore, features that are not there.
const treebank = `# sent_id = one
# text = Vámonos ahora _
# newdoc
1-2	Vámonos	_	_	_	_	_	_	_	_
1	Vamos	ir	VERB	VMIP	Mood=Imp|Number=Plur	0	root	0:root	_
2	nos	nosotros	PRON	_	_	1	obj	1:obj	_
2.1	x	x	VERB	_	_	_	_	0:root	_
3	ahora	ahora	ADV	RG	_	1	advmod	_	SpaceAfter=No
4	_	_	PUNCT	_	_	1	punct	_	_

# of no sentence = x

# text = Goes
1	Goes	_	X	_	_	_	_	_	_
`

func TestConllu(t *testing.T) {
	s := Source{
		Format: "conllu", File: "a", FS: files("a", treebank),
		Fields: map[string]string{"raw": "# text", "id": "sent_id", "pos": "UPOS", "lost": "of no sentence"},
	}
	wanted{
		{
			"text": list("Vamos", "nos", "ahora", "_"), "pos": list("VERB", "PRON", "ADV", "PUNCT"), "xpos": list("VMIP", "", "RG", ""),
			"feats": list("Mood=Imp|Number=Plur", "_", "_", "_"), "head": list("0", "1", "1", "1"), "deprel": list("root", "obj", "advmod", "punct"),
			"lemma": list("ir", "nosotros", "ahora", "_"), "lemma_rule": list("l0;=ir", "l0;;-0+otros", "l0;;", "l0;;"),
			"misc": list("", "", "SpaceAfter=No", ""), "raw": word("Vámonos ahora _"), "id": word("one"),
		},
		{"text": list("Goes"), "pos": list("X"), "feats": list("_"), "raw": word("Goes")},
	}.check(t, fieldsOf(t, s, "text pos xpos feats head deprel lemma lemma_rule misc raw id lost more"))
	records, err := readAll(s, "text")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{5, 6, 8, 9}, records[0].lines); diff != "" || records[0].Line != 5 || records[1].Line != 14 {
		t.Errorf("%s, records at %d and %d", diff, records[0].Line, records[1].Line)
	}
}

func TestConlluMessages(t *testing.T) {
	row := func(id, head string) string {
		return strings.Join([]string{id, "a", "a", "X", "_", "_", head, "dep", "_", "_"}, "\t") + "\n"
	}
	for _, c := range []struct{ name, content, want string }{
		{"columns", "1\ta\tb\n", "f:1: the line has 3 columns with tabs between, CoNLL-U has 10"},
		{"a number left out", row("1", "0") + row("3", "0"), `f:2: the word is numbered "3", the next one of its sentence is 2; is an empty line missing?`},
		{"no number", row("1-", "0"), `f:1: the word is numbered "1-", the next one of its sentence is 1; is an empty line missing?`},
		{"no empty line", row("1", "0") + row("1", "0"), `f:2: the word is numbered "1", the next one of its sentence is 2; is an empty line missing?`},
		{"a head beyond", row("1", "0") + row("1-2", "_") + row("2", "3"), `f:3: head "3" is not 0 or the number of one of the 2 words`},
		{"no head", row("1", "x"), `f:1: head "x" is not 0 or the number of one of the 1 words`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readAll(Source{Format: "conllu", File: "f", FS: files("f", c.content)}, "text", "head")
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func FuzzCoNLLU(f *testing.F) {
	fuzzFile(f, "conllu", treebank, "1\ta\t_\t_\t_\t_\t_\t_\t_\t_", "# text = a\n\n1-2\t_\t_\t_\t_\t_\t_\t_\t_\t_\n", "#\n1.1\n", "1\t\t\t\t\t\t\t\t\t\n")
}

// The data sets stand beside the project.
const shared = "../../../shared/data/"

// The treebank's counts are those of its description; every lemma comes back
// from its rule, and rules are shared: there are far fewer than lemmas.
func TestRealTreebank(t *testing.T) {
	for _, c := range []struct {
		file                    string
		sentences, words        int
		upos, xpos, feats, deps int // 0: not told
	}{
		{"en_ewt-ud-train.conllu.gz", 12544, 204577, 17, 49, 230, 51},
		{"en_ewt-ud-dev.conllu", 2001, 25147, 0, 0, 0, 0},
		{"en_ewt-ud-test.conllu", 2077, 25094, 0, 0, 0, 0},
	} {
		words := 0
		seen := map[string]map[string]bool{"upos": {}, "xpos": {}, "feats": {}, "deprel": {}, "lemma": {}, "lemma_rule": {}}
		records, err := readAll(Source{Format: "conllu", Root: shared + "ud_ewt", File: c.file}, append([]string{"text", "head"}, slices.Sorted(maps.Keys(seen))...)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			for i, form := range r.Fields["text"].Tokens {
				words++
				for column, values := range seen {
					if f, ok := r.Fields[column]; ok && f.Tokens[i] != "" {
						values[f.Tokens[i]] = true
					}
				}
				if f := r.Fields["lemma"]; !f.List || f.Tokens[i] == "" {
					continue // parts of a word that was written apart
				}
				lemma := r.Fields["lemma"].Tokens[i]
				if got, err := text.ApplyLemmaRule(r.Fields["lemma_rule"].Tokens[i], form); err != nil || got != lemma {
					t.Fatalf("%q of %q gives %q, not %q: %v", r.Fields["lemma_rule"].Tokens[i], form, got, lemma, err)
				}
			}
		}
		if len(records) != c.sentences || words != c.words {
			t.Errorf("%s: %d sentences of %d words, want %d of %d", c.file, len(records), words, c.sentences, c.words)
		}
		if got, want := []int{len(seen["upos"]), len(seen["xpos"]), len(seen["feats"]), len(seen["deprel"])}, []int{c.upos, c.xpos, c.feats, c.deps}; c.upos > 0 && !slices.Equal(got, want) {
			t.Errorf("%s: tags %v, want %v", c.file, got, want)
		}
		t.Logf("%s: %d lemmas by %d rules", c.file, len(seen["lemma"]), len(seen["lemma_rule"]))
		if 4*len(seen["lemma_rule"]) > len(seen["lemma"]) {
			t.Errorf("%s: %d rules for %d lemmas", c.file, len(seen["lemma_rule"]), len(seen["lemma"]))
		}
	}
}
