package data

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// jsonReader reads one JSON object a line. A key that is not there, null and
// an empty text are a missing field.
type jsonReader struct {
	in     *lineReader
	source Source
	fields []string
}

func openJSON(s Source, fields []string) (Reader, error) {
	name, err := s.file()
	if err != nil {
		return nil, err
	}
	in, err := s.open(name)
	if err != nil {
		return nil, err
	}
	return &jsonReader{in, s, fields}, nil
}

func (r *jsonReader) Next() (*Record, error) {
	for {
		line, err := r.in.next()
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		var object map[string]any
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&object); err != nil {
			return nil, r.in.errorf("the line is not a JSON object: %w", err)
		}
		if _, err := d.Token(); err != io.EOF {
			return nil, r.in.errorf("the line holds more than one JSON value")
		}
		rec := &Record{File: r.in.name, Line: r.in.line, Fields: map[string]Field{}}
		for _, f := range r.fields {
			key, _ := r.source.column(f)
			v, ok := dig(object, key)
			if !ok || v == nil {
				continue
			}
			field, err := jsonField(v)
			if err != nil {
				return nil, r.in.errorf("key %q: %w", key, err)
			}
			rec.Fields[f] = field
		}
		return rec, nil
	}
}

// dig finds a key, whose dots step into objects where no key has them itself.
func dig(object map[string]any, key string) (any, bool) {
	if v, ok := object[key]; ok {
		return v, true
	}
	head, rest, found := strings.Cut(key, ".")
	if !found {
		return nil, false
	}
	inner, ok := object[head].(map[string]any)
	if !ok {
		return nil, false
	}
	return dig(inner, rest)
}

func jsonField(v any) (Field, error) {
	switch v := v.(type) {
	case string:
		return Field{Text: v}, nil
	case json.Number:
		return Field{Text: v.String()}, nil
	case bool:
		return Field{Text: fmt.Sprint(v)}, nil
	case []any:
		f := Field{List: true, Tokens: make([]string, len(v))}
		for i, e := range v {
			inner, err := jsonField(e)
			if err != nil || inner.List {
				return Field{}, fmt.Errorf("element %d is not a string or a number", i)
			}
			f.Tokens[i] = inner.Text
		}
		return f, nil
	}
	return Field{}, fmt.Errorf("a JSON object is not a text, a number or a list")
}

func (r *jsonReader) Close() error { return r.in.Close() }
