package recipe

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"espalier/data/source"
)

// inherit gives a source what data.defaults sets and it does not. A mapping is
// taken whole or not at all.
func (c *checker) inherit(path string, s, defaults *Source) {
	to, from := reflect.ValueOf(s).Elem(), reflect.ValueOf(defaults).Elem()
	for i := range to.NumField() {
		k, ok := keyOf(to.Type().Field(i))
		if ok && c.has("data.defaults."+k.name) && !c.has(path+"."+k.name) {
			to.Field(i).Set(from.Field(i))
		}
	}
}

// inheritJoined gives a joined source what says how the files of the source it
// is joined to are read.
func (c *checker) inheritJoined(path string, s, to *Source) {
	if s.Format == "" {
		s.Format = to.Format
	}
	if s.Root == "" {
		s.Root = to.Root
	}
	if s.Delimiter == "" && s.Format == to.Format {
		s.Delimiter = to.Delimiter
	}
	if !c.has(path + ".header") {
		s.Header = to.Header
	}
	if !c.has(path + ".encoding") {
		s.Encoding = to.Encoding
	}
}

func (c *checker) source(path string, s *Source) {
	c.oneOf(path+".format", s.Format, source.Formats()...)
	c.check(path, source.Options(), s)
	table := s.Format == "csv" || s.Format == "tsv"
	switch {
	case s.Format == "lines" && s.Pattern == "" && (len(s.Files) == 0 || s.File != ""):
		c.fail(path, "has format lines, which reads parallel files: files: {FIELD: FILE, ...}; or one, with a pattern that takes its lines apart: file: FILE, pattern: PATTERN")
	case (s.Format != "lines" || s.Pattern != "") && (s.File == "" || len(s.Files) > 0):
		c.fail(path, "has format %s, which reads one file: file: FILE", s.Format)
	case s.Pattern != "" && s.Format != "lines":
		c.fail(path+".pattern", "is for lines, not for %s", s.Format)
	case s.Path != "" && s.Format != "json" && s.Format != "spans":
		c.fail(path+".path", "is for json and spans, not for %s", s.Format)
	case c.has(path+".header") && !table:
		c.fail(path+".header", "is for csv and tsv, not for %s", s.Format)
	case s.Delimiter != "" && !table && s.Format != "conll":
		c.fail(path+".delimiter", "is for csv, tsv and conll, not for %s", s.Format)
	case s.Delimiter != "" && len([]rune(s.Delimiter)) != 1:
		c.fail(path+".delimiter", "is %q, it must be one character", s.Delimiter)
	}
	if s.Pattern != "" {
		if _, err := source.LinePattern(s.Pattern); err != nil {
			c.fail(path+".pattern", "does not fit: %w", err)
		}
	}
	c.loops(path, s)
	c.values(path, s)
	for i := range s.Join {
		at := path + ".join"
		if len(s.Join) > 1 || c.has(at+".0") {
			at = fmt.Sprintf("%s.%d", at, i)
		}
		c.joined(at, &s.Join[i], s)
	}
}

func (c *checker) joined(path string, s, to *Source) {
	c.inheritJoined(path, s, to)
	switch {
	case len(s.For) > 0:
		c.fail(path+".for", "cannot stand in a joined source; it belongs to the source that is joined to")
	case s.Broken != "":
		c.fail(path+".broken", "cannot stand in a joined source; it belongs to the source that is joined to")
	case len(s.Join) > 0:
		c.fail(path+".join", "cannot stand in a joined source; list them all in one join")
	}
	c.source(path, s)
}

func (c *checker) loops(path string, s *Source) {
	for _, name := range slices.Sorted(maps.Keys(s.For)) {
		if len(s.For[name]) == 0 {
			c.fail(path+".for."+name, "is empty; list the values that {%s} stands for", name)
		}
		if own := (&Recipe{}).source(*s); reflect.DeepEqual(own, substitute(own, strings.NewReplacer("{"+name+"}", ""))) {
			c.fail(path+".for."+name, "makes a source of each value, but they are all alike: {%s} stands nowhere in the source's settings", name)
		}
	}
}

func (c *checker) values(path string, s *Source) {
	for _, v := range s.Values {
		at := path + ".values." + v.Name
		c.check(at, source.MappingOptions(), &v)
		_, set := s.Set[v.Name]
		switch {
		case v.File == "" && len(v.Map) == 0 && v.Other == "" && !strings.Contains(v.From, "{"):
			c.fail(at, "says what to look up, but not where: it needs file: FILE or map: {TEXT: RESULT, ...}")
		case set:
			c.fail(path+".set."+v.Name, "is set, but so is values.%s; leave one of them out", v.Name)
		}
	}
}

// Sources returns the sources of the split named train, valid or test; none
// where the recipe leaves it out.
func (r *Recipe) Sources(split string) source.List {
	var out source.List
	if from, to, ok := r.Data.Split.part(split); ok && len(r.Data.All) > 0 {
		for _, s := range r.Data.All {
			d := r.source(s)
			d.Names, d.FS = r.names(), r.FS
			d.Share = &source.Share{From: from, To: to, Seed: uint64(r.Data.Split.Seed), By: r.Data.Split.By}
			out = append(out, loop(d, s.For)...)
		}
		return out
	}
	for _, s := range map[string][]Source{"train": r.Data.Train, "valid": r.Data.Valid, "test": r.Data.Test}[split] {
		d := r.source(s)
		d.Names, d.FS = r.names(), r.FS
		out = append(out, loop(d, s.For)...)
	}
	return out
}

func (r *Recipe) source(s Source) source.Source {
	d := source.Source{
		Format: s.Format, Root: s.Root, File: s.File, Files: s.Files, Pattern: s.Pattern, Path: s.Path, Fields: s.Fields, Set: s.Set,
		Inline: s.Inline, SkipBroken: s.Broken == "skip",
		NoHeader: !s.Header, Delimiter: s.Delimiter, Encoding: s.Encoding,
	}
	if d.Root == "" {
		d.Root = r.Data.Root
	}
	for _, v := range s.Values {
		if d.Values == nil {
			d.Values = map[string]source.Mapping{}
		}
		d.Values[v.Name] = source.Mapping{From: v.From, File: v.File, Map: v.Map, Separator: v.Separator, Unknown: v.Unknown, Other: v.Other}
	}
	for _, j := range s.Join {
		d.Join = append(d.Join, r.source(j))
	}
	return d
}

// loop makes a source of every combination of values, the first name's values
// moving slowest.
func loop(s source.Source, values map[string][]string) []source.Source {
	out := []source.Source{s}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		var next []source.Source
		for _, s := range out {
			for _, v := range values[name] {
				next = append(next, substitute(s, strings.NewReplacer("{"+name+"}", v)))
			}
		}
		out = next
	}
	return out
}

// substitute puts values in the place of names in a source.
func substitute(s source.Source, r *strings.Replacer) source.Source {
	texts := func(m map[string]string) map[string]string {
		if m == nil {
			return nil
		}
		out := map[string]string{}
		for k, v := range m {
			out[r.Replace(k)] = r.Replace(v)
		}
		return out
	}
	for _, text := range []*string{&s.Format, &s.Root, &s.File, &s.Pattern, &s.Path, &s.Inline, &s.Delimiter, &s.Encoding} {
		*text = r.Replace(*text)
	}
	s.Files, s.Fields, s.Set = texts(s.Files), texts(s.Fields), texts(s.Set)
	values := s.Values
	s.Values = nil
	for name, m := range values {
		if s.Values == nil {
			s.Values = map[string]source.Mapping{}
		}
		m.From, m.File, m.Other, m.Map = r.Replace(m.From), r.Replace(m.File), r.Replace(m.Other), texts(m.Map)
		s.Values[r.Replace(name)] = m
	}
	joins := s.Join
	s.Join = nil
	for _, j := range joins {
		s.Join = append(s.Join, substitute(j, r))
	}
	return s
}
