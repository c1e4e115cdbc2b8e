package recipe

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"espalier/data"
)

// Change is a setting in which two recipes differ. Its values are in
// YAML, shortened, or "not set".
type Change struct{ Path, Was, Is string }

func (c Change) String() string { return fmt.Sprintf("%s (%s, now %s)", c.Path, c.Was, c.Is) }

// Changes lists the settings in which this recipe differs from another, defaults
// that matter included, in the order in which recipes are written.
func (r *Recipe) Changes(from *Recipe) ([]Change, error) {
	is, err := encode(r)
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	was, err := encode(from)
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	return changes(nil, "", was, is), nil
}

// changes appends where two nodes differ, as deep as both have the same form.
func changes(dst []Change, path string, was, is *yaml.Node) []Change {
	switch {
	case was == nil || is == nil || was.Kind != is.Kind:
	case was.Kind == yaml.MappingNode:
		return changedKeys(dst, path, was, is)
	case was.Kind == yaml.SequenceNode && len(was.Content) == len(is.Content):
		for i := range was.Content {
			dst = changes(dst, join(path, fmt.Sprint(i)), was.Content[i], is.Content[i])
		}
		return dst
	case was.Kind == yaml.ScalarNode && was.Value == is.Value && was.ShortTag() == is.ShortTag():
		return dst
	}
	return append(dst, Change{path, shown(was), shown(is)})
}

// changedKeys compares two mappings key by key. Another order is a change of
// its own: that of tasks is the order of a model's outputs.
func changedKeys(dst []Change, path string, was, is *yaml.Node) []Change {
	had, keys := keysOf(was), keysOf(is)
	all := slices.Clone(keys)
	for _, key := range had {
		if !slices.Contains(keys, key) {
			all = append(all, key)
		}
	}
	if len(all) == len(had) && len(all) == len(keys) && !slices.Equal(had, keys) {
		dst = append(dst, Change{path, "the order " + strings.Join(had, ", "), strings.Join(keys, ", ")})
	}
	for _, key := range all {
		dst = changes(dst, join(path, key), child(was, key), child(is, key))
	}
	return dst
}

func keysOf(n *yaml.Node) []string {
	var keys []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		keys = append(keys, n.Content[i].Value)
	}
	return keys
}

// shown is a node in one short line.
func shown(n *yaml.Node) string {
	if n == nil {
		return "not set"
	}
	flow := *n
	flow.Style = yaml.FlowStyle
	text, err := yaml.Marshal(&flow)
	if err != nil {
		return n.Value
	}
	const longest = 60
	line := strings.Join(strings.Fields(string(text)), " ")
	if len(line) > longest {
		line = strings.ToValidUTF8(line[:longest], "") + "..."
	}
	return line
}

// Resumed returns the recipe with which a run that was started with another is
// resumed: this one. It may differ in train.epochs and train.patience; and in
// data.unseen where that was error, because then no label was unseen so far. The
// model keeps its name unless this recipe sets another. Any other change is an
// error that names it.
func (r *Recipe) Resumed(started *Recipe) (*Recipe, error) {
	own := *r
	if r.derived || child(r.document, "name") == nil {
		own.Name = started.Name
	}
	all, err := own.Changes(started)
	if err != nil {
		return nil, err
	}
	var refused []string
	for _, c := range all {
		switch {
		case c.Path == "train.epochs" || c.Path == "train.patience":
		case c.Path == "data.unseen" && c.Was == data.RefuseUnseen:
		default:
			refused = append(refused, c.String())
		}
	}
	if len(refused) > 0 {
		return nil, fmt.Errorf("the recipe has changed since the run was started: %s; only train.epochs and train.patience may change (set the rest back, or train in another directory)",
			strings.Join(refused, "; "))
	}
	return &own, nil
}
