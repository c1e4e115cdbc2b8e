package source

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"espalier/internal/nearest"
)

// tableReader reads csv (RFC 4180, quotes and line breaks in quotes included)
// and tsv (no quotes: a tab always separates).
type tableReader struct {
	in      *lineReader
	csv     *csv.Reader // nil for tsv
	lines   *textReader // what csv reads
	delim   string
	columns map[string]int // field -> column
	width   int            // columns of the first line
	names   []string       // of the columns
	first   []string       // a first line that is data
}

func openTable(s Source, fields []string) (Reader, error) {
	name, err := s.file()
	if err != nil {
		return nil, err
	}
	r := &tableReader{delim: s.Delimiter, columns: map[string]int{}}
	if r.delim == "" {
		r.delim = map[string]string{"csv": ",", "tsv": "\t"}[s.Format]
	}
	if utf8.RuneCountInString(r.delim) != 1 {
		return nil, fmt.Errorf("data: delimiter %q is not one character", r.delim)
	}
	if r.in, err = s.openLineReader(name); err != nil {
		return nil, err
	}
	if s.Format == "csv" {
		r.lines = &textReader{lines: r.in}
		r.csv = csv.NewReader(r.lines)
		r.csv.Comma, _ = utf8.DecodeRuneInString(r.delim)
		r.csv.FieldsPerRecord = -1
		r.csv.TrimLeadingSpace = false
	}
	if err := r.header(s, fields); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// header reads the first line and finds the fields' columns.
func (r *tableReader) header(s Source, fields []string) error {
	row, _, err := r.row()
	if err == io.EOF {
		return &Error{File: r.in.name, Err: fmt.Errorf("the file is empty")}
	}
	if err != nil {
		return err
	}
	r.width = len(row)
	names := map[string]int{}
	twice := map[string]bool{}
	if s.NoHeader {
		r.first = row
	} else {
		for i, n := range row {
			n = strings.TrimSpace(n)
			_, twice[n] = names[n]
			names[n] = i
			r.names = append(r.names, n)
		}
	}
	for _, f := range fields {
		column, mapped := s.place(f)
		i, ok := names[column]
		if ok && twice[column] {
			return &Error{File: r.in.name, Line: 1, Err: fmt.Errorf("two columns are named %q; map %q to a column's number from 0", column, f)}
		}
		if !ok {
			n, err := strconv.Atoi(column)
			if err != nil || n < 0 || n >= len(row) {
				if !mapped {
					continue // a task that this source does not label
				}
				return &Error{File: r.in.name, Line: 1, Err: fmt.Errorf("there is no column %q for %q; the first line has the columns %s", column, f, nearest.List(row))}
			}
			i = n
		}
		r.columns[f] = i
	}
	if len(r.columns) == 0 {
		return &Error{File: r.in.name, Line: 1, Err: fmt.Errorf("no column is named %s; the first line has the columns %s", strings.Join(fields, ", "), nearest.List(row))}
	}
	return nil
}

// row returns the next line's columns and its number.
func (r *tableReader) row() ([]string, int, error) {
	if r.csv == nil {
		line, err := r.in.next()
		if err != nil {
			return nil, r.in.line, err
		}
		return strings.Split(line, r.delim), r.in.line, nil
	}
	r.lines.size = 0
	row, err := r.csv.Read()
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return nil, 0, &Error{File: r.in.name, Line: parse.Line, Err: fmt.Errorf("column %d: %w", parse.Column, parse.Err)}
	case err != nil:
		return nil, 0, err
	}
	line, _ := r.csv.FieldPos(0)
	return row, line, nil
}

func (r *tableReader) Next() (*Record, error) {
	row, line := r.first, 1
	r.first = nil
	for row == nil {
		var err error
		if row, line, err = r.row(); err != nil {
			return nil, err
		}
		if r.csv == nil && len(row) == 1 && row[0] == "" && r.width > 1 {
			row = nil // an empty line
		}
	}
	rec := &Record{File: r.in.name, Line: line, Fields: map[string]Field{}, names: r.names}
	if len(row) != r.width {
		return nil, rec.Errorf("the line has %d columns, the first line has %d", len(row), r.width)
	}
	for f, i := range r.columns {
		rec.Fields[f] = Field{Text: row[i]}
	}
	return rec, nil
}

func (r *tableReader) Close() error { return r.in.Close() }

// textReader hands checked lines to the csv package.
type textReader struct {
	lines *lineReader
	rest  string
	size  int // bytes of the record so far
}

func (t *textReader) Read(p []byte) (int, error) {
	if t.rest == "" {
		line, err := t.lines.next()
		if err != nil {
			return 0, err
		}
		if t.size += len(line); t.size > t.lines.max {
			return 0, t.lines.errorf("the record is longer than %d bytes; is a quote never closed?", t.lines.max)
		}
		t.rest = line + "\n"
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}
