// Package data reads labelled text and tables from files, turns them into
// numbers and labels, and cuts those into batches.
//
// A [Source] names files and their format; [Open] streams its [Record]s.
// [Learn] reads the training sources once to fill a schema and a vocabulary,
// [Encode] reads sources again into a compact [Dataset], and a [Batcher] makes
// [Batch]es of it. Any record may lack any task's label.
package data

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"espalier/schema"
)

// Source names files of one format.
type Source struct {
	// Format is lines, csv, tsv, json, jsonl, spans, conll or conllu.
	Format string
	// Root is put in front of relative file names.
	Root string
	// File is the one file of every format, and of lines with a pattern. With
	// *, ? or [ in it, it is all files that match (see [filepath.Match]), in
	// alphabetical order.
	File string
	// Files are the parallel files of format lines, one field each.
	Files map[string]string
	// Pattern takes the lines of one file apart, in format lines: an expression
	// in Go's RE2 syntax that each line matches as a whole, whose named groups
	// are fields.
	Pattern string
	// Path leads to the array of examples in a document of format json or spans: keys,
	// and numbers from 0 in arrays, with dots between. Without it the document
	// is the array.
	Path string
	// Fields maps a field to the column (by name, or by number from 0), JSON
	// key, place in a JSON array or group of a pattern it is read from. A field
	// that is not mapped is read from that of its own name.
	Fields map[string]string
	// Set gives fields the same text in every record.
	Set map[string]string
	// Values gives fields that are looked up instead of read.
	Values map[string]Mapping
	// Inline is the column or key whose text has spans written inside, as in
	// "wake me at [time : nine am]". A field that is read from it is the plain
	// text, with spans.
	Inline string
	// SkipBroken leaves out examples that cannot be read and counts them; the
	// default is an error.
	SkipBroken bool
	// Join are sources read beside this one: record i of each is part of
	// example i. A field that several of them have must be the same in all.
	Join []Source
	// Part, where it is set, leaves out all records but a share.
	Part *Part
	// Names maps the names that records are asked for to fields, before Fields
	// says where those are read from. A name that is not in it is a field.
	Names map[string]string
	// NoHeader says that the first line of csv and tsv is data.
	NoHeader bool
	// Delimiter separates columns: "," for csv and a tab for tsv by default;
	// any white space for conll.
	Delimiter string
	// Encoding is utf-8 (the default) or latin1.
	Encoding string
	// MaxLine is the most bytes a line may have, and a record of csv, whose
	// quotes may hold line breaks; 16 MiB.
	MaxLine int
	// FS is where files are opened; nil is the operating system.
	FS fs.FS
}

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
	Related   bool   // Relations is in use
	unit      string // what the spans count, where the reader knows: bytes
	file      string // where it stands when that is not the record's place
	line      int
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
	Line   int    // where the record starts, from 1
	Place  string // where in the file, beside the line: the path in a JSON document
	Fields map[string]Field
	lines  []int    // of the tokens, where each has its own
	names  []string // what the example has in its file, where the reader knows
}

// Errorf makes an error that says where the record stands.
func (r *Record) Errorf(format string, args ...any) *Error {
	return &Error{File: r.File, Line: r.Line, Place: r.Place, Err: fmt.Errorf(format, args...), example: true}
}

// errorAt makes an error about a field: in parallel files, each has its own.
func (r *Record) errorAt(field, format string, args ...any) *Error {
	at := *r
	if f := r.Fields[field]; f.file != "" {
		at.File = f.file
		if f.line > 0 {
			at.Line = f.line
		}
	}
	return at.Errorf(format, args...)
}

// Error is a mistake in a data file.
type Error struct {
	File  string
	Line  int    // from 1; 0 when the mistake is the whole file's
	Place string // where in the file, beside the line; may be empty
	Err   error
	// example says that one example is broken, and those after it can be read.
	example bool
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
	// after the last.
	Next() (*Record, error)
	Close() error
}

// Open opens a source's files. fields are those that will be asked for: a
// column or key that none of them needs is not looked at.
func Open(s Source, fields []string) (Reader, error) {
	switch {
	case s.Part != nil:
		return openPart(s, fields)
	case len(s.Set)+len(s.Values) > 0:
		return openDerived(s, fields)
	case len(s.Join) > 0:
		return openJoined(s, fields)
	case s.Inline != "":
		return openInline(s, fields)
	case isPattern(s.File):
		return openMany(s, fields)
	}
	return openFile(s, fields)
}

// openFile opens one file, or the parallel files of format lines.
func openFile(s Source, fields []string) (Reader, error) {
	switch s.Format {
	case "lines":
		if s.Pattern != "" {
			return openPattern(s, fields)
		}
		return openLines(s, fields)
	case "csv", "tsv":
		return openTable(s, fields)
	case "json":
		return openDocument(s, fields)
	case "jsonl":
		return openJSONLines(s, fields)
	case "spans":
		return openSpans(s, fields)
	case "conll":
		return openConll(s, fields)
	case "conllu":
		return openConllu(s, fields)
	}
	return nil, fmt.Errorf("data: format %q is not one of %s", s.Format, strings.Join(Formats(), ", "))
}

// Formats lists the formats that can be read.
func Formats() []string {
	return []string{"lines", "csv", "tsv", "json", "jsonl", "spans", "conll", "conllu"}
}

// Each calls do for every record of the sources, in order, and stops at the
// first error.
func Each(sources []Source, fields []string, do func(*Record) error) error {
	return each(sources, fields, &Stats{}, do)
}

// each counts the records that sources skip.
func each(sources []Source, fields []string, stats *Stats, do func(*Record) error) error {
	for _, s := range sources {
		if err := eachOf(s, fields, stats, do); err != nil {
			return err
		}
	}
	return nil
}

func eachOf(s Source, fields []string, stats *Stats, do func(*Record) error) (err error) {
	r, err := Open(s, fields)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	lacks := newLacking(s, fields)
	for {
		rec, err := r.Next()
		if err == io.EOF {
			lacks.end(stats)
			return nil
		}
		if err == nil {
			lacks.see(rec)
			err = do(rec)
		}
		if err == nil {
			continue
		}
		var broken *Error
		if !s.SkipBroken || !errors.As(err, &broken) || !broken.example {
			return err
		}
		if stats.Skipped++; stats.Skipped == 1 {
			stats.FirstSkipped = err.Error()
		}
	}
}

// column returns where a field is read from, and whether Fields says so.
func (s Source) column(name string) (column string, mapped bool) {
	if field, ok := s.Names[name]; ok {
		name = field
	}
	if c, ok := s.Fields[name]; ok {
		return c, true
	}
	return name, false
}

// onlyTask reports whether a format may read the one field that is asked for
// beside the input from where the format has labels by itself. It may not where
// Fields says which other fields the file has: then that one is not among them.
func (s Source) onlyTask(fields []string) bool {
	if len(fields) != 2 {
		return false
	}
	input := fields[0]
	if field, ok := s.Names[input]; ok {
		input = field
	}
	for field := range s.Fields {
		if field != input {
			return false
		}
	}
	return true
}

// file returns the one file of a format that has one.
func (s Source) file() (string, error) {
	if s.File == "" || len(s.Files) > 0 {
		return "", fmt.Errorf("data: format %s reads one file, named by \"file\"", s.Format)
	}
	return s.File, nil
}

// open opens a file of lines, unpacking .gz, and checks the encoding as it is
// read.
func (s Source) open(name string) (*lineReader, error) {
	f, err := s.openFile(name)
	if err != nil {
		return nil, err
	}
	return newLineReader(f.name, f.in, lineOptions{latin1: f.latin1, max: s.MaxLine}, f.closers), nil
}

// openedFile is a file's unpacked bytes.
type openedFile struct {
	name    string // with its root
	in      io.Reader
	latin1  bool
	closers []io.Closer
}

func (s Source) openFile(name string) (*openedFile, error) {
	latin1 := false
	switch s.Encoding {
	case "", "utf-8", "utf8":
	case "latin1", "latin-1", "iso-8859-1":
		latin1 = true
	default:
		return nil, fmt.Errorf("data: encoding %q is not one of utf-8, latin1", s.Encoding)
	}
	if s.Root != "" && !filepath.IsAbs(name) {
		name = filepath.Join(s.Root, name)
	}
	var f io.ReadCloser
	var err error
	if s.FS != nil {
		f, err = s.FS.Open(filepath.ToSlash(name))
	} else {
		f, err = os.Open(name)
	}
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	var in io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, errors.Join(&Error{File: name, Err: fmt.Errorf("not a gzip file: %w", err)}, f.Close())
		}
		in = z // closing it would only repeat the last read's error
	}
	return &openedFile{name, in, latin1, []io.Closer{f}}, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
