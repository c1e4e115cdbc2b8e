package source

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"espalier/internal/nearest"
)

// Mapping says how a field is looked up.
type Mapping struct {
	// From is the field whose value is looked up; the field itself, as it is
	// read. With {FIELD} in it, it is a text that other fields are put into,
	// missing where one of them is; it needs nothing to be looked up in.
	From string
	// File holds what values become. A name ending in .json: an object of
	// texts (value: result), an object of lists (result: [values]), or an array
	// of results, numbered from 0. Any other: lines with a value, a tab and a
	// result, or without tabs the results, numbered from 0.
	File string
	// Map holds what values become, and is asked before File.
	Map map[string]string
	// Separator makes the value a list of values, each looked up by itself.
	Separator string
	// Unknown says what becomes of a value that is in neither: error (the
	// default), missing, or keep.
	Unknown string
	// Other is what becomes of such a value; "" leaves it to Unknown.
	Other string
}

// lookup is a mapping with its file read.
type lookup struct {
	Mapping
	field  string
	from   []string // fields that are read
	values map[string]string
}

// derived adds the fields that are set or looked up to those that are read.
type derived struct {
	Reader
	names   []string          // what records are asked for
	fields  map[string]string // the field of each name
	set     map[string]string
	lookups map[string]*lookup
}

func openDerived(s Source, names []string) (Reader, error) {
	r := &derived{names: names, fields: map[string]string{}, set: s.Set, lookups: map[string]*lookup{}}
	var read []string
	for _, name := range names {
		field := name
		if f, ok := s.Names[name]; ok {
			field = f
		}
		r.fields[name] = field
		if _, ok := s.Set[field]; ok {
			continue
		}
		need := []string{field}
		if m, ok := s.Values[field]; ok {
			l, err := s.lookup(field, m)
			if err != nil {
				return nil, err
			}
			r.lookups[field] = l
			need = l.from
		}
		for _, f := range need {
			if !slices.Contains(read, f) {
				read = append(read, f)
			}
		}
	}
	inner := s
	inner.Names, inner.Set, inner.Values = nil, nil, nil
	in, err := inner.records(read)
	if err != nil {
		return nil, err
	}
	r.Reader = in
	return r, nil
}

func (r *derived) Next() (*Record, error) {
	rec, err := r.Reader.Next()
	if err != nil {
		return nil, err
	}
	read := rec.Fields
	rec.Fields = make(map[string]Field, len(r.names))
	for _, name := range r.names {
		field := r.fields[name]
		if text, ok := r.set[field]; ok {
			rec.Fields[name] = Field{Text: text}
			continue
		}
		f, ok := read[field]
		l := r.lookups[field]
		if l != nil {
			f, ok = l.value(read)
		}
		if !ok {
			continue
		}
		rec.Fields[name] = f
		if l != nil && !f.Missing() {
			if rec.Fields[name], err = l.of(f); err != nil {
				return nil, rec.ErrorAt(name, "%w", err)
			}
		}
	}
	return rec, nil
}

// templateField is a field that a text of From has put into it.
var templateField = regexp.MustCompile(`\{([^{}]+)\}`)

// value returns what is looked up, and whether it is there.
func (l *lookup) value(read map[string]Field) (Field, bool) {
	if !templateField.MatchString(l.From) {
		f, ok := read[l.from[0]]
		return f, ok
	}
	out := Field{}
	whole := true
	out.Text = templateField.ReplaceAllStringFunc(l.From, func(m string) string {
		f, ok := read[m[1:len(m)-1]]
		whole = whole && ok && !f.Missing() && !f.List
		out.File, out.Line = f.File, f.Line
		return strings.TrimSpace(f.Text)
	})
	return out, whole
}

// of looks up a field.
func (l *lookup) of(f Field) (Field, error) {
	var err error
	if !f.List && l.Separator == "" {
		f.Text, err = l.one(strings.TrimSpace(f.Text))
		return f, err
	}
	tokens := f.Tokens
	if !f.List {
		tokens = strings.Split(f.Text, l.Separator)
	}
	f.Text, f.List, f.Tokens = "", true, make([]string, len(tokens))
	for i, t := range tokens {
		if t = strings.TrimSpace(t); t == "" {
			continue
		}
		if f.Tokens[i], err = l.one(t); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (l *lookup) one(value string) (string, error) {
	if v, ok := l.Map[value]; ok {
		return v, nil
	}
	if v, ok := l.values[value]; ok {
		return v, nil
	}
	switch {
	case len(l.Map)+len(l.values) == 0 && l.Other == "": // a text of fields alone
		return value, nil
	case l.Other != "":
		return l.Other, nil
	case l.Unknown == "missing":
		return "", nil
	case l.Unknown == "keep":
		return value, nil
	}
	where := "map"
	if l.File != "" {
		where = l.File
	}
	known := append(sortedKeys(l.Map), sortedKeys(l.values)...)
	hint := "it has " + nearest.List(known)
	if near := nearest.Word(value, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return "", fmt.Errorf("%q is looked up by %q, which is not in %s; %s (add it, or say what becomes of others: values.%s.unknown: missing or keep, or other: VALUE)",
		l.field, value, where, hint, l.field)
}

func (s Source) lookup(field string, m Mapping) (*lookup, error) {
	l := &lookup{Mapping: m, field: field, from: []string{field}}
	fields := templateField.FindAllStringSubmatch(m.From, -1)
	if m.From != "" {
		l.from = []string{m.From}
	}
	if len(fields) > 0 {
		l.from = nil
	}
	for _, f := range fields {
		l.from = append(l.from, f[1])
	}
	switch m.Unknown {
	case "", "error", "missing", "keep":
	default:
		return nil, fmt.Errorf("data: unknown %q of values %q is not one of error, missing, keep", m.Unknown, field)
	}
	if m.File == "" {
		if len(m.Map) == 0 && m.Other == "" && len(fields) == 0 {
			return nil, fmt.Errorf("data: values %q has neither file nor map", field)
		}
		return l, nil
	}
	var err error
	if strings.HasSuffix(strings.TrimSuffix(m.File, ".gz"), ".json") {
		l.values, err = s.valuesJSON(m.File)
	} else {
		l.values, err = s.valuesLines(m.File)
	}
	return l, err
}

// valuesLines reads lines of results, or of values and results.
func (s Source) valuesLines(name string) (map[string]string, error) {
	in, err := s.openLineReader(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	values := map[string]string{}
	pairs := false
	for {
		line, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		value, result, tab := strings.Cut(line, "\t")
		switch {
		case len(values) == 0:
			pairs = tab
		case pairs != tab:
			return nil, in.errorf("the lines before this one have %s tab, this one has not: a line is a value, a tab and a result everywhere, or a result everywhere", map[bool]string{true: "a", false: "no"}[pairs])
		}
		if !tab {
			value, result = strconv.Itoa(in.line-1), line
		}
		value, result = strings.TrimSpace(value), strings.TrimSpace(result)
		if _, ok := values[value]; ok {
			return nil, in.errorf("value %q stands twice", value)
		}
		values[value] = result
	}
	if len(values) == 0 {
		return nil, &Error{File: in.name, Err: fmt.Errorf("the file is empty, no value can be looked up in it")}
	}
	return values, nil
}

// maxValues bounds a file of values, which is kept.
const maxValues = 64 << 20

func (s Source) valuesJSON(name string) (map[string]string, error) {
	f, err := s.openFile(name)
	if err != nil {
		return nil, err
	}
	in := newTextStream(f, maxValues)
	defer in.Close()
	var document any
	content, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(strings.NewReader(string(content)))
	d.UseNumber()
	if err := d.Decode(&document); err != nil {
		return nil, &Error{File: in.name, Err: fmt.Errorf("not valid JSON: %w", err)}
	}
	values, err := resultsOf(document)
	if err != nil {
		return nil, &Error{File: in.name, Err: err}
	}
	return values, nil
}

// resultsOf turns a JSON document into values and their results.
func resultsOf(document any) (map[string]string, error) {
	values := map[string]string{}
	add := func(value, result string) error {
		if had, ok := values[value]; ok {
			return fmt.Errorf("value %q stands under both %q and %q", value, had, result)
		}
		values[value] = result
		return nil
	}
	switch document := document.(type) {
	case []any:
		f, err := jsonField(document)
		if err != nil {
			return nil, err
		}
		for i, result := range f.Tokens {
			values[strconv.Itoa(i)] = result
		}
	case map[string]any:
		for _, key := range sortedKeys(document) {
			f, err := jsonField(document[key])
			if err != nil {
				return nil, fmt.Errorf("key %q: %w", key, err)
			}
			if !f.List {
				err = add(key, f.Text)
			}
			for _, value := range f.Tokens {
				if err == nil {
					err = add(value, key)
				}
			}
			if err != nil {
				return nil, err
			}
		}
	default:
		return nil, fmt.Errorf("the document is %s, not an object of texts or lists, or an array of texts", jsonKind(document))
	}
	return values, nil
}
