package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// defaultMaxLine bounds one line, so that a file without line breaks fails
// instead of filling memory.
const defaultMaxLine = 16 << 20

// lineReader reads lines of checked text.
type lineReader struct {
	name   string
	in     *bufio.Reader
	latin1 bool
	max    int // most bytes of a line
	line   int // number of the line that was read last
	file   io.Closer
}

// newLineReader reads lines of so many bytes at most; of defaultMaxLine where
// max is 0.
func newLineReader(f *textFile, max int) *lineReader {
	if max <= 0 {
		max = defaultMaxLine
	}
	return &lineReader{name: f.Name, in: bufio.NewReaderSize(f, 1<<16), latin1: f.latin1, max: max, file: f}
}

func (r *lineReader) errorf(format string, args ...any) error {
	return &Error{File: r.name, Line: r.line, Err: fmt.Errorf(format, args...)}
}

// next returns the next line without its end, and io.EOF after the last.
func (r *lineReader) next() (string, error) {
	var buf []byte
	for {
		part, err := r.in.ReadSlice('\n')
		buf = append(buf, part...)
		if len(buf) > r.max+2 { // a line break is not counted
			r.line++
			return "", r.tooLong("line")
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF && len(buf) == 0 {
			return "", io.EOF
		}
		r.line++
		if err != nil && err != io.EOF {
			return "", r.errorf("%w", err)
		}
		return r.text(buf)
	}
}

func (r *lineReader) tooLong(what string) error {
	return r.errorf("the %s is longer than %d bytes; is this the right file and format?", what, r.max)
}

func (r *lineReader) text(buf []byte) (string, error) {
	buf = bytes.TrimSuffix(buf, []byte("\n"))
	buf = bytes.TrimSuffix(buf, []byte("\r"))
	if len(buf) > r.max {
		return "", r.tooLong("line")
	}
	if r.latin1 {
		var b strings.Builder
		for _, c := range buf {
			b.WriteRune(rune(c))
		}
		return b.String(), nil
	}
	if r.line == 1 {
		buf = bytes.TrimPrefix(buf, []byte("\xef\xbb\xbf"))
	}
	if !utf8.Valid(buf) {
		at := 0
		for at < len(buf) {
			c, n := utf8.DecodeRune(buf[at:])
			if c == utf8.RuneError && n == 1 {
				break
			}
			at += n
		}
		return "", r.errorf("byte %d of the line, 0x%02x, is not valid UTF-8; save the file as UTF-8 or set encoding: latin1", at+1, buf[at])
	}
	return string(buf), nil
}

func (r *lineReader) Close() error { return r.file.Close() }

// linesReader reads parallel files: line i of each is a field of record i.
type linesReader struct {
	fields []string
	files  []*lineReader
}

func openLines(s Source, fields []string) (Reader, error) {
	if len(s.Files) == 0 {
		return nil, fmt.Errorf("data: format lines needs \"files\", one for each field")
	}
	r := &linesReader{}
	for _, field := range sortedKeys(s.Files) {
		used := false
		for _, f := range fields {
			place, _ := s.place(f)
			used = used || place == field
		}
		if !used && len(fields) > 0 {
			continue
		}
		f, err := s.openLineReader(s.Files[field])
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.fields = append(r.fields, field)
		r.files = append(r.files, f)
	}
	if len(r.files) == 0 {
		return nil, fmt.Errorf("data: none of the files %s is a field that is asked for: %s",
			strings.Join(sortedKeys(s.Files), ", "), strings.Join(fields, ", "))
	}
	return &renamed{Reader: r, source: s, fields: fields}, nil
}

func (r *linesReader) Next() (*Record, error) {
	rec := &Record{Fields: map[string]Field{}}
	ended := -1
	for i, f := range r.files {
		line, err := f.next()
		if err == io.EOF {
			ended = i
			continue
		}
		if err != nil {
			return nil, err
		}
		rec.File, rec.Line = f.name, f.line
		rec.Fields[r.fields[i]] = Field{Text: line, File: f.name}
	}
	switch {
	case ended < 0:
		return rec, nil
	case len(rec.Fields) == 0:
		return nil, io.EOF
	}
	return nil, r.mismatch(r.files[ended])
}

// mismatch says how many lines the file that ended first has, and how many the
// first one that goes on.
func (r *linesReader) mismatch(short *lineReader) error {
	for _, f := range r.files {
		if f.line <= short.line {
			continue
		}
		for {
			if _, err := f.next(); err == io.EOF {
				break
			} else if err != nil {
				return err
			}
		}
		return &Error{File: short.name, Line: short.line, Err: fmt.Errorf(
			"the file ends after %d lines, %s has %d; parallel files have one line for each example", short.line, f.name, f.line)}
	}
	return &Error{File: short.name, Line: short.line, Err: errors.New("the file ends before the others")}
}

func (r *linesReader) Close() error {
	var errs []error
	for _, f := range r.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// renamed gives fields the names they are asked for by.
type renamed struct {
	Reader
	source Source
	fields []string
}

func (r *renamed) Next() (*Record, error) {
	rec, err := r.Reader.Next()
	if err != nil || len(r.fields) == 0 {
		return rec, err
	}
	fields := make(map[string]Field, len(r.fields))
	for _, f := range r.fields {
		place, _ := r.source.place(f)
		if v, ok := rec.Fields[place]; ok {
			fields[f] = v
		}
	}
	rec.Fields = fields
	return rec, nil
}
