package data

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// joined reads sources side by side.
type joined struct {
	parts []Reader
	lines []int // where each part's last record stands
	files []string
	count int // examples so far
}

func openJoined(s Source, fields []string) (Reader, error) {
	first := s
	first.Join = nil
	r := &joined{}
	for _, part := range append([]Source{first}, s.Join...) {
		part.Names, part.FS = s.Names, s.FS
		p, err := Open(part, fields)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.parts = append(r.parts, p)
		r.files = append(r.files, describe([]Source{part}))
		r.lines = append(r.lines, 0)
	}
	return r, nil
}

func (r *joined) Next() (*Record, error) {
	var all *Record
	ended := -1
	for i, p := range r.parts {
		rec, err := p.Next()
		if err == io.EOF {
			if all != nil {
				return nil, r.mismatch(i, all)
			}
			ended = i
			continue
		}
		if err != nil {
			return nil, err
		}
		if ended >= 0 {
			return nil, r.mismatch(ended, rec)
		}
		r.files[i], r.lines[i] = rec.File, rec.Line
		if all == nil {
			all = &Record{File: rec.File, Line: rec.Line, Place: rec.Place, Fields: map[string]Field{}}
		}
		if err := all.merge(rec); err != nil {
			return nil, err
		}
	}
	if all == nil {
		return nil, io.EOF
	}
	r.count++
	return all, nil
}

func (r *joined) mismatch(ended int, rec *Record) error {
	return &Error{File: r.files[ended], Line: r.lines[ended], Err: fmt.Errorf(
		"the file ends after %d examples, but %s:%d has another; joined files have the same examples", r.count, rec.File, rec.Line)}
}

// merge adds another record's fields.
func (r *Record) merge(o *Record) error {
	for _, name := range sortedKeys(o.Fields) {
		f := o.Fields[name]
		if had, ok := r.Fields[name]; ok {
			if had.List != f.List || had.Text != f.Text || !slices.Equal(had.Tokens, f.Tokens) {
				return o.errorAt(name, "%q is %s here, but %s in %s:%d; joined files have the same examples", name, f.show(), had.show(), r.File, r.Line)
			}
			continue
		}
		if f.file == "" {
			f.file, f.line = o.File, o.Line
		}
		r.Fields[name] = f
	}
	return nil
}

// show is a field for messages, shortened.
func (f Field) show() string {
	if f.List {
		return fmt.Sprintf("%.40q", strings.Join(f.Tokens, " "))
	}
	return fmt.Sprintf("%.40q", f.Text)
}

func (r *joined) Close() error {
	var errs []error
	for _, p := range r.parts {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}
