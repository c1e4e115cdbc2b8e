package data

import (
	"fmt"
	"slices"
	"strings"

	"espalier/internal/nearest"
)

// Lack is a field that no example of a source has, with the source's field that was
// probably meant.
type Lack struct {
	Source string // its files
	Name   string // of the input or task
	Column string // the column or key that it would be read from
	Near   string // what the source has
}

// String returns the lack as a sentence.
func (l Lack) String() string {
	return fmt.Sprintf("%s: no example has %q, which %q is read from; did you mean %q?", l.Source, l.Column, l.Name, l.Near)
}

// Lacking returns why a task may have no label, "" if nothing is known.
func (s Stats) Lacking(task string) string {
	for _, l := range s.Lacks {
		if l.Name == task {
			return l.String()
		}
	}
	return ""
}

// lacking looks for the fields that no record of a source has.
type lacking struct {
	source Source
	fields []string
	left   map[string]bool // fields that no record has had
	names  []string        // what the first record has that says it
}

func newLacking(s Source, fields []string) *lacking {
	l := &lacking{source: s, fields: fields, left: map[string]bool{}, names: sortedKeys(s.Files)}
	for _, f := range fields {
		own := f
		if field, ok := s.Names[f]; ok {
			own = field
		}
		_, set := s.Set[own]
		if _, looked := s.Values[own]; !set && !looked {
			l.left[f] = true
		}
	}
	return l
}

func (l *lacking) see(r *Record) {
	if len(l.left) == 0 {
		return
	}
	for f := range r.Fields {
		delete(l.left, f)
	}
	if len(l.names) == 0 {
		l.names = r.names
	}
}

// end adds what is known of the fields that are left.
func (l *lacking) end(stats *Stats) {
	if len(l.left) == 0 || len(l.names) == 0 {
		return
	}
	var free []string // names that nothing is read from
	for _, name := range l.names {
		read := slices.ContainsFunc(l.fields, func(f string) bool {
			column, _ := l.source.column(f)
			return column == name
		})
		if !read && name != "" {
			free = append(free, name)
		}
	}
	for _, f := range l.fields {
		if !l.left[f] {
			continue
		}
		column, _ := l.source.column(f)
		if near := misspelt(column, free); near != "" {
			stats.Lacks = append(stats.Lacks, Lack{describe([]Source{l.source}), f, column, near})
		}
	}
}

// misspelt is the one of the names that a word was probably meant to be: that in
// other case, or the nearest.
func misspelt(word string, names []string) string {
	for _, name := range names {
		if strings.EqualFold(name, word) {
			return name
		}
	}
	return nearest.Word(word, names)
}
