package source

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"espalier/schema"
)

// openSpans opens a document of format spans where it has a path or starts with
// an array, and lines otherwise.
func openSpans(s Source, fields []string) (Reader, error) {
	name, err := s.file()
	if err != nil {
		return nil, err
	}
	f, err := s.openFile(name)
	if err != nil {
		return nil, err
	}
	if s.Path != "" {
		return s.jsonDocument(f, fields), nil
	}
	in := bufio.NewReader(f.Reader)
	f.Reader = in
	start, _ := in.Peek(512) // an error comes again when the file is read
	start = bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(start) > 0 && start[0] == '[' {
		return s.jsonDocument(f, fields), nil
	}
	return s.jsonLines(f, fields), nil
}

// spansKey returns where a field of format spans is when nothing is said: the
// input, which is the first, in tokens or text; and another one in entities,
// where it is the only one and its own key is not there.
func spansKey(example any, key string, i int, only bool) string {
	object, _ := example.(map[string]any)
	if _, ok := object[key]; ok {
		return key
	}
	if i == 0 {
		if _, ok := object["tokens"]; ok {
			return "tokens"
		}
		return "text"
	}
	if only {
		return "entities"
	}
	return key
}

// jsonSpans reads spans: objects with start, end (which is not part of it) and
// type or label, or arrays of start, end and type.
func jsonSpans(list []any) ([]schema.Span, error) {
	spans := make([]schema.Span, len(list))
	for i, e := range list {
		var parts [3]any
		switch e := e.(type) {
		case []any:
			if len(e) != 3 {
				return nil, fmt.Errorf("span %d has %d elements; it is a start, an end and a type", i, len(e))
			}
			parts = [3]any(e)
		case map[string]any:
			parts = [3]any{e["start"], e["end"], e["type"]}
			if parts[2] == nil {
				parts[2] = e["label"]
			}
		default:
			return nil, fmt.Errorf("span %d is %s, the ones before it are objects or arrays", i, jsonKind(e))
		}
		var err error
		if spans[i].Start, err = jsonOffset(parts[0]); err != nil {
			return nil, fmt.Errorf("the start of span %d %w", i, err)
		}
		if spans[i].End, err = jsonOffset(parts[1]); err != nil {
			return nil, fmt.Errorf("the end of span %d %w", i, err)
		}
		kind, ok := parts[2].(string)
		if !ok || kind == "" {
			return nil, fmt.Errorf("span %d has no type; it stands under \"type\" or \"label\"", i)
		}
		spans[i].Type = kind
	}
	return spans, nil
}

func jsonOffset(v any) (int, error) {
	if v == nil {
		return 0, errors.New("is missing")
	}
	n, ok := v.(json.Number)
	if i, err := n.Int64(); ok && err == nil && i == int64(int(i)) {
		return int(i), nil
	}
	return 0, errors.New("is not a whole number")
}

// isSpans reports whether a JSON array holds spans.
func isSpans(list []any) bool {
	if len(list) == 0 {
		return false
	}
	switch list[0].(type) {
	case map[string]any, []any:
		return true
	}
	return false
}
