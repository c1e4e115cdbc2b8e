package source

import (
	"io"
	"strconv"
	"strings"
)

// conllReader reads one token a line in columns, sentences apart by empty
// lines. A comment line "# key = value" gives the sentence a text field.
//
// Columns are numbered from 0; -1 is the last. Without a mapping, the first
// field (the input) is column 0. Another field is the comment of its name, and
// the last column where it is the only other one and Fields names none. A field
// that is "_" for every token is missing. Sentences whose first token is
// -DOCSTART- are left out.
type conllReader struct {
	in      *lineReader
	source  Source
	fields  []string
	columns map[string]int // -1: the last one
}

func openConll(s Source, fields []string) (Reader, error) {
	name, err := s.file()
	if err != nil {
		return nil, err
	}
	r := &conllReader{source: s, fields: fields, columns: map[string]int{}}
	for i, f := range fields {
		column, mapped := s.place(f)
		n, err := strconv.Atoi(column)
		switch {
		case mapped && err == nil && n >= -1:
			r.columns[f] = n
		case mapped: // the name of a comment
		case i == 0:
			r.columns[f] = 0
		case s.onlyTask(fields):
			r.columns[f] = -1
		}
	}
	r.in, err = s.openLineReader(name)
	return r, err
}

func (r *conllReader) Next() (*Record, error) {
	for {
		rec, rows, err := r.sentence()
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 && rows[0][0] != "-DOCSTART-" {
			return r.fill(rec, rows)
		}
	}
}

// sentence reads up to the next empty line.
func (r *conllReader) sentence() (*Record, [][]string, error) {
	rec := &Record{File: r.in.name, Fields: map[string]Field{}}
	var rows [][]string
	for {
		line, err := r.in.next()
		if err == io.EOF && len(rows) > 0 {
			return rec, rows, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if strings.Trim(line, " \t") == "" {
			if len(rows) > 0 {
				return rec, rows, nil
			}
			continue
		}
		if len(rows) == 0 {
			if key, value, ok := comment(line); ok {
				rec.Fields["# "+key] = Field{Text: value}
				continue
			}
			rec.Line = r.in.line
		}
		row := r.split(line)
		if len(rows) > 0 && len(row) != len(rows[0]) {
			return nil, nil, r.in.errorf("the line has %d columns, the sentence's first line has %d", len(row), len(rows[0]))
		}
		rows = append(rows, row)
		rec.lines = append(rec.lines, r.in.line)
	}
}

func (r *conllReader) split(line string) []string {
	if r.source.Delimiter != "" {
		return strings.Split(line, r.source.Delimiter)
	}
	// Other white space, such as a no-break space, may be part of a token.
	return strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' })
}

func comment(line string) (key, value string, ok bool) {
	rest, ok := strings.CutPrefix(line, "# ")
	if !ok {
		return "", "", false
	}
	key, value, ok = strings.Cut(rest, " = ")
	return strings.TrimSpace(key), strings.TrimSpace(value), ok
}

func (r *conllReader) fill(rec *Record, rows [][]string) (*Record, error) {
	comments := rec.Fields
	rec.Fields = map[string]Field{}
	width := len(rows[0])
	for _, f := range r.fields {
		name, _ := r.source.place(f)
		if v, ok := comments["# "+name]; ok {
			rec.Fields[f] = v
			continue
		}
		i, ok := r.columns[f]
		if ok && i < 0 && width > 1 {
			i = width - 1
		}
		if !ok || i < 0 {
			continue
		}
		if i >= width {
			return nil, rec.Errorf("%q is column %d, counted from 0, but the line has %d columns", f, i, width)
		}
		field := Field{List: true, Tokens: make([]string, len(rows))}
		blank := true
		for j, row := range rows {
			field.Tokens[j] = row[i]
			blank = blank && row[i] == "_"
		}
		if !blank || i == 0 {
			rec.Fields[f] = field
		}
	}
	return rec, nil
}

func (r *conllReader) Close() error { return r.in.Close() }
