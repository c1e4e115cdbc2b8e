package source

import (
	"fmt"
	"strings"

	"espalier/schema"
)

// Field is one value of a record: a text, or a list of tokens; and spans of the
// record's input.
type Field struct {
	Text   string
	Tokens []string
	List   bool // Tokens is in use
	// Spans are labelled stretches of the input's tokens where that is a list,
	// and of its characters where it is a text.
	Spans  []schema.Span
	Marked bool // Spans is in use
	// Relations are pairs of the spans of another field.
	Relations []Relation
	Related   bool // Relations is in use
	// Unit is what Spans count where Text is the text that they stand in: bytes,
	// characters (code points) or utf16 (code units). It is empty where the field
	// holds nothing but spans, of the input's.
	Unit string
	// File and Line are where the field stands when that is not the record's
	// place: parallel files have one each. Line 0 is the record's.
	File string
	Line int
}

// Missing reports whether the field holds nothing: a text that is empty or
// white space is a missing label.
func (f Field) Missing() bool {
	return !f.List && !f.Marked && !f.Related && strings.TrimSpace(f.Text) == ""
}

// Record is one example as it stands in a file. A field that is not in the map
// is missing.
type Record struct {
	File   string
	Line   int    // where the record starts, from 1; 0 where there are no lines
	Place  string // where in the file, beside the line: the path in a JSON document
	Fields map[string]Field
	// SkipBroken says that the record is left out and counted where an error says
	// that something is wrong with it; see [Source.SkipBroken].
	SkipBroken bool
	lines      []int    // of the tokens, where each has its own
	names      []string // what the example has in its file, where the reader knows
}

// Errorf makes an error of this example, which says where the record stands.
func (r *Record) Errorf(format string, args ...any) *Error {
	return &Error{File: r.File, Line: r.Line, Place: r.Place, Err: fmt.Errorf(format, args...), Example: true, skip: r.SkipBroken}
}

// ErrorAt makes an error about a field: in parallel files, each has its own
// place.
func (r *Record) ErrorAt(field, format string, args ...any) *Error {
	at := *r
	if f := r.Fields[field]; f.File != "" {
		at.File = f.File
		if f.Line > 0 {
			at.Line = f.Line
		}
	}
	return at.Errorf(format, args...)
}

// ErrorAtToken makes an error about a token of a field, whose line is known
// where a file has one for each.
func (r *Record) ErrorAtToken(field string, token int, format string, args ...any) *Error {
	if token >= len(r.lines) {
		return r.ErrorAt(field, format, args...)
	}
	at := *r
	at.Line, at.Fields = r.lines[token], nil
	return at.Errorf(format, args...)
}

// Error is a mistake in a data file.
type Error struct {
	File  string
	Line  int    // from 1; 0 when the mistake is the whole file's
	Place string // where in the file, beside the line; may be empty
	Err   error
	// Example says that one example is broken, and those after it can be read.
	Example bool
	skip    bool // the record's SkipBroken
}

func (e *Error) Error() string {
	at := e.File
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Place != "" {
		at += ": " + e.Place
	}
	return fmt.Sprintf("%s: %v", at, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Reader streams records. It is for one goroutine.
type Reader interface {
	// Next returns the next record, which is the caller's to keep, and io.EOF
	// after the last. Behind an [Error] of one example it goes on with the next.
	Next() (*Record, error)
	Close() error
}
