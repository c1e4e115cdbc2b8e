package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/schema"
)

// Every record of the files that match knows its place; spans are taken out of its
// text, and count bytes.
func TestInline(t *testing.T) {
	fsys := files("d/b.csv", "id;note\n3;\"[x:a b] c\"\n", "d/a.csv", "id;note\n1;\"wake me at [time : nine am] on [date : a:b]\"\n2;none\n", "d/c.txt", "")
	s := Source{
		Format: "csv", Delimiter: ";", Root: "d", File: "*.csv", Inline: "note", Fields: map[string]string{"text": "note", "tags": "note"}, FS: fsys,
	}
	records, err := readAll(s, "text")
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, r := range records {
		places = append(places, r.Errorf("%s", r.Fields["text"].Text).Error())
	}
	want := []string{"d/a.csv:2: wake me at nine am on a:b", "d/a.csv:3: none", "d/b.csv:2: a b c"}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Error(diff)
	}
	spans := []schema.Span{{Type: "time", Start: 11, End: 18}, {Type: "date", Start: 22, End: 25}}
	if diff := cmp.Diff(spans, records[0].Fields["text"].Spans); diff != "" || records[0].Fields["text"].Unit != "bytes" {
		t.Error(diff)
	}
}

func TestInlineMessages(t *testing.T) {
	for text, want := range map[string]string{
		"a ] b":             `the text "a ] b" closes a bracket that is not open; a span is written [type : words]`,
		"a [x : b":          `the text "a [x : b" has a bracket that is not closed; a span is written [type : words]`,
		"a [x : [y : b] ] ": `the text "a [x : [y : b] ] " has a bracket that is not closed; a span is written [type : words]`,
		"a [b] c":           `the text "a [b] c" has [b] in it; a span is written [type : words]`,
		"[x:]":              `the text "[x:]" has [x:] in it; a span is written [type : words]`,
		"[ : a]":            `the text "[ : a]" has [ : a] in it; a span is written [type : words]`,
	} {
		_, err := readAll(Source{
			Format: "tsv", File: "a", NoHeader: true, Inline: "0", Fields: map[string]string{"text": "0"}, FS: files("a", text+"\n"),
		}, "text")
		if err == nil || err.Error() != "a:1: "+want {
			t.Errorf("got  %v\nwant a:1: %s", err, want)
		}
	}
	for want, s := range map[string]Source{
		`data: no field is read from "note", which is inline; map some to it, as in fields: {text: note, slots: note}`: {Format: "tsv", File: "a", Inline: "note"},
		`a:1: "text" is a list, inline spans stand in a text`:                                                          {Format: "jsonl", File: "a", Inline: "text", FS: files("a", `{"text": ["a"]}`)},
		`data: files d/*.csv: no file matches it`:                                                                      {Format: "csv", Root: "d", File: "*.csv", FS: files()},
		`data: files [: syntax error in pattern`:                                                                       {Format: "csv", File: "[", FS: files()},
	} {
		if _, err := readAll(s, "text"); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func FuzzInline(f *testing.F) {
	for _, s := range []string{"", "a [x : b] c", "[x:y][z:w]", "[[x:y]]", "[x : é ] é", "]["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := inlineField(word(s))
		if err != nil {
			return
		}
		if strings.ContainsAny(got.Text, "[]") {
			t.Fatalf("%q became %q", s, got.Text)
		}
		end := 0
		for _, span := range got.Spans {
			if span.Start < end || span.End <= span.Start || span.End > len(got.Text) || strings.TrimSpace(got.Text[span.Start:span.End]) == "" {
				t.Fatalf("%q has span %+v of %q", s, span, got.Text)
			}
			end = span.End
		}
	})
}
