package data

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
	"espalier/text"
)

// tagger reads "text" and tags it.
func tagger(scheme string, labels ...string) *schema.Schema {
	return &schema.Schema{
		Version: schema.Version, Inputs: []schema.Input{{Name: "text", Type: schema.Text}},
		Tasks: []schema.Task{{Name: "tags", Type: schema.Tagging, Scheme: scheme, Labels: labels}},
	}
}

// tagsOf returns the tags of each example, "" for those that are missing.
func tagsOf(t *testing.T, scheme string, rules TagRules, sources source.List) ([]string, Stats, error) {
	t.Helper()
	e := encoder(t, tagger(scheme))
	e.Rules = map[string]TagRules{"tags": rules}
	if err := e.Learn(sources); err != nil {
		return nil, Stats{}, err
	}
	d, err := e.Encode(sources)
	if err != nil {
		return nil, Stats{}, err
	}
	return shown(d, e.Schema().Tasks[0].Labels), d.Stats, nil
}

func shown(d *Dataset, labels []string) []string {
	var out []string
	for i := range d.Len() {
		var tags []string
		var b Batch
		d.Fill(&b, []int{i})
		for _, n := range b.Int64s(task.LabelsInput("tags"))[:d.Length(i)] {
			if n == schema.MissingLabel {
				tags = append(tags, "?")
				continue
			}
			tags = append(tags, labels[n])
		}
		out = append(out, strings.Join(tags, " "))
	}
	return out
}

func TestTagsAreRepaired(t *testing.T) {
	for _, c := range []struct {
		scheme, tags, want string
		repaired           int
	}{
		{"bio", "O I-x I-x B-y I-x", "O B-x I-x B-y B-x", 2},
		{"bio", "B-x I-x O B-y I-y", "B-x I-x O B-y I-y", 0},
		{"bioes", "B-x O I-y E-y S-y", "S-x O B-y E-y S-y", 2},
		{"bioes", "B-x I-x", "B-x E-x", 1},
		{"", "I-x O B-y", "I-x O B-y", 0},
	} {
		source := objects(`{"text": "`+strings.TrimSpace(strings.Repeat("w ", len(strings.Fields(c.tags))))+`", "tags": "`+c.tags+`"}`,
			`{"text": "w w w w", "tags": "O O O O"}`)
		got, stats, err := tagsOf(t, c.scheme, TagRules{Repair: true}, source)
		if err != nil || got[0] != c.want || stats.Labels.Repaired != c.repaired {
			t.Errorf("%s %q became %q with %d repairs, want %q with %d; %v", c.scheme, c.tags, got, stats.Labels.Repaired, c.want, c.repaired, err)
		}
	}
}

// Next to a tag that is missing everything may stand, and it stays missing.
func TestMissingTagsAreNotRepaired(t *testing.T) {
	source := objects(`{"text": "a b c", "tags": ["O", "", "I-x"]}`, `{"text": "a b c d", "tags": ["I-x", "", "I-x", "I-x"]}`)
	if _, _, err := tagsOf(t, "bio", TagRules{}, source[:1]); err == nil || !strings.Contains(err.Error(), `d.jsonl:2: task "tags": tag "I-x" of token 1, "a", cannot begin a text`) {
		t.Errorf("got %v", err)
	}
	got, stats, err := tagsOf(t, "bio", TagRules{Repair: true}, source)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"O ? I-x", "B-x ? B-x I-x"}, got); diff != "" || stats.Labels.Repaired != 2 {
		t.Errorf("%d repairs, %s", stats.Labels.Repaired, diff)
	}
}

// A span that is cut through ends where the text does: half of it is no legal
// sequence.
func TestCutSpansEnd(t *testing.T) {
	s := tagger("bioes")
	s.Inputs[0].MaxLength = 3
	e := encoder(t, s)
	source := objects(
		`{"text": "a b c d e", "tags": "O O B-x I-x E-x"}`, `{"text": "a b c d", "tags": "O B-x I-x E-x"}`, `{"text": "a b c", "tags": "S-x B-y E-y"}`,
		`{"text": "a b c d", "tags": "O O B-y E-y"}`)
	if err := e.Learn(source); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(source)
	if err != nil {
		t.Fatal(err)
	}
	// S-y is a label that training does not have.
	want := []string{"O O S-x", "O B-x E-x", "S-x B-y E-y", "O O ?"}
	if diff := cmp.Diff(want, shown(d, e.Schema().Tasks[0].Labels)); diff != "" {
		t.Error(diff)
	}
	if d.Stats.Truncated != 3 || d.Stats.Cut != 4 || d.Stats.Labels.CutTags != 1 {
		t.Errorf("%+v", d.Stats)
	}
}

const sentence = `"Müller 😀 met   Ada Lovelace's dog"` // 34 characters

func TestSpansBecomeTags(t *testing.T) {
	for _, c := range []struct {
		name, scheme string
		rules        TagRules
		line, want   string
		stats        Stats
	}{
		{
			"of tokens", "bio",
			TagRules{},
			`{"text": ["a", "b", "c", "d"], "tags": [{"start": 2, "end": 4, "type": "x"}, {"start": 0, "end": 1, "label": "y"}]}`, "B-y O B-x I-x",
			Stats{},
		},
		{"of tokens, in arrays", "bioes", TagRules{}, `{"text": ["a", "b", "c", "d"], "tags": [[0, 3, "x"], [3, 4, "y"]]}`, "B-x I-x E-x S-y", Stats{}},
		{"none", "bio", TagRules{}, `{"text": ["a", "b"], "tags": []}`, "O O", Stats{}},
		{"of characters", "bio", TagRules{}, `{"text": ` + sentence + `, "tags": [[7, 8, "y"], [0, 6, "x"]]}`, "B-x B-y O O O O", Stats{}},
		{"of bytes", "bio", TagRules{Offsets: "bytes"}, `{"text": ` + sentence + `, "tags": [[8, 12, "y"], [0, 7, "x"]]}`, "B-x B-y O O O O", Stats{}},
		{"of UTF-16", "bio", TagRules{Offsets: "utf16"}, `{"text": ` + sentence + `, "tags": [[7, 9, "y"], [0, 6, "x"]]}`, "B-x B-y O O O O", Stats{}},
		{"white space at the ends", "bio", TagRules{}, `{"text": ` + sentence + `, "tags": [[8, 14, "x"]]}`, "O O B-x O O O", Stats{}},
		{
			"dropped where they do not fit", "bio",
			TagRules{Misaligned: "drop"},
			`{"text": ` + sentence + `, "tags": [[15, 27, "x"], [13, 14, "x"], [0, 6, "y"]]}`, "B-y O O O O O",
			Stats{Labels: task.Counts{Misaligned: 2}},
		},
		{
			"widened where they do not fit", "bio",
			TagRules{Misaligned: "widen"},
			`{"text": ` + sentence + `, "tags": [[17, 27, "x"], [13, 14, "x"], [0, 6, "y"]]}`, "B-y O O B-x I-x O",
			Stats{Labels: task.Counts{Misaligned: 2}},
		},
		{
			"the longest", "bio",
			TagRules{Overlap: "longest"},
			`{"text": ["a", "b", "c", "d"], "tags": [[0, 2, "x"], [1, 4, "y"], [1, 4, "z"]]}`, "O B-y I-y I-y",
			Stats{Labels: task.Counts{Overlapping: 2}},
		},
		{
			"the first", "bio",
			TagRules{Overlap: "first"},
			`{"text": ["a", "b", "c", "d"], "tags": [[1, 4, "y"], [0, 2, "x"], [0, 1, "z"], [2, 3, "y"]]}`, "B-x I-x B-y O",
			Stats{Labels: task.Counts{Overlapping: 2}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, stats, err := tagsOf(t, c.scheme, c.rules, objects(c.line, `{"text": "a b", "tags": "O B-other"}`))
			if c.scheme == "bioes" {
				got, stats, err = tagsOf(t, c.scheme, c.rules, objects(c.line))
			}
			if err != nil {
				t.Fatal(err)
			}
			if got[0] != c.want {
				t.Errorf("got %s, want %s", got[0], c.want)
			}
			stats.Tokens = 0
			if diff := cmp.Diff(c.stats, stats); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTagMessages(t *testing.T) {
	conll := source.List{{Format: "conll", File: "f", FS: files("f", "# x = y\na O\n\nb O\nc I-x\n")}}
	for _, c := range []struct {
		name, scheme string
		source       source.List
		want         string
	}{
		{
			"a tag that cannot follow, on its own line", "bio", conll,
			`f:5: task "tags": tag "I-x" of token 2, "c", cannot follow "O" in scheme bio (correct it, or set tasks.tags.repair: true)`,
		},
		{
			"a tag that cannot end", "bioes", objects(`{"text": "a b", "tags": "O B-x"}`),
			`d.jsonl:1: task "tags": tag "B-x" of token 2, "b", cannot end a text in scheme bioes (correct it, or set tasks.tags.repair: true)`,
		},
		{"more tags than tokens", "bio", objects(`{"text": "a b", "tags": "O O O"}`), `d.jsonl:1: task "tags" has 3 tags for 2 tokens`},
		{
			"no scheme for spans", "", objects(`{"text": ["a"], "tags": [[0, 1, "x"]]}`),
			`d.jsonl:1: task "tags" is given as spans; say how tags spell them: scheme: bio or bioes`,
		},
		{
			"spans beyond the tokens", "bio", objects(`{"text": ["a"], "tags": [[0, 1, "x"], [0, 2, "x"]]}`),
			`d.jsonl:1: task "tags": span 1, x from 0 to 2, is not within the 1 tokens`,
		},
		{
			"spans beyond the characters", "bio", objects(`{"text": "ä", "tags": [[0, 2, "x"]]}`),
			`d.jsonl:1: task "tags": span 0, x from 0 to 2, is not within the text's 1 characters`,
		},
		{
			"empty spans", "bio", objects(`{"text": "ab", "tags": [[1, 1, "x"]]}`),
			`d.jsonl:1: task "tags": span 0, x from 1 to 1, is not within the text's 2 characters`,
		},
		{
			"spans that share tokens", "bio", objects(`{"text": ["a", "b"], "tags": [[0, 2, "x"], [1, 2, "y"]]}`),
			`d.jsonl:1: task "tags": span 1, y from 1 to 2, shares tokens with span 0, x; a tag is of one span (keep one of them by overlap: longest or first)`,
		},
		{
			"spans within a token", "bio", objects(`{"text": ` + sentence + `, "tags": [[15, 27, "x"]]}`),
			`d.jsonl:1: task "tags": span 0, x from 15 to 27, does not begin and end where tokens do: it has "Ada Lovelace", the tokens are "Ada Lovelace's" (correct it, use a tokenizer that splits there, or set misaligned: drop or widen)`,
		},
		{
			"spans of white space", "bio", objects(`{"text": ` + sentence + `, "tags": [[13, 14, "x"]]}`),
			`d.jsonl:1: task "tags": span 0, x from 13 to 14, covers no token (correct it, or leave such spans out by misaligned: drop)`,
		},
		{"no end", "bio", objects(`{"text": "a", "tags": [{"start": 0, "type": "x"}]}`), `d.jsonl:1: key "tags": the end of span 0 is missing`},
		{"half an offset", "bio", objects(`{"text": "a", "tags": [[0.5, 1, "x"]]}`), `d.jsonl:1: key "tags": the start of span 0 is not a whole number`},
		{"no type", "bio", objects(`{"text": "a", "tags": [{"start": 0, "end": 1}]}`), `d.jsonl:1: key "tags": span 0 has no type; it stands under "type" or "label"`},
		{"too long an array", "bio", objects(`{"text": "a", "tags": [[0, 1, 2, "x"]]}`), `d.jsonl:1: key "tags": span 0 has 4 elements; it is a start, an end and a type`},
		{"mixed", "bio", objects(`{"text": "a", "tags": [[0, 1, "x"], "O"]}`), `d.jsonl:1: key "tags": span 1 is a text, the ones before it are objects or arrays`},
		{"spans as a text", "bio", objects(`{"text": [[0, 1, "x"]], "tags": "O"}`), `d.jsonl:1: there is no field for input "text"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := tagsOf(t, c.scheme, TagRules{}, c.source)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	e, err := NewEncoder(threeTasks())
	if err != nil {
		t.Fatal(err)
	}
	const want = `d.jsonl:1: task "topic" is classification, but its field is a list of 1 spans, which are for tagging`
	if err := e.Learn(objects(`{"text": "a", "topic": [[0, 1, "x"]]}`)); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestSpansFormat(t *testing.T) {
	const example = `{"tokens": ["Ada", "saw", "Rome"], "entities": [{"type": "P", "start": 0, "end": 1}], "relations": [], "orig_id": 3}`
	for name, s := range map[string]source.Source{
		"an array":      {FS: files("a", "\ufeff\n["+example+"]")},
		"lines":         {FS: files("a", example+"\n")},
		"a document":    {Path: "train", FS: files("a", `{"train": [`+example+`]}`)},
		"mapped fields": {FS: files("a", strings.NewReplacer("tokens", "words", "entities", "names").Replace(example)), Fields: map[string]string{"text": "words", "tags": "names"}},
		"own names":     {FS: files("a", strings.NewReplacer("tokens", "text", "entities", "tags").Replace(example))},
	} {
		s.Format, s.File = "spans", "a"
		got, _, err := tagsOf(t, "bio", TagRules{}, source.List{s})
		if err != nil || got[0] != "B-P O O" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	// Annotation tools give a text and characters.
	got, _, err := tagsOf(t, "bio", TagRules{}, source.List{{
		Format: "spans", File: "a", Fields: map[string]string{"tags": "label"}, FS: files("a", `{"id": 1, "text": "Ada saw Rome", "label": [[8, 12, "L"]]}`),
	}})
	if err != nil || got[0] != "O O B-L" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestInline(t *testing.T) {
	fsys := files("d/b.csv", "id;note\n3;\"[x:a b] c\"\n", "d/a.csv", "id;note\n1;\"wake me at [time : nine am] on [date : a:b]\"\n2;none\n", "d/c.txt", "")
	got, _, err := tagsOf(t, "bio", TagRules{}, source.List{{
		Format: "csv", Delimiter: ";", Root: "d", File: "*.csv", Inline: "note", Fields: map[string]string{"text": "note", "tags": "note"}, FS: fsys,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"O O O B-time I-time O B-date", "O", "B-x I-x O"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestABlankInlineTextIsNoLabel of a task that reads the column whose text has spans.
func TestABlankInlineTextIsNoLabel(t *testing.T) {
	s := tagger("bio")
	s.Tasks = append(s.Tasks, schema.Task{Name: "whole", Type: schema.Classification})
	e := encoder(t, s)
	sources := source.List{{
		Format: "csv", File: "a", Inline: "note", Fields: map[string]string{"text": "note", "tags": "note", "whole": "note"},
		FS: files("a", "id,note\n1,[x : a] b\n2, \n3,c\n"),
	}}
	if err := e.Learn(sources); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(sources)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{0, schema.MissingLabel, 1}, classesOf(d, "whole")); diff != "" || d.Unseen(1) != nil {
		t.Errorf("unseen %q, %s", d.Unseen(1), diff)
	}
}

func FuzzSpans(f *testing.F) {
	for _, s := range []string{
		`{"tokens": ["a"], "entities": [{"start": 0, "end": 1, "type": "x"}]}`, `[{"text": "a b", "label": [[0, 1, "x"]]}]`,
		`{"text": "ä😀", "entities": [[0, 2, "x"]]}`, `[{"tokens": [], "entities": [[-1, 99999999999999999999, ""]]}]`,
	} {
		f.Add([]byte(s), "longest", "widen", "utf16")
		f.Add([]byte(s), "", "", "")
	}
	f.Fuzz(func(t *testing.T, content []byte, overlap, misaligned, offsets string) {
		e, err := Resume(tagger("bioes", "O", "S-x"), text.NewCounter().Build(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		e.Unseen = IgnoreUnseen
		e.Rules = map[string]TagRules{"tags": {Overlap: overlap, Misaligned: misaligned, Offsets: offsets}}
		d, err := e.Encode(source.List{{Format: "spans", File: "fuzzed", FS: files("fuzzed", string(content)), MaxLine: 1 << 12, SkipBroken: true}})
		for i := 0; err == nil && i < d.Len(); i++ {
			if truth, _ := d.Targets("tags").Truth(i, nil); len(truth.Labels) != d.Length(i) {
				t.Fatalf("%d tags for %d tokens", len(truth.Labels), d.Length(i))
			}
		}
		if err != nil && !strings.Contains(err.Error(), "fuzzed") {
			t.Fatal(err)
		}
	})
}

func TestBrokenExamplesCanBeSkipped(t *testing.T) {
	fsys := files(
		"a.tsv", "text\ttags\na b\tO B-x\na\tO O\nc\nd\tB-x\n",
		"b.jsonl", "{\"text\": \"a\", \"tags\": \"O\"}\n{\"text\": \n{\"text\": {}}\n",
		"c.txt", "O a\nb\n",
	)
	sources := source.List{
		{Format: "tsv", File: "a.tsv", FS: fsys, SkipBroken: true},
		{Format: "jsonl", File: "b.jsonl", FS: fsys, SkipBroken: true},
		{Format: "lines", File: "c.txt", Pattern: `(?P<tags>O) (?P<text>\w)`, FS: fsys, SkipBroken: true},
	}
	got, stats, err := tagsOf(t, "bio", TagRules{}, sources)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"O B-x", "B-x", "O", "O"}, got); diff != "" {
		t.Error(diff)
	}
	want := Stats{Tokens: 5, Counts: source.Counts{Skipped: 5, FirstSkipped: `a.tsv:3: task "tags" has 2 tags for 1 tokens`}}
	if diff := cmp.Diff(want, stats); diff != "" {
		t.Error(diff)
	}
	// What is wrong with a whole file, or a label, is no broken example.
	for _, s := range []source.Source{
		{Format: "tsv", File: "absent", FS: fsys, SkipBroken: true},
		{Format: "jsonl", File: "x", FS: files("x", "\xff"), SkipBroken: true},
		{Format: "tsv", File: "x", FS: files("x", "text\ttags\na\tB-y\n"), SkipBroken: true},
	} {
		e := encoder(t, tagger("bio"))
		e.Unseen = RefuseUnseen
		if err := e.Learn(sources); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Encode(s); err == nil {
			t.Errorf("%s was skipped", s.File)
		}
	}
}

func TestNotes(t *testing.T) {
	s := Stats{Truncated: 1, Cut: 2, Labels: task.Counts{CutTags: 3, Repaired: 4, Overlapping: 5, Misaligned: 6}, Counts: source.Counts{Skipped: 7, FirstSkipped: "a:1: x"}}
	want := []string{
		"7 broken examples were left out, the first: a:1: x",
		"1 example was longer than the maximum and was cut, by 2 tokens",
		"3 tags that training never had, made by cutting spans, count as missing",
		"4 tags that cannot stand where they do were repaired",
		"5 spans that share tokens with others were left out",
		"6 spans that begin or end within a token were widened or left out",
	}
	if diff := cmp.Diff(want, s.Notes()); diff != "" {
		t.Error(diff)
	}
	one := Stats{Truncated: 3, Cut: 4, Labels: task.Counts{CutTags: 1, Repaired: 1, Overlapping: 1, Misaligned: 1, Unrelated: 1}, Unlabelled: 1, Counts: source.Counts{Skipped: 1, FirstSkipped: "a:1: x"}}
	want = []string{
		"1 broken example was left out: a:1: x",
		"1 example without a label was left out",
		"3 examples were longer than the maximum and were cut, by 4 tokens in all",
		"1 tag that training never had, made by cutting a span, counts as missing",
		"1 tag that cannot stand where it does was repaired",
		"1 span that shares tokens with another was left out",
		"1 relation was left out because an entity of it was",
		"1 span that begins or ends within a token was widened or left out",
	}
	if diff := cmp.Diff(want, one.Notes()); diff != "" {
		t.Error(diff)
	}
	if got := (Stats{Tokens: 3, Unknown: 1}).Notes(); got != nil {
		t.Error(got)
	}
}
