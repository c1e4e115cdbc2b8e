package source

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
		p, err := part.records(fields)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.parts = append(r.parts, p)
		r.files = append(r.files, part.String())
		r.lines = append(r.lines, 0)
	}
	return r, nil
}

func (r *joined) Next() (*Record, error) {
	// Every part goes on by one, also where one of them is broken: the next
	// example is whole again.
	records := make([]*Record, len(r.parts))
	var broken error
	ended := -1
	for i, p := range r.parts {
		rec, err := p.Next()
		var at *Error
		switch {
		case err == nil:
			records[i] = rec
			r.files[i], r.lines[i] = rec.File, rec.Line
		case err == io.EOF:
			ended = i
		case !errors.As(err, &at) || !at.Example:
			return nil, err
		case broken == nil:
			broken = err
		}
	}
	if ended >= 0 {
		return nil, r.ended(ended, records)
	}
	r.count++
	if broken != nil {
		return nil, broken
	}
	first := records[0]
	all := &Record{File: first.File, Line: first.Line, Place: first.Place, Fields: map[string]Field{}, lines: first.lines}
	for _, rec := range records {
		if err := all.merge(rec); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// ended is the end of all parts, or a mistake where others go on.
func (r *joined) ended(part int, records []*Record) error {
	for _, rec := range records {
		if rec != nil {
			return &Error{File: r.files[part], Line: r.lines[part], Err: fmt.Errorf(
				"the file ends after %d examples, but %s:%d has another; joined files have the same examples", r.count, rec.File, rec.Line)}
		}
	}
	return io.EOF
}

// merge adds another record's fields.
func (r *Record) merge(o *Record) error {
	r.names = append(r.names, o.names...)
	for _, name := range sortedKeys(o.Fields) {
		f := o.Fields[name]
		if had, ok := r.Fields[name]; ok {
			if had.List != f.List || had.Text != f.Text || !slices.Equal(had.Tokens, f.Tokens) || !slices.Equal(had.Spans, f.Spans) || !slices.Equal(had.Relations, f.Relations) {
				return o.ErrorAt(name, "%q is %s here, but %s in %s:%d; joined files have the same examples", name, f.show(), had.show(), r.File, r.Line)
			}
			continue
		}
		if f.File == "" {
			f.File, f.Line = o.File, o.Line
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
