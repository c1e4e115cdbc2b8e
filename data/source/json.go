package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"espalier/internal/nearest"
)

// jsonLines reads one JSON object or array a line. A key that is not there,
// null and an empty text are a missing field.
type jsonLines struct {
	in     *lineReader
	source Source
	fields []string
}

func openJSONLines(s Source, fields []string) (Reader, error) {
	name, err := s.file()
	if err != nil {
		return nil, err
	}
	f, err := s.openFile(name)
	if err != nil {
		return nil, err
	}
	return s.jsonLines(f, fields), nil
}

func (s Source) jsonLines(f *textFile, fields []string) *jsonLines {
	return &jsonLines{newLineReader(f, s.MaxLine), s, fields}
}

func (r *jsonLines) Next() (*Record, error) {
	for {
		line, err := r.in.next()
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		rec := &Record{File: r.in.name, Line: r.in.line, Fields: map[string]Field{}}
		var example any
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&example); err != nil {
			return nil, rec.Errorf("the line is not a JSON value: %w", err)
		}
		if _, err := d.Token(); err != io.EOF {
			return nil, rec.Errorf("the line holds more than one JSON value")
		}
		return rec, r.source.fill(rec, example, r.fields)
	}
}

func (r *jsonLines) Close() error { return r.in.Close() }

// fill reads a record's fields from a JSON object by key, or from an array by
// number.
func (s Source) fill(rec *Record, example any, fields []string) error {
	array, isArray := example.([]any)
	if _, ok := example.(map[string]any); !ok && !isArray {
		return rec.Errorf("the example is %s, not a JSON object or array", jsonKind(example))
	}
	for i, f := range fields {
		key, mapped := s.place(f)
		if s.Format == "spans" && !mapped {
			key = spansKey(example, key, i, s.onlyTask(fields))
		}
		v, ok := dig(example, key)
		if n, err := strconv.Atoi(key); isArray && mapped && !ok && err == nil {
			return rec.Errorf("%q is element %d, counted from 0, of an array of %d", f, n, len(array))
		}
		if !ok || v == nil {
			continue
		}
		var field Field
		var err error
		if list, ok := v.([]any); ok && isRelations(list) {
			field.Related = true
			field.Relations, err = jsonRelations(list)
		} else if ok && isSpans(list) {
			field.Marked = true
			field.Spans, err = jsonSpans(list)
		} else {
			field, err = jsonField(v)
		}
		if err != nil {
			return rec.Errorf("key %q: %w", key, err)
		}
		rec.Fields[f] = field
	}
	if object, ok := example.(map[string]any); ok && len(rec.Fields) < len(fields) {
		rec.names = sortedKeys(object)
	}
	if isArray && len(rec.Fields) == 0 && len(array) > 0 {
		return rec.Errorf("the example is a JSON array; say what its elements are, as in fields: {%s: 0}", fields[0])
	}
	return nil
}

// dig finds a key of an object or a number of an array. Dots step into what is
// inside, where no key has them itself.
func dig(v any, key string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		if v, ok := v[key]; ok {
			return v, true
		}
		head, rest, found := strings.Cut(key, ".")
		if !found {
			return nil, false
		}
		return dig(v[head], rest)
	case []any:
		head, rest, found := strings.Cut(key, ".")
		n, err := strconv.Atoi(head)
		switch {
		case err != nil || n < 0 || n >= len(v):
			return nil, false
		case !found:
			return v[n], true
		}
		return dig(v[n], rest)
	}
	return nil, false
}

func jsonKind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return "a number"
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

// jsonDocument streams the elements of one array of a JSON document. What
// stands before and after it is checked, not kept.
type jsonDocument struct {
	in      *textStream
	decoder *json.Decoder
	source  Source
	fields  []string
	depth   int // arrays and objects that are open
	index   int // of the next element
	started bool
}

func openDocument(s Source, fields []string) (Reader, error) {
	name, err := s.file()
	if err != nil {
		return nil, err
	}
	f, err := s.openFile(name)
	if err != nil {
		return nil, err
	}
	return s.jsonDocument(f, fields), nil
}

func (s Source) jsonDocument(f *textFile, fields []string) *jsonDocument {
	r := &jsonDocument{in: newTextStream(f, s.MaxLine), source: s, fields: fields}
	r.decoder = json.NewDecoder(r.in)
	return r
}

func (r *jsonDocument) Next() (*Record, error) {
	if !r.started {
		if err := r.enter(r.source.Path); err != nil {
			return nil, err
		}
		r.started = true
	}
	r.in.left = r.in.max
	if !r.decoder.More() {
		return nil, r.finish()
	}
	var raw json.RawMessage
	if err := r.decoder.Decode(&raw); err != nil {
		return nil, r.wrong(err)
	}
	rec := &Record{
		File: r.in.name, Line: r.in.lineAt(r.decoder.InputOffset() - int64(len(raw))),
		Place: strings.TrimPrefix(r.source.Path+"."+strconv.Itoa(r.index), "."), Fields: map[string]Field{},
	}
	r.index++
	var example any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&example); err != nil {
		return nil, rec.Errorf("%w", err)
	}
	return rec, r.source.fill(rec, example, r.fields)
}

// enter steps into the document until it stands in the array at the path.
func (r *jsonDocument) enter(path string) error {
	token, err := r.token()
	if err != nil {
		return err
	}
	switch {
	case token == json.Delim('[') && path == "":
		return nil
	case token == json.Delim('{') && path != "":
		return r.enterKey(path)
	case token == json.Delim('[') && path != "":
		return r.enterElement(path)
	case token == json.Delim('{'):
		keys, err := r.keys(func(string) bool { return false })
		if err != nil {
			return err
		}
		return r.errorf("the %s is an object with the keys %s; name the one that holds the array of examples in path", r.what(path), nearest.List(keys))
	}
	kind := map[bool]string{true: "an array", false: jsonKind(token)}[token == json.Delim('[')]
	return r.errorf("the %s is %s, not an array of examples", r.what(path), kind)
}

// what names the value that is being entered, whose path within it is left.
func (r *jsonDocument) what(left string) string {
	at := strings.TrimSuffix(strings.TrimSuffix(r.source.Path, left), ".")
	if at == "" {
		return "document"
	}
	return fmt.Sprintf("value at %q", at)
}

func (r *jsonDocument) enterKey(path string) error {
	rest := ""
	keys, err := r.keys(func(key string) bool {
		after, ok := strings.CutPrefix(path, key)
		if !ok || after != "" && after[0] != '.' {
			return false
		}
		rest = strings.TrimPrefix(after, ".")
		return true
	})
	if err != nil {
		return err
	}
	if keys == nil {
		return r.enter(rest)
	}
	head, _, _ := strings.Cut(path, ".")
	if near := nearest.Word(head, keys); near != "" {
		return r.errorf("the %s has no key %q; did you mean %q?", r.what(path), head, near)
	}
	return r.errorf("the %s has no key %q; it has %s", r.what(path), head, nearest.List(keys))
}

// keys passes over the pairs of an object until the key that is wanted, in
// front of whose value it stops and returns nil. Otherwise it returns all keys.
func (r *jsonDocument) keys(wanted func(string) bool) ([]string, error) {
	keys := []string{}
	for r.decoder.More() {
		token, err := r.token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // the decoder allows nothing else
		if wanted(key) {
			return nil, nil
		}
		keys = append(keys, key)
		if err := r.skip(); err != nil {
			return nil, err
		}
	}
	return keys, r.close()
}

func (r *jsonDocument) enterElement(path string) error {
	head, rest, _ := strings.Cut(path, ".")
	n, err := strconv.Atoi(head)
	if err != nil || n < 0 {
		return r.errorf("the %s is an array, %q is not the number of an element", r.what(path), head)
	}
	for i := range n + 1 {
		if !r.decoder.More() {
			return r.errorf("the %s is an array of %d, it has no element %d, counted from 0", r.what(path), i, n)
		}
		if i < n {
			if err := r.skip(); err != nil {
				return err
			}
		}
	}
	return r.enter(rest)
}

// skip passes over a value.
func (r *jsonDocument) skip() error {
	for at := r.depth; ; {
		if _, err := r.token(); err != nil {
			return err
		}
		if r.depth == at {
			return nil
		}
	}
}

// close reads the end of an object or array that has no more elements.
func (r *jsonDocument) close() error {
	_, err := r.token()
	return err
}

func (r *jsonDocument) token() (json.Token, error) {
	r.in.left = r.in.max
	token, err := r.decoder.Token()
	if err != nil {
		return nil, r.wrong(err)
	}
	switch token {
	case json.Delim('['), json.Delim('{'):
		r.depth++
	case json.Delim(']'), json.Delim('}'):
		r.depth--
	}
	return token, nil
}

// finish reads what is left of the document, so that one that is cut off is
// not taken for a whole one.
func (r *jsonDocument) finish() error {
	for r.depth > 0 {
		if _, err := r.token(); err != nil {
			return err
		}
	}
	r.in.left = r.in.max
	if _, err := r.decoder.Token(); err != io.EOF {
		if err != nil {
			return r.wrong(err)
		}
		return r.errorf("the file holds more than one JSON value")
	}
	return io.EOF
}

// wrong is a mistake in the document's bytes.
func (r *jsonDocument) wrong(err error) error {
	var placed *Error
	switch {
	case errors.As(err, &placed):
		return placed
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return r.in.errorf("the JSON document ends early; is the file cut off?")
	}
	return r.errorf("not valid JSON: %w", err)
}

func (r *jsonDocument) errorf(format string, args ...any) error {
	return &Error{File: r.in.name, Line: r.in.lineAt(r.decoder.InputOffset()), Err: fmt.Errorf(format, args...)}
}

func (r *jsonDocument) Close() error { return r.in.Close() }
