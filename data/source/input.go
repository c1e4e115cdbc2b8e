package source

import (
	"errors"
	"io"
	"strings"
)

// Input is what records are read from, any number of times: a [Source], a [List]
// of them, or a type of your own, whose records may come from anywhere.
type Input interface {
	// Open returns a reader at the first record. fields are those that will be
	// asked for; a record may have others, and lack any.
	Open(fields []string) (Reader, error)
	// String names the input in messages.
	String() string
}

// List is sources that are read one after the other.
type List []Source

// String names the files of all sources.
func (l List) String() string {
	var names []string
	for _, s := range l {
		if name := s.String(); name != "" {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Open opens the first source. The others are opened when it is their turn.
func (l List) Open(fields []string) (Reader, error) {
	r := &listReader{left: l, fields: fields}
	if err := r.open(); err != nil {
		return nil, err
	}
	return r, nil
}

// listReader reads one source after the other.
type listReader struct {
	Reader // of the source being read; nil behind the last
	left   List
	fields []string
	lack   []Lack // of those that have been read
}

// open goes on to the next source.
func (r *listReader) open() (err error) {
	r.Reader = nil
	if len(r.left) > 0 {
		r.Reader, err = r.left[0].Open(r.fields)
		r.left = r.left[1:]
	}
	return err
}

func (r *listReader) Next() (*Record, error) {
	for r.Reader != nil {
		rec, err := r.Reader.Next()
		if err != io.EOF {
			return rec, err
		}
		r.lack = append(r.lack, lacksOf(r.Reader)...)
		if err := r.Close(); err != nil {
			return nil, err
		}
		if err := r.open(); err != nil {
			return nil, err
		}
	}
	return nil, io.EOF
}

func (r *listReader) Close() error {
	if r.Reader == nil {
		return nil
	}
	err := r.Reader.Close()
	r.Reader = nil
	return err
}

func (r *listReader) lacks() []Lack { return r.lack }

// Counts says what was left out and what was missed in reading.
type Counts struct {
	Skipped int // examples left out because they are broken
	// FirstSkipped says what was wrong with the first of those.
	FirstSkipped string
	// Lacks are fields that no example of a source has.
	Lacks []Lack
}

// Lacking returns why a task may have no label, "" if nothing is known.
func (c Counts) Lacking(task string) string {
	for _, l := range c.Lacks {
		if l.Name == task {
			return l.String()
		}
	}
	return ""
}

// Each calls do for every record of an input, in order. It stops at the first
// error, also of do, but for one that says of a single example that it is broken
// where such are skipped: see [Record.SkipBroken].
func Each(in Input, fields []string, do func(*Record) error) (counts Counts, err error) {
	r, err := in.Open(fields)
	if err != nil {
		return counts, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		rec, err := r.Next()
		if err == io.EOF {
			counts.Lacks = lacksOf(r)
			return counts, nil
		}
		if err == nil {
			err = do(rec)
		}
		if err == nil {
			continue
		}
		var broken *Error
		if !errors.As(err, &broken) || !broken.Example || !broken.skip {
			return counts, err
		}
		if counts.Skipped++; counts.Skipped == 1 {
			counts.FirstSkipped = err.Error()
		}
	}
}

// lacksOf returns the fields that none of a reader's records has had, where it
// knows.
func lacksOf(r Reader) []Lack {
	if l, ok := r.(interface{ lacks() []Lack }); ok {
		return l.lacks()
	}
	return nil
}
