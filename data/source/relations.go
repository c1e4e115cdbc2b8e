package source

import (
	"fmt"
)

// Relation is a labelled pair of spans: Head and Tail are numbers, from 0, of
// the spans of another field.
type Relation struct {
	Type       string
	Head, Tail int
}

// isRelations reports whether a JSON array holds relations.
func isRelations(list []any) bool {
	if len(list) == 0 {
		return false
	}
	object, _ := list[0].(map[string]any)
	_, head := object["head"]
	_, tail := object["tail"]
	return head || tail
}

// jsonRelations reads relations: objects with head and tail, the numbers of
// spans from 0, and type or label.
func jsonRelations(list []any) ([]Relation, error) {
	relations := make([]Relation, len(list))
	for i, e := range list {
		object, ok := e.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("relation %d is %s, the ones before it are objects", i, jsonKind(e))
		}
		var err error
		if relations[i].Head, err = jsonOffset(object["head"]); err != nil {
			return nil, fmt.Errorf("the head of relation %d %w; it is the number of an entity, from 0", i, err)
		}
		if relations[i].Tail, err = jsonOffset(object["tail"]); err != nil {
			return nil, fmt.Errorf("the tail of relation %d %w; it is the number of an entity, from 0", i, err)
		}
		kind := object["type"]
		if kind == nil {
			kind = object["label"]
		}
		if relations[i].Type, ok = kind.(string); !ok || relations[i].Type == "" {
			return nil, fmt.Errorf("relation %d has no type; it stands under \"type\" or \"label\"", i)
		}
	}
	return relations, nil
}
