package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/schema"
)

// fieldsOf reads a source and returns what its records hold.
func fieldsOf(t *testing.T, s Source, fields string) []map[string]Field {
	t.Helper()
	records, err := readAll(s, strings.Fields(fields)...)
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]Field
	for _, r := range records {
		out = append(out, r.Fields)
	}
	return out
}

type wanted []map[string]Field

func (w wanted) check(t *testing.T, got []map[string]Field) {
	t.Helper()
	if diff := cmp.Diff([]map[string]Field(w), got, cmpopts.IgnoreFields(Field{}, "File", "Line", "Unit"), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestJSONDocument(t *testing.T) {
	const nested = "\ufeff{\n \"x\": [1, {\"y\": \"]\"}],\n \"a.b\": {\"c\": [7,\n  [[\"play jazz\",\n    \"music\"], [\"hi\", null], []]]},\n \"z\": {}\n}\n"
	arrays := map[string]string{"text": "0", "topic": "1"}
	for _, c := range []struct {
		name, content, fields string
		source                Source
		want                  wanted
	}{
		{
			"the document is the array, fields by key", `[{"text": "a", "tags": ["O"], "m": {"n": [1, 2.50]}}, {"text": ""}]`, "text tags two",
			Source{Fields: map[string]string{"two": "m.n.1"}},
			wanted{{"text": word("a"), "tags": list("O"), "two": word("2.50")}, {"text": word("")}},
		},
		{
			"a path of keys, one with a dot, and a number; fields by number", nested, "text topic",
			Source{Path: "a.b.c.1", Fields: map[string]string{"text": "0", "topic": "1"}},
			nil, // the last example is an empty array: an error, below
		},
		{"no examples", `{"train": []}`, "text", Source{Path: "train"}, nil},
		{"latin1", "[[\"caf\xe9\"]]", "text", Source{Encoding: "latin1", Fields: arrays}, wanted{{"text": word("café")}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.content == nested {
				c.content = strings.Replace(nested, ", []]", "]", 1)
				c.want = wanted{{"text": word("play jazz"), "topic": word("music")}, {"text": word("hi")}}
			}
			c.source.Format, c.source.File, c.source.FS = "json", "a", files("a", c.content)
			c.want.check(t, fieldsOf(t, c.source, c.fields))
		})
	}
	s := Source{Format: "json", File: "a", FS: files("a", nested), Path: "a.b.c.1", Fields: arrays}
	records, err := readAll(s, "text", "topic")
	if len(records) != 2 || records[0].Line != 4 || records[1].Line != 5 || records[1].Place != "a.b.c.1.1" {
		t.Errorf("records stand at %+v", records)
	}
	if want := `a:5: a.b.c.1.2: "text" is element 0, counted from 0, of an array of 0`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// Format spans reads documents and lines, and finds tokens or a text and the one
// other field where nothing is said.
func TestSpansFormat(t *testing.T) {
	const example = `{"tokens": ["Ada", "saw"], "entities": [{"type": "P", "start": 0, "end": 1}], "relations": [{"type": "r", "head": 0, "tail": 1}]}`
	entities := Field{Marked: true, Spans: []schema.Span{{Type: "P", Start: 0, End: 1}}}
	want := wanted{{"text": list("Ada", "saw"), "tags": entities}}
	for name, s := range map[string]Source{
		"an array":   {FS: files("a", "\ufeff\n["+example+"]")},
		"lines":      {FS: files("a", example+"\n")},
		"a document": {Path: "train", FS: files("a", `{"train": [`+example+`]}`)},
		"own names":  {FS: files("a", strings.NewReplacer("tokens", "text", "entities", "tags").Replace(example))},
	} {
		t.Run(name, func(t *testing.T) {
			s.Format, s.File = "spans", "a"
			want.check(t, fieldsOf(t, s, "text tags"))
		})
	}
	wanted{{"text": list("Ada", "saw"), "entities": entities, "relations": {Related: true, Relations: []Relation{{"r", 0, 1}}}}}.check(t,
		fieldsOf(t, Source{Format: "spans", File: "a", FS: files("a", example)}, "text entities relations"))
}

func TestPattern(t *testing.T) {
	s := Source{
		Format: "lines", File: "a", Encoding: "latin1", Pattern: `(?P<fine>(?P<coarse>[A-Z]+):\w+) (?P<text>.*)|(?P<text>\w+)`,
		FS: files("a", "DESC:manner How did caf\xe9s come ?\n\nplain\n"),
	}
	wanted{
		{"text": word("How did cafés come ?"), "coarse": word("DESC"), "label": word("DESC:manner")},
		{"text": word("plain")},
	}.check(t, fieldsOf(t, Source{
		Format: s.Format, File: s.File, Encoding: s.Encoding, Pattern: s.Pattern, FS: s.FS, Fields: map[string]string{"label": "fine"},
	}, "text coarse label topic"))
}

func TestJoin(t *testing.T) {
	s := Source{
		Format: "tsv", NoHeader: true, File: "a", Fields: map[string]string{"text": "0", "one": "1"},
		Join: []Source{
			{Format: "tsv", NoHeader: true, File: "b", Fields: map[string]string{"text": "0", "two": "1"}},
			{Format: "lines", Files: map[string]string{"three": "c"}},
		},
		FS: files("a", "x y\t1\nz\t2\n", "b", "x y\tA\nz\tB\n", "c", "p\nq\n"),
	}
	wanted{
		{"text": word("x y"), "one": word("1"), "two": word("A"), "three": word("p")},
		{"text": word("z"), "one": word("2"), "two": word("B"), "three": word("q")},
	}.check(t, fieldsOf(t, s, "text one two three"))
	// The mistakes of a joined file are told of that file.
	r, err := s.Open([]string{"text", "two", "three"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	rec, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if got := rec.ErrorAt("two", "wrong").Error(); got != "b:2: wrong" {
		t.Error(got)
	}
}

func TestSetAndValues(t *testing.T) {
	fsys := files(
		"a.jsonl", `{"text": "x", "intent": "pay", "ids": "0, 2", "list": ["1"], "kind": "k"}`+"\n"+`{"text": "y", "intent": " oos "}`+"\n"+`{"text": "z", "ids": ","}`,
		"domains.json", `{"bank": ["pay", "save"], "talk": ["hi", 3]}`, "names.json", `["zero", "one", "two"]`, "names.txt", "zero\none\ntwo\n\n",
		"pairs.tsv", "0\tzero\n2\ttwo\n", "texts.json", `{"0": "zero", "2": 2}`,
	)
	all := map[string]Mapping{
		"domain": {From: "intent", File: "domains.json", Map: map[string]string{"oos": ""}},
		"scope":  {From: "intent", Map: map[string]string{"oos": "out"}, Other: "in"},
		"kept":   {From: "intent", Map: map[string]string{"oos": "out"}, Unknown: "keep"},
		"lost":   {From: "intent", Map: map[string]string{"oos": "out"}, Unknown: "missing"},
		"ids":    {File: "names.txt", Separator: ","},
		"pairs":  {From: "ids", File: "pairs.tsv", Separator: ","},
		"texts":  {From: "ids", File: "texts.json", Separator: ","},
		"list":   {File: "names.json"},
		"both":   {From: "{kind}/{intent}"},
		"looked": {From: "{kind}/{intent}", Map: map[string]string{"k/pay": "yes"}},
	}
	s := Source{
		Format: "jsonl", File: "a.jsonl", FS: fsys, Set: map[string]string{"origin": "a"}, Values: all,
		Names: map[string]string{"text": "text", "from": "origin", "sort": "kind", "domain": "domain"}, Fields: map[string]string{"kind": "kind"},
	}
	wanted{
		{
			"text": word("x"), "domain": word("bank"), "scope": word("in"), "kept": word("pay"), "lost": word(""), "ids": list("zero", "two"),
			"pairs": list("zero", "two"), "texts": list("zero", "2"), "list": list("one"), "from": word("a"), "sort": word("k"),
			"both": word("k/pay"), "looked": word("yes"),
		},
		{"text": word("y"), "domain": word(""), "scope": word("out"), "kept": word("out"), "lost": word("out"), "from": word("a")},
		{"text": word("z"), "ids": list("", ""), "pairs": list("", ""), "texts": list("", ""), "from": word("a")},
	}.check(t, fieldsOf(t, s, "text domain scope kept lost ids pairs texts list from sort both looked"))
}

func TestFormatMessages(t *testing.T) {
	document := func(path, content string) Source {
		return Source{Format: "json", File: "a", Path: path, FS: files("a", content)}
	}
	pattern := func(pattern, content string) Source {
		return Source{Format: "lines", File: "a", Pattern: pattern, FS: files("a", content)}
	}
	two := func(b string) Source {
		return Source{
			Format: "tsv", File: "a", FS: files("a", "text\nx\ny\n", "b", b),
			Join: []Source{{Format: "tsv", File: "b"}},
		}
	}
	values := func(m Mapping, name, content string) Source {
		return Source{
			Format: "tsv", File: "a", FS: files("a", "text\tlabel\nx\tmusik\n", name, content), Values: map[string]Mapping{"label": m},
		}
	}
	for _, c := range []struct {
		name   string
		source Source
		want   string
	}{
		{"no path", document("", `{"train": [], "test": []}`), "a:1: the document is an object with the keys train, test; name the one that holds the array of examples in path"},
		{"a key like another", document("tran", `{"train": []}`), `a:1: the document has no key "tran"; did you mean "train"?`},
		{"a key like none", document("data.test", "{\"data\":\n {\"train\": [], \"x\": 1}}"), `a:2: the value at "data" has no key "test"; it has train, x`},
		{"a text at the path", document("train", `{"train": "x"}`), `a:1: the value at "train" is a text, not an array of examples`},
		{"a text within the path", document("train.0", `{"train": 3}`), `a:1: the value at "train" is a number, not an array of examples`},
		{"not a number", document("x", `[]`), `a:1: the document is an array, "x" is not the number of an element`},
		{"too few", document("1", `[[]]`), `a:1: the document is an array of 1, it has no element 1, counted from 0`},
		{"empty file", document("", ``), `a:1: the JSON document ends early; is the file cut off?`},
		{"cut off in an example", document("", "[{\"text\": \"x\"},\n [\"y"), `a:2: the JSON document ends early; is the file cut off?`},
		{"cut off behind the examples", document("t", "{\"t\": [],\n\"v\": [1]"), `a:2: the JSON document ends early; is the file cut off?`},
		{"something behind", document("", "[] []"), `a:1: the file holds more than one JSON value`},
		{"not JSON", document("t", "{\"t\": [\n{]"), `a:2: not valid JSON: invalid character ']' looking for beginning of object key string`},
		{"not UTF-8", document("", "[\n\"\xff\"]"), `a:2: a byte is not valid UTF-8; save the file as UTF-8 or set encoding: latin1`},
		{"a text as an example", document("t", `{"t": ["x"]}`), `a:1: t.0: the example is a text, not a JSON object or array`},
		{"nothing mapped", document("", `[["x", 1]]`), `a:1: 0: the example is a JSON array; say what its elements are, as in fields: {text: 0}`},
		{"an object as a label", document("", "[\n{\"text\": \"x\", \"label\": {}}]"), `a:2: 0: key "label": a JSON object is not a text, a number or a list`},
		{
			"too long",
			Source{Format: "json", File: "a", MaxLine: 10, FS: files("a", `["`+strings.Repeat("x", 20000)+`"]`)},
			`a:1: a JSON value is longer than 10 bytes; is this the right file and path?`,
		},

		{"a pattern that is none", pattern(`(?P<text>`, ""), "data: pattern of format lines: error parsing regexp: missing closing ): `(?P<text>`"},
		{"no groups", pattern(`(.*)`, ""), "data: pattern of format lines: it has no named group; write (?P<FIELD>...) around what is a field"},
		{"other groups", pattern(`(?P<a>.)(?P<b>.)`, ""), "data: no group of the pattern of format lines is named text, label; it has a, b"},
		{
			"a group that is not there",
			Source{Format: "lines", File: "a", Pattern: `(?P<text>.*)`, Fields: map[string]string{"label": "l"}},
			`data: pattern of format lines has no group "l" for "label"; it has text`,
		},
		{"another line", pattern(`(?P<label>\d) (?P<text>.*)`, "1 x\nx\n"), `a:2: the line "x" does not match the pattern (?P<label>\d) (?P<text>.*)`},
		{"the whole line", pattern(`(?P<text>x)`, "x\nxx\n"), `a:2: the line "xx" does not match the pattern (?P<text>x)`},

		{"joined files that differ", two("text\nx\nz\n"), `b:3: "text" is "z" here, but "y" in a:3; joined files have the same examples`},
		{"the joined file is shorter", two("text\nx\n"), "b:2: the file ends after 1 examples, but a:3 has another; joined files have the same examples"},
		{"the joined file is longer", two("text\nx\ny\nz\n"), "a:3: the file ends after 2 examples, but b:4 has another; joined files have the same examples"},
		{"the joined file is not there", Source{Format: "tsv", File: "a", FS: files("a", "text\n"), Join: []Source{{Format: "tsv", File: "b"}}}, "data: open b: file does not exist"},

		{
			"a value like another", values(Mapping{Map: map[string]string{"music": "m"}}, "", ""),
			`a:2: "label" is looked up by "musik", which is not in map; did you mean "music"? (add it, or say what becomes of others: values.label.unknown: missing or keep, or other: VALUE)`,
		},
		{
			"a value like none", values(Mapping{File: "v"}, "v", "a\nb\n"),
			`a:2: "label" is looked up by "musik", which is not in v; it has 0, 1 (add it, or say what becomes of others: values.label.unknown: missing or keep, or other: VALUE)`,
		},
		{"nothing to look up in", values(Mapping{From: "x"}, "", ""), `data: values "label" has neither file nor map`},
		{"an unknown word", values(Mapping{Map: map[string]string{"a": "b"}, Unknown: "drop"}, "", ""), `data: unknown "drop" of values "label" is not one of error, missing, keep`},
		{"no such file", values(Mapping{File: "v"}, "", ""), "data: open v: file does not exist"},
		{"an empty file", values(Mapping{File: "v"}, "v", "\n"), "v: the file is empty, no value can be looked up in it"},
		{"mixed lines", values(Mapping{File: "v"}, "v", "a\tb\nc\n"), "v:2: the lines before this one have a tab, this one has not: a line is a value, a tab and a result everywhere, or a result everywhere"},
		{"a value twice", values(Mapping{File: "v"}, "v", "a\tb\na\tc\n"), `v:2: value "a" stands twice`},
		{"a value in two lists", values(Mapping{File: "v.json"}, "v.json", `{"b": ["x"], "a": ["x"]}`), `v.json: value "x" stands under both "a" and "b"`},
		{"not JSON, either", values(Mapping{File: "v.json"}, "v.json", `{`), `v.json: not valid JSON: unexpected EOF`},
		{"another JSON", values(Mapping{File: "v.json"}, "v.json", `3`), `v.json: the document is a number, not an object of texts or lists, or an array of texts`},
		{"lists of lists", values(Mapping{File: "v.json"}, "v.json", `{"a": [[]]}`), `v.json: key "a": element 0 is not a string or a number`},
		{"an array of objects", values(Mapping{File: "v.json"}, "v.json", `[{}]`), `v.json: element 0 is not a string or a number`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readAll(c.source, "text", "label")
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func FuzzJSON(f *testing.F) {
	for _, path := range []string{"", "t", "t.0", "1"} {
		for _, s := range []string{`{"t": [["a", "b"], []]}`, `[[], [{"text": "a"}]]`, "[\n[\"\\ud800\"", "{\"t\": [\xff]}", `[][]`, `[1`, "\ufeff[]"} {
			f.Add([]byte(s), path)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, path string) {
		fuzzSource(t, Source{
			Format: "json", File: "fuzzed", Path: path, FS: files("fuzzed", string(content)), Fields: map[string]string{"label": "1"},
		})
	})
}

func FuzzSpans(f *testing.F) {
	fuzzFile(f, "spans", `{"tokens": ["a"], "entities": [{"start": 0, "end": 1, "type": "x"}]}`, `[{"text": "a b", "label": [[0, 1, "x"]]}]`,
		`[{"tokens": [], "entities": [[-1, 99999999999999999999, ""]]}]`, `{"text": "a", "label": [{"head": 0, "tail": 1, "type": ""}]}`)
}

func FuzzPattern(f *testing.F) {
	f.Add([]byte("a b\n"), `(?P<text>\w) (?P<label>.*)`)
	f.Add([]byte("a\n\n\xff"), `(?P<text>.*)`)
	f.Add([]byte("a"), `(?P<text>a)|(?P<text>b)`)
	f.Fuzz(func(t *testing.T, content []byte, pattern string) {
		if _, err := LinePattern(pattern); err != nil || !strings.Contains(pattern, "P<text>") {
			return
		}
		fuzzSource(t, Source{Format: "lines", File: "fuzzed", Pattern: pattern, FS: files("fuzzed", string(content))})
	})
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"a\nb\n", "a\tb\n", "a\tb\nc", "\n\n", `{"a": ["x", 1], "b": "y"}`, `["a"]`, `{"a": {}}`, "[\xff"} {
		f.Add([]byte(s), "0")
	}
	f.Fuzz(func(t *testing.T, content []byte, value string) {
		for _, name := range []string{"fuzzed.txt", "fuzzed.json"} {
			s := Source{FS: files(name, string(content))}
			l, err := s.lookup("label", Mapping{File: name, Separator: ","})
			if err != nil {
				if !strings.Contains(err.Error(), "fuzzed") {
					t.Fatal(err)
				}
				continue
			}
			if got, err := l.of(word(value)); err == nil && !got.List {
				t.Fatalf("%+v", got)
			}
		}
	})
}
