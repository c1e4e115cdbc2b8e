package source

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// patternReader takes lines apart by the named groups of an expression. Empty
// lines are no examples.
type patternReader struct {
	in      *lineReader
	pattern *regexp.Regexp
	shown   string
	groups  map[string][]int // of each field; of one name the one that matched counts
}

func openPattern(s Source, fields []string) (Reader, error) {
	name, err := s.file()
	if err != nil {
		return nil, err
	}
	pattern, err := LinePattern(s.Pattern)
	if err != nil {
		return nil, fmt.Errorf("data: pattern of format lines: %w", err)
	}
	r := &patternReader{pattern: pattern, shown: s.Pattern, groups: map[string][]int{}}
	names := pattern.SubexpNames()
	for _, f := range fields {
		group, mapped := s.place(f)
		for i, n := range names {
			if i > 0 && n == group {
				r.groups[f] = append(r.groups[f], i)
			}
		}
		if mapped && r.groups[f] == nil {
			return nil, fmt.Errorf("data: pattern of format lines has no group %q for %q; it has %s", group, f, groupNames(pattern))
		}
	}
	if len(r.groups) == 0 {
		return nil, fmt.Errorf("data: no group of the pattern of format lines is named %s; it has %s", strings.Join(fields, ", "), groupNames(pattern))
	}
	r.in, err = s.openLineReader(name)
	return r, err
}

// LinePattern returns the expression that matches whole lines of a source of
// format lines.
func LinePattern(pattern string) (*regexp.Regexp, error) {
	// Compiled by itself first, so that its mistakes are told as it is written.
	own, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	if groupNames(own) == "" {
		return nil, fmt.Errorf("it has no named group; write (?P<FIELD>...) around what is a field")
	}
	return regexp.Compile(`^(?:` + pattern + `)$`)
}

func groupNames(pattern *regexp.Regexp) string {
	var names []string
	for _, n := range pattern.SubexpNames() {
		if n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

func (r *patternReader) Next() (*Record, error) {
	line, err := r.in.next()
	for err == nil && line == "" {
		line, err = r.in.next()
	}
	if err != nil {
		return nil, err
	}
	rec := &Record{File: r.in.name, Line: r.in.line, Fields: map[string]Field{}}
	at := r.pattern.FindStringSubmatchIndex(line)
	if at == nil {
		return nil, rec.Errorf("the line %.40q does not match the pattern %s", line, r.shown)
	}
	for f, groups := range r.groups {
		for _, g := range groups {
			if start, end := at[2*g], at[2*g+1]; start >= 0 {
				rec.Fields[f] = Field{Text: line[start:end]}
			}
		}
	}
	return rec, nil
}

func (r *patternReader) Close() error { return r.in.Close() }
