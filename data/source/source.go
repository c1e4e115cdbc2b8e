// Package source reads examples with their labels from files.
//
// A [Source] names files and their format, and [Source.Open] streams their
// [Record]s. Any record may lack any field. A [List] reads sources one after the
// other, and [Each] goes through the records of any [Input], of which sources are
// one: what an encoder learns and encodes may as well come from a [Reader] of
// your own.
package source

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Source names files of one format.
type Source struct {
	// Format is lines, csv, tsv, json, jsonl, spans, conll or conllu.
	Format string
	// Root is put in front of relative file names.
	Root string
	// File is the one file of every format, and of lines with a pattern. With
	// *, ? or [ in it, it is all files that match (see [path/filepath.Match]), in
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
	// Share, where it is set, leaves out all records but a share.
	Share *Share
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

// String names the source's files.
func (s Source) String() string {
	var names []string
	if s.File != "" {
		names = append(names, s.File)
	}
	for _, k := range sortedKeys(s.Files) {
		names = append(names, s.Files[k])
	}
	return strings.Join(names, ", ")
}

// Open opens the source's files. fields are those that will be asked for: a
// column or key that none of them needs is not looked at.
func (s Source) Open(fields []string) (Reader, error) {
	r, err := s.records(fields)
	if err != nil {
		return nil, err
	}
	return &sourceReader{Reader: r, skip: s.SkipBroken, lacking: NewLacking(s, fields)}, nil
}

// sourceReader marks records and errors of a source whose broken examples are
// skipped, and looks for fields that no record has.
type sourceReader struct {
	Reader
	skip    bool
	lacking *Lacking
}

func (r *sourceReader) Next() (*Record, error) {
	rec, err := r.Reader.Next()
	if err == nil {
		rec.SkipBroken = r.skip
		r.lacking.See(rec)
		return rec, nil
	}
	var broken *Error
	if errors.As(err, &broken) {
		broken.skip = r.skip
	}
	return nil, err
}

func (r *sourceReader) lacks() []Lack { return r.lacking.Lacks() }

// records opens a reader of what the source asks for, from the share of its
// records down to the one format.
func (s Source) records(fields []string) (Reader, error) {
	switch {
	case s.Share != nil:
		return openShare(s, fields)
	case len(s.Set)+len(s.Values) > 0:
		return openDerived(s, fields)
	case len(s.Join) > 0:
		return openJoined(s, fields)
	case s.Inline != "":
		return openInline(s, fields)
	case isPattern(s.File):
		return openMany(s, fields)
	}
	return openFormat(s, fields)
}

// openFormat opens one file, or the parallel files of format lines.
func openFormat(s Source, fields []string) (Reader, error) {
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

// place returns where a field is read from (a column, key or group), and whether Fields says so.
func (s Source) place(name string) (place string, mapped bool) {
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

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
