package source

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// files makes a file system of names and contents.
func files(pairs ...string) fs.FS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func zipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func readAll(s Source, fields ...string) ([]Record, error) {
	var out []Record
	_, err := Each(s, fields, func(r *Record) error {
		out = append(out, *r)
		return nil
	})
	return out, err
}

func word(s string) Field { return Field{Text: s} }

func list(s ...string) Field { return Field{List: true, Tokens: s} }

func TestReaders(t *testing.T) {
	long := strings.Repeat("word ", 30000) // longer than any buffer
	for _, c := range []struct {
		name   string
		source Source
		files  []string
		fields string
		want   []Record
	}{
		{
			"lines: parallel files, a byte order mark, CRLF and no end of the last line",
			Source{Format: "lines", Root: "d", Files: map[string]string{"text": "a", "slots": "b", "more": "absent"}},
			[]string{"d/a", "\ufeffplay jazz\r\nstop\r\n", "d/b", "O B-x\nO"},
			"text slots",
			[]Record{
				{File: "d/a", Line: 1, Fields: map[string]Field{"text": word("play jazz"), "slots": word("O B-x")}},
				{File: "d/a", Line: 2, Fields: map[string]Field{"text": word("stop"), "slots": word("O")}},
			},
		},
		{
			"lines: names, then fields",
			Source{
				Format: "lines", Files: map[string]string{"text": "a", "tag": "b"},
				Names: map[string]string{"slots": "entities"}, Fields: map[string]string{"entities": "tag"},
			},
			[]string{"a", "x", "b", "O"},
			"text slots",
			[]Record{{File: "a", Line: 1, Fields: map[string]Field{"text": word("x"), "slots": word("O")}}},
		},
		{
			"lines: an empty line is an empty text",
			Source{Format: "lines", Files: map[string]string{"text": "a"}},
			[]string{"a", "x\n\ny\n"},
			"text",
			[]Record{{File: "a", Line: 1, Fields: map[string]Field{"text": word("x")}}, {File: "a", Line: 2, Fields: map[string]Field{"text": word("")}}, {File: "a", Line: 3, Fields: map[string]Field{"text": word("y")}}},
		},
		{
			"csv: header, quotes, a line break in quotes",
			Source{Format: "csv", File: "a", Fields: map[string]string{"text": "Body"}},
			[]string{"a", "id,Body, topic \n1,\"say \"\"hi\"\",\nthen go\",news\n\n2,plain,\n"},
			"text topic",
			[]Record{
				{File: "a", Line: 2, Fields: map[string]Field{"text": word("say \"hi\",\nthen go"), "topic": word("news")}},
				{File: "a", Line: 5, Fields: map[string]Field{"text": word("plain"), "topic": word("")}},
			},
		},
		{
			"csv: numbered columns, another delimiter, no header",
			Source{Format: "csv", File: "a", NoHeader: true, Delimiter: ";", Fields: map[string]string{"text": "1", "topic": "0"}},
			[]string{"a", "x;\"a;b\"\ny;c\n"},
			"text topic none",
			[]Record{
				{File: "a", Line: 1, Fields: map[string]Field{"text": word("a;b"), "topic": word("x")}},
				{File: "a", Line: 2, Fields: map[string]Field{"text": word("c"), "topic": word("y")}},
			},
		},
		{
			"tsv: quotes are characters, empty lines are not rows",
			Source{Format: "tsv", File: "a"},
			[]string{"a", "text\tlabel\n\"a\t1\n\n\nb\"\t\n"},
			"text label",
			[]Record{
				{File: "a", Line: 2, Fields: map[string]Field{"text": word("\"a"), "label": word("1")}},
				{File: "a", Line: 5, Fields: map[string]Field{"text": word("b\""), "label": word("")}},
			},
		},
		{
			"tsv: a packed file in latin1",
			Source{Format: "tsv", File: "a.gz", NoHeader: true, Encoding: "latin1", Fields: map[string]string{"text": "0"}},
			[]string{"a.gz", zipped(t, "caf\xe9\t1\n")},
			"text",
			[]Record{{File: "a.gz", Line: 1, Fields: map[string]Field{"text": word("café")}}},
		},
		{
			"jsonl: texts, numbers, lists, a dotted path, null and absent keys",
			Source{Format: "jsonl", File: "a", Fields: map[string]string{"score": "meta.score", "dotted": "a.b"}},
			[]string{"a", `{"text": "caf\u00e9", "meta": {"score": 1.50}, "tags": ["O", 3], "a.b": true, "topic": null}` + "\n\n" + `{"text": []}`},
			"text score tags dotted topic",
			[]Record{
				{File: "a", Line: 1, Fields: map[string]Field{"text": word("café"), "score": word("1.50"), "tags": list("O", "3"), "dotted": word("true")}},
				{File: "a", Line: 3, Fields: map[string]Field{"text": list()}},
			},
		},
		{
			"conll: text and the last column, sentences apart by empty lines, DOCSTART left out",
			Source{Format: "conll", File: "a"},
			[]string{"a", "-DOCSTART- -X- O\n\nAda NNP B-PER\nsaw VBD O\n \t\n\nit PRP O"},
			"text entities",
			[]Record{
				{File: "a", Line: 3, Fields: map[string]Field{"text": list("Ada", "saw"), "entities": list("B-PER", "O")}},
				{File: "a", Line: 7, Fields: map[string]Field{"text": list("it"), "entities": list("O")}},
			},
		},
		{
			"conll: comments are fields, a column of _ is missing, of no token means nothing",
			Source{Format: "conll", File: "a", Delimiter: "\t", Fields: map[string]string{"pos": "1", "entities": "-1", "topic": "subject"}},
			[]string{"a", "# subject = world news\n# other = x\nNew York\tNNP\t_\n_\t_\t_\n\n#\tSYM\tO\n"},
			"text pos entities topic",
			[]Record{
				{File: "a", Line: 3, Fields: map[string]Field{"text": list("New York", "_"), "pos": list("NNP", "_"), "topic": word("world news")}},
				{File: "a", Line: 6, Fields: map[string]Field{"text": list("#"), "pos": list("SYM"), "entities": list("O")}},
			},
		},
		{
			"conll: with several tasks, one without a mapping is never the last column",
			Source{Format: "conll", File: "a", Fields: map[string]string{"entities": "1"}},
			[]string{"a", "x O\n\n# topic = t\ny O\n"},
			"text topic entities",
			[]Record{
				{File: "a", Line: 1, Fields: map[string]Field{"text": list("x"), "entities": list("O")}},
				{File: "a", Line: 4, Fields: map[string]Field{"text": list("y"), "entities": list("O"), "topic": word("t")}},
			},
		},
		{
			"conll: a no-break space is part of a token",
			Source{Format: "conll", File: "a"},
			[]string{"a", "1\u00a0000 O\n"},
			"text entities",
			[]Record{{File: "a", Line: 1, Fields: map[string]Field{"text": list("1\u00a0000"), "entities": list("O")}}},
		},
		{
			"a line longer than the buffer",
			Source{Format: "lines", Files: map[string]string{"text": "a"}},
			[]string{"a", long + "\nnext\n"},
			"text",
			[]Record{{File: "a", Line: 1, Fields: map[string]Field{"text": word(long)}}, {File: "a", Line: 2, Fields: map[string]Field{"text": word("next")}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.source.FS = files(c.files...)
			got, err := readAll(c.source, strings.Fields(c.fields)...)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got { // where parallel files stand is told by errors
				if c.source.Format == "lines" {
					got[i].File = c.want[i].File
				}
			}
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(Record{}), cmpopts.IgnoreFields(Field{}, "File", "Line", "Unit"), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReaderMessages(t *testing.T) {
	two := map[string]string{"label": "l", "text": "t"}
	for _, c := range []struct {
		name   string
		source Source
		files  []string
		want   string
	}{
		{"format", Source{Format: "xml"}, nil, `data: format "xml" is not one of lines, csv, tsv, json, jsonl, spans, conll, conllu`},
		{"encoding", Source{Format: "tsv", File: "a", Encoding: "utf-16"}, nil, `data: encoding "utf-16" is not one of utf-8, latin1`},
		{"no file", Source{Format: "csv", File: "absent.csv"}, nil, "data: open absent.csv: file does not exist"},
		{"no file named", Source{Format: "csv"}, nil, `data: format csv reads one file, named by "file"`},
		{"no files named", Source{Format: "lines"}, nil, `data: format lines needs "files", one for each field`},
		{
			"no file that is asked for",
			Source{Format: "lines", Files: map[string]string{"in": "t"}},
			nil,
			"data: none of the files in is a field that is asked for: text, label",
		},
		{
			"bytes that are not UTF-8",
			Source{Format: "lines", Files: two},
			[]string{"t", "fine\ncaf\xe9 noir\n", "l", "a\nb\n"},
			"t:2: byte 4 of the line, 0xe9, is not valid UTF-8; save the file as UTF-8 or set encoding: latin1",
		},
		{
			"parallel files of different lengths",
			Source{Format: "lines", Files: two},
			[]string{"t", "a\nb\nc\nd\n", "l", "1\n2\n"},
			"l:2: the file ends after 2 lines, t has 4; parallel files have one line for each example",
		},
		{
			"not packed",
			Source{Format: "csv", File: "a.gz"},
			[]string{"a.gz", "text,label"},
			"a.gz: not a gzip file: gzip: invalid header",
		},
		{
			"cut off while packed",
			Source{Format: "lines", Files: map[string]string{"text": "a.gz"}},
			[]string{"a.gz", zipped(t, "text\n")[:20]},
			"a.gz:2: unexpected EOF",
		},
		{"empty", Source{Format: "csv", File: "a"}, []string{"a", ""}, "a: the file is empty"},
		{
			"ragged csv",
			Source{Format: "csv", File: "a"},
			[]string{"a", "text,label\nx,1\ny,2,3\n"},
			"a:3: the line has 3 columns, the first line has 2",
		},
		{
			"ragged tsv",
			Source{Format: "tsv", File: "a"},
			[]string{"a", "text\tlabel\nx\n"},
			"a:2: the line has 1 columns, the first line has 2",
		},
		{
			"a quote in the middle",
			Source{Format: "csv", File: "a"},
			[]string{"a", "text,label\nx,1\nsay \"x\",2\n"},
			`a:3: column 5: bare " in non-quoted-field`,
		},
		{
			"a quote that is never closed",
			Source{Format: "csv", File: "a", MaxLine: 20},
			[]string{"a", "text,label\n\"x,1\n" + strings.Repeat("y,2\n", 10)},
			"a:8: the record is longer than 20 bytes; is a quote never closed?",
		},
		{
			"delimiter",
			Source{Format: "csv", File: "a", Delimiter: "::"},
			[]string{"a", "x"},
			`data: delimiter "::" is not one character`,
		},
		{
			"a column that is not there",
			Source{Format: "csv", File: "a", Fields: map[string]string{"label": "class"}},
			[]string{"a", "text,kind\nx,1\n"},
			`a:1: there is no column "class" for "label"; the first line has the columns text, kind`,
		},
		{
			"a number beyond the columns",
			Source{Format: "csv", File: "a", NoHeader: true, Fields: map[string]string{"label": "2"}},
			[]string{"a", "x,1\n"},
			`a:1: there is no column "2" for "label"; the first line has the columns x, 1`,
		},
		{
			"no column at all",
			Source{Format: "csv", File: "a"},
			[]string{"a", "x,1\n"},
			"a:1: no column is named text, label; the first line has the columns x, 1",
		},
		{
			"two columns of a name",
			Source{Format: "csv", File: "a"},
			[]string{"a", "text,text,label\n"},
			`a:1: two columns are named "text"; map "text" to a column's number from 0`,
		},
		{
			"a line too long",
			Source{Format: "lines", Files: map[string]string{"text": "a"}, MaxLine: 5},
			[]string{"a", "12345\r\n123456\n"},
			"a:2: the line is longer than 5 bytes; is this the right file and format?",
		},
		{
			"no line break in sight",
			Source{Format: "tsv", File: "a", MaxLine: 1 << 16},
			[]string{"a", "text\n" + strings.Repeat("x", 1<<18)},
			"a:2: the line is longer than 65536 bytes; is this the right file and format?",
		},
		{
			"not JSON",
			Source{Format: "jsonl", File: "a"},
			[]string{"a", "{}\n{\"text\": \n"},
			"a:2: the line is not a JSON value: unexpected EOF",
		},
		{
			"JSON of another kind",
			Source{Format: "jsonl", File: "a"},
			[]string{"a", "3"},
			"a:1: the example is a number, not a JSON object or array",
		},
		{"two objects", Source{Format: "jsonl", File: "a"}, []string{"a", "{} {}"}, "a:1: the line holds more than one JSON value"},
		{"an object and a brace", Source{Format: "jsonl", File: "a"}, []string{"a", "{}}"}, "a:1: the line holds more than one JSON value"},
		{
			"an object as a text",
			Source{Format: "jsonl", File: "a"},
			[]string{"a", `{"text": {"a": 1}}`},
			`a:1: key "text": a JSON object is not a text, a number or a list`,
		},
		{
			"a list of lists",
			Source{Format: "jsonl", File: "a"},
			[]string{"a", `{"text": ["a", ["b"]]}`},
			`a:1: key "text": element 1 is not a string or a number`,
		},
		{
			"ragged columns",
			Source{Format: "conll", File: "a"},
			[]string{"a", "x O\n\ny O\nz\n"},
			"a:4: the line has 1 columns, the sentence's first line has 2",
		},
		{
			"a column beyond the line",
			Source{Format: "conll", File: "a", Fields: map[string]string{"label": "3"}},
			[]string{"a", "\nx O\n"},
			`a:2: "label" is column 3, counted from 0, but the line has 2 columns`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.source.FS = files(c.files...)
			_, err := readAll(c.source, "text", "label")
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// A mistake in a file can be told from other errors, and says where it is.
func TestErrorCarriesItsPlace(t *testing.T) {
	_, err := readAll(Source{Format: "tsv", File: "a", FS: files("a", "text\tlabel\nx\n")}, "text")
	var at *Error
	if !errors.As(err, &at) || at.File != "a" || at.Line != 2 {
		t.Errorf("%v is not an Error at a:2", err)
	}
}

// Read as UTF-8, a real file of another encoding says where it is not.
func TestRealLatin1IsRefusedAsUTF8(t *testing.T) {
	s := Source{Format: "lines", Root: shared + "trec", Files: map[string]string{"text": "TREC.train"}}
	_, err := readAll(s, "text")
	if err == nil || !strings.HasSuffix(err.Error(), "is not valid UTF-8; save the file as UTF-8 or set encoding: latin1") {
		t.Errorf("got %v", err)
	}
}

// Joined files stay side by side past a broken example.
func TestBrokenExamplesOfJoinedFilesAreSkipped(t *testing.T) {
	records, err := readAll(Source{
		Format: "lines", File: "c.txt", Pattern: `(?P<tags>O) (?P<text>\w)`, SkipBroken: true,
		Join: []Source{{Format: "lines", Files: map[string]string{"tags": "d.txt"}}},
		FS:   files("c.txt", "O a\nbroken\nO c\n", "d.txt", "O\nO\nO\n"),
	}, "text", "tags")
	if err != nil || len(records) != 2 || records[1].Fields["text"].Text != "c" || records[1].Fields["tags"].Text != "O" {
		t.Errorf("%+v, %v", records, err)
	}
}

// endless is a file that never ends; it counts what was read of it.
type endless struct {
	line string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.line[e.read%len(e.line):])
	e.read += n
	return n, nil
}

func (e *endless) Open(string) (fs.File, error) { return e, nil }
func (e *endless) Stat() (fs.FileInfo, error)   { return nil, errors.ErrUnsupported }
func (e *endless) Close() error                 { return nil }

func TestReadersStream(t *testing.T) {
	for format, line := range map[string]string{
		"csv": "text,label\n", "tsv": "text\tlabel\n", "jsonl": `{"text": "a"}` + "\n", "conll": "a O\n\n", "lines": "a\n",
	} {
		file := &endless{line: line}
		s := Source{Format: format, File: "a", FS: file}
		if format == "lines" {
			s.File, s.Files = "", map[string]string{"text": "a"}
		}
		r, err := s.Open([]string{"text"})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if _, err := r.Next(); err != nil {
				t.Fatalf("%s: %v", format, err)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if file.read > 1<<20 {
			t.Errorf("%s: 10 records needed %d bytes", format, file.read)
		}
	}
}

// fuzzSource checks what every reader promises of any bytes: it ends, it does
// not panic, and its errors name the file.
func fuzzSource(t *testing.T, s Source) {
	s.MaxLine = 1 << 12
	r, err := s.Open([]string{"text", "label"})
	for n := 0; err == nil; n++ {
		var rec *Record
		if rec, err = r.Next(); err == nil && (rec.File == "" || rec.Line < 1 || len(rec.Fields) > 2) {
			t.Fatalf("record %+v", rec)
		}
		if n > 1<<16 {
			t.Fatal("there is no end")
		}
	}
	if r != nil {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err != io.EOF && !strings.Contains(err.Error(), "fuzzed") {
		t.Fatalf("the error does not name the file: %v", err)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a b\nc\n"), []byte("O O\nO\n"), false)
	f.Add([]byte("\xef\xbb\xbfa\r\n\n"), []byte("x"), false)
	f.Add([]byte("caf\xe9"), []byte(""), true)
	f.Fuzz(func(t *testing.T, text, label []byte, latin1 bool) {
		s := Source{
			Format: "lines", Files: map[string]string{"text": "fuzzed.1", "label": "fuzzed.2"},
			FS: files("fuzzed.1", string(text), "fuzzed.2", string(label)),
		}
		if latin1 {
			s.Encoding = "latin1"
		}
		fuzzSource(t, s)
	})
}

func fuzzFile(f *testing.F, format string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, content []byte, mapped bool) {
		s := Source{Format: format, File: "fuzzed", FS: files("fuzzed", string(content))}
		if mapped {
			s.NoHeader = true
			s.Fields = map[string]string{"text": "0", "label": "1"}
		}
		fuzzSource(t, s)
	})
}

func FuzzCSV(f *testing.F) {
	fuzzFile(f, "csv", "text,label\na,1\n", "text,label\n\"a\n,b\",1\n\n", "a,b\n\"x", "text,label\r\nx,\"y\"z\n")
}

func FuzzTSV(f *testing.F) {
	fuzzFile(f, "tsv", "text\tlabel\na\t1\n", "\n\n\ntext\tlabel", "a\tb\tc\n\n\nd", "text\n\xff\n")
}

func FuzzJSONL(f *testing.F) {
	fuzzFile(f, "jsonl", `{"text": "a", "label": ["O", 1.5e3]}`, `{"0": {"1": null}}{}`, "{\"text\": \"\\ud800\"}\n\n[]", `{"text": {}}`)
}

func FuzzCoNLL(f *testing.F) {
	fuzzFile(f, "conll", "a O\nb B-x\n\nc O\n", "# text = a\n# label = b\n\n-DOCSTART- O\n\na\tb\n", "a _\n", "a b c\nd\n", "# a\n#\n")
}

// A packed file that is no packed file is an error, whatever its bytes.
func FuzzGzip(f *testing.F) {
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzSource(t, Source{
			Format: "lines", Files: map[string]string{"text": "fuzzed.gz"}, FS: files("fuzzed.gz", string(content)),
		})
	})
}
