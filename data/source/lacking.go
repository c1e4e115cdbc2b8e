package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"espalier/internal/nearest"
)

// Lack is a field that no example of a source has, with the source's field that was
// probably meant.
type Lack struct {
	Source string // its files
	Name   string // of the input or task
	Place  string // the column, key or group that it would be read from
	Near   string // what the source has
}

// String returns the lack as a sentence.
func (l Lack) String() string {
	return fmt.Sprintf("%s: no example has %q, which %q is read from; did you mean %q?", l.Source, l.Place, l.Name, l.Near)
}

// Lacking looks for the fields that no record of a source has.
type Lacking struct {
	source Source
	fields []string
	left   map[string]bool // fields that no record has had
	names  []string        // what the first record has that says it
}

// NewLacking returns a Lacking for the fields that a source is asked for.
func NewLacking(s Source, fields []string) *Lacking {
	l := &Lacking{source: s, fields: fields, left: map[string]bool{}, names: sortedKeys(s.Files)}
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

// See notes what a record has.
func (l *Lacking) See(r *Record) {
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

// Narrowed returns what l would be if it had been made for s and fields: the same
// files, and some of the same fields.
func (l *Lacking) Narrowed(s Source, fields []string) *Lacking {
	own := NewLacking(s, fields)
	maps.DeleteFunc(own.left, func(field string, _ bool) bool { return !l.left[field] })
	own.names = l.names
	return own
}

// Lacks returns the fields that no record has had, where the source has something
// that was probably meant.
func (l *Lacking) Lacks() []Lack {
	if len(l.left) == 0 || len(l.names) == 0 {
		return nil
	}
	var free []string // names that nothing is read from
	for _, name := range l.names {
		read := slices.ContainsFunc(l.fields, func(f string) bool {
			place, _ := l.source.place(f)
			return place == name
		})
		if !read && name != "" {
			free = append(free, name)
		}
	}
	var lacks []Lack
	for _, f := range l.fields {
		if !l.left[f] {
			continue
		}
		place, _ := l.source.place(f)
		if near := misspelt(place, free); near != "" {
			lacks = append(lacks, Lack{l.source.String(), f, place, near})
		}
	}
	return lacks
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
