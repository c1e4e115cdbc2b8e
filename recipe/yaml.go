package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"espalier/internal/nearest"
	"espalier/setting"
)

// parse returns the top mapping of a YAML document.
func parse(name string, content []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(content))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case err == io.EOF:
		return nil, fmt.Errorf("%s: the recipe is empty", name)
	case err != nil:
		return nil, syntax(name, err)
	}
	if err := d.Decode(&more); err != io.EOF {
		if err != nil {
			return nil, syntax(name, err)
		}
		return nil, fmt.Errorf("%s:%d: a recipe is one YAML document, here a second one starts", name, more.Line)
	}
	return doc.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// oneLess are errors of the YAML library's parser, whose lines count from 0;
// its scanner's count from 1.
var oneLess = regexp.MustCompile(`^did not find expected (key|node content|'-' indicator|',' or '[\]}]'|<)`)

// syntax puts the line of a YAML error where all our messages have it.
func syntax(name string, err error) error {
	text := err.Error()
	m := yamlLine.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("%s: not valid YAML: %w", name, err)
	}
	text = text[len(m[0]):]
	line, _ := strconv.Atoi(m[1]) // absent: 0, which is the first line
	if m[1] == "" || oneLess.MatchString(text) {
		line++
	}
	return fmt.Errorf("%s:%d: not valid YAML: %s", name, line, text)
}

// parseValue reads the value of --set.
func parseValue(place, value string) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(value), &doc); err != nil {
		return nil, fmt.Errorf("%s: %q is not valid YAML", place, value)
	}
	if len(doc.Content) == 0 {
		return nil, fmt.Errorf("%s: the value is empty; write '' for an empty text", place)
	}
	return doc.Content[0], nil
}

// put returns a copy of a tree with value at the path. It copies the nodes on
// the way and notes in places where the new ones come from.
func put(places map[*yaml.Node]string, place string, tree *yaml.Node, path []string, value *yaml.Node) (*yaml.Node, error) {
	if len(path) == 0 {
		mark(places, place, value)
		return value, nil
	}
	if path[0] == "" {
		return nil, fmt.Errorf("%s: a setting is named as in train.epochs", place)
	}
	own := *tree
	own.Content = slices.Clone(tree.Content)
	places[&own] = places[tree]
	if places[&own] == "" {
		delete(places, &own)
	}
	at := -1
	switch tree.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(own.Content); i += 2 {
			if own.Content[i].Value == path[0] {
				at = i + 1
			}
		}
		if at < 0 {
			key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: path[0]}
			next := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			mark(places, place, key)
			mark(places, place, next)
			own.Content = append(own.Content, key, next)
			at = len(own.Content) - 1
		}
	case yaml.SequenceNode:
		n, err := strconv.Atoi(path[0])
		if err != nil || n < 0 || n >= len(own.Content) {
			return nil, fmt.Errorf("%s: %q is not one of the list's numbers 0 to %d", place, path[0], len(own.Content)-1)
		}
		at = n
	default:
		return nil, fmt.Errorf("%s: there are no settings below %q", place, tree.Value)
	}
	child, err := put(places, place, own.Content[at], path[1:], value)
	if err != nil {
		return nil, err
	}
	own.Content[at] = child
	return &own, nil
}

func mark(places map[*yaml.Node]string, place string, n *yaml.Node) {
	places[n] = place
	for _, c := range n.Content {
		mark(places, place, c)
	}
}

// decoder fills structs from YAML nodes.
type decoder struct {
	file   string
	places map[*yaml.Node]string
	set    map[string]*yaml.Node // what the file sets, by path
}

// where says where a node stands.
func (d *decoder) where(n *yaml.Node) string {
	if p, ok := d.places[n]; ok {
		return p
	}
	if n == nil || n.Line == 0 {
		return d.file
	}
	return fmt.Sprintf("%s:%d", d.file, n.Line)
}

func (d *decoder) errorf(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s: %w", d.where(n), fmt.Errorf(format, args...))
}

func (d *decoder) decode(n *yaml.Node, to any) error {
	return d.value(n, reflect.ValueOf(to).Elem(), "", key{})
}

// key is what the tag of a struct's field says: the key in YAML; whether it is
// a mapping from names to structs; a list that may be a single element; left
// out when empty; a list or mapping that stands in the place of the field of the
// same key before it, which is not written then; a list of lists each of which may be a
// single element; a number that may be
// true, for the one behind switch=, or false, for 0; behind which key, of those of an
// embedded struct, it is written.
type key struct {
	name                                 string
	named, list, omitempty, many, groups bool
	on                                   int64  // what true stands for, 0 where it may not be
	after                                string // the key that this one is written behind
}

func keyOf(f reflect.StructField) (key, bool) {
	tag, ok := f.Tag.Lookup("key")
	if !ok {
		return key{}, false
	}
	parts := strings.Split(tag, ",")
	k := key{
		name:      parts[0],
		named:     slices.Contains(parts, "named"),
		list:      slices.Contains(parts, "list"),
		omitempty: slices.Contains(parts, "omitempty"),
		many:      slices.Contains(parts, "many"),
		groups:    slices.Contains(parts, "groups"),
	}
	for _, part := range parts {
		if after, ok := strings.CutPrefix(part, "after="); ok {
			k.after = after
		}
		if on, ok := strings.CutPrefix(part, "switch="); ok {
			k.on, _ = strconv.ParseInt(on, 10, 64)
		}
	}
	return k, true
}

func (d *decoder) value(n *yaml.Node, to reflect.Value, path string, k key) error {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return d.errorf(n, "%s: anchors and aliases are not read in recipes; write the value out", path)
	}
	d.set[path] = n
	switch {
	case k.named:
		return d.named(n, to, path)
	case to.Kind() == reflect.Slice:
		return d.slice(n, to, path, k)
	case to.Kind() == reflect.Struct:
		return d.structure(n, to, path)
	case to.Kind() == reflect.Map:
		return d.mapping(n, to, path)
	case k.on != 0:
		return d.switched(n, to, path, k.on)
	}
	return d.scalar(n, to, path)
}

// switched reads a number, true or false.
func (d *decoder) switched(n *yaml.Node, to reflect.Value, path string, number int64) error {
	var on bool
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int":
		return d.scalar(n, to, path)
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&on) != nil:
		return d.expected(n, path, "a whole number, true or false")
	}
	to.SetInt(0)
	if on {
		to.SetInt(number)
	}
	return nil
}

// expected is the error of a value of the wrong kind.
func (d *decoder) expected(n *yaml.Node, path, what string) error {
	if path == "" {
		path = "the recipe"
	}
	found := map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list"}[n.Kind]
	switch {
	case found != "":
	case n.Tag == "!!null":
		found = "nothing"
	default:
		found = strconv.Quote(n.Value)
	}
	return d.errorf(n, "%s must be %s, found %s", path, what, found)
}

func (d *decoder) structure(n *yaml.Node, to reflect.Value, path string) error {
	setDefaults(to)
	fields, lists, names := map[string]field{}, map[string]field{}, []string{}
	for _, f := range fieldsOf(to) {
		if f.many {
			lists[f.name] = f
			continue
		}
		fields[f.name] = f
		names = append(names, f.name)
	}
	more, options := optionsOf(to)
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if _, ok := fields[key]; !ok {
			names = append(names, key)
		}
	}
	return d.pairs(n, path, "a mapping of settings", func(name string, at, value *yaml.Node) error {
		f, ok := fields[name]
		if m, open := to.Addr().Interface().(opener); !ok && open {
			return d.another(value, name, path, m.more())
		}
		if o := options[name]; !ok && o != nil {
			return d.option(value, o, more, join(path, name))
		}
		if !ok {
			return d.unknown(at, name, path, names)
		}
		if many, ok := lists[name]; ok && value.Kind == yaml.SequenceNode && many.value.Kind() == reflect.Slice {
			f = many
			f.value.Set(reflect.MakeSlice(f.value.Type(), 0, 0))
		} else if ok && value.Kind == yaml.MappingNode && many.value.Kind() == reflect.Map {
			f = many
		}
		return d.value(value, f.value, join(path, name), f.key)
	})
}

// option reads a setting that has no field.
func (d *decoder) option(n *yaml.Node, o *setting.Option, to reflect.Value, path string) error {
	kind := [...]reflect.Type{
		setting.Number: reflect.TypeFor[float64](), setting.Whole: reflect.TypeFor[int](), setting.Share: reflect.TypeFor[float64](),
		setting.Word: reflect.TypeFor[string](), setting.Text: reflect.TypeFor[string](), setting.Flag: reflect.TypeFor[bool](),
	}[o.Kind]
	switch {
	case o.Named || o.PerTask:
		kind = reflect.MapOf(reflect.TypeFor[string](), kind)
	case o.List:
		kind = reflect.SliceOf(kind)
	}
	v := reflect.New(kind).Elem()
	if o.List {
		v.Set(reflect.MakeSlice(kind, 0, 0))
	}
	if err := d.value(n, v, path, key{list: o.Single}); err != nil {
		return err
	}
	if to.IsNil() {
		to.Set(reflect.ValueOf(setting.Values{}))
	}
	to.SetMapIndex(reflect.ValueOf(o.Key), v)
	return nil
}

// opener is a struct with keys that are known only when it has been read, as
// the options of a method.
type opener interface{ more() *map[string]any }

// another reads such a key.
func (d *decoder) another(n *yaml.Node, name, path string, to *map[string]any) error {
	for _, c := range append([]*yaml.Node{n}, n.Content...) {
		if c.Kind == yaml.AliasNode || c.Anchor != "" {
			return d.errorf(c, "%s: anchors and aliases are not read in recipes; write the value out", join(path, name))
		}
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return d.errorf(n, "%s: %w", join(path, name), err)
	}
	if *to == nil {
		*to = map[string]any{}
	}
	(*to)[name] = v
	d.set[join(path, name)] = n
	return nil
}

func (d *decoder) unknown(n *yaml.Node, name, path string, known []string) error {
	in := ""
	if path != "" {
		in = " in " + path
	}
	if near := nearest.Word(name, known); near != "" {
		return d.errorf(n, "unknown key %q%s; did you mean %q?", name, in, near)
	}
	return d.errorf(n, "unknown key %q%s; the keys there are %s", name, in, strings.Join(known, ", "))
}

// pairs calls do for each key of a mapping.
func (d *decoder) pairs(n *yaml.Node, path, what string, do func(name string, key, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return d.expected(n, path, what)
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			return d.errorf(k, "a key must be a word")
		}
		if first := seen[k.Value]; first != nil {
			return d.errorf(k, "key %q stands twice, first at %s", join(path, k.Value), d.where(first))
		}
		seen[k.Value] = k
		if err := do(k.Value, k, v); err != nil {
			return err
		}
	}
	return nil
}

// named reads a mapping from names to structs into a slice in the file's
// order.
func (d *decoder) named(n *yaml.Node, to reflect.Value, path string) error {
	return d.pairs(n, path, "a mapping from names to settings", func(name string, _, value *yaml.Node) error {
		e := reflect.New(to.Type().Elem()).Elem()
		if err := d.value(value, e, join(path, name), key{}); err != nil {
			return err
		}
		e.FieldByName("Name").SetString(name)
		to.Set(reflect.Append(to, e))
		return nil
	})
}

func (d *decoder) slice(n *yaml.Node, to reflect.Value, path string, k key) error {
	nodes := n.Content
	if n.Kind != yaml.SequenceNode {
		if !k.list {
			return d.expected(n, path, "a list")
		}
		nodes = []*yaml.Node{n}
	}
	for i, c := range nodes {
		e := reflect.New(to.Type().Elem()).Elem()
		at := path
		if n.Kind == yaml.SequenceNode {
			at = join(path, strconv.Itoa(i))
		}
		if err := d.value(c, e, at, key{list: k.groups}); err != nil {
			return err
		}
		to.Set(reflect.Append(to, e))
	}
	return nil
}

// mapping reads a mapping from names to texts, numbers or lists of texts.
func (d *decoder) mapping(n *yaml.Node, to reflect.Value, path string) error {
	to.Set(reflect.MakeMap(to.Type()))
	of := map[reflect.Kind]string{reflect.String: "texts", reflect.Float64: "numbers", reflect.Slice: "lists of texts"}[to.Type().Elem().Kind()]
	return d.pairs(n, path, "a mapping from names to "+of, func(name string, _, value *yaml.Node) error {
		e := reflect.New(to.Type().Elem()).Elem()
		if err := d.value(value, e, join(path, name), key{}); err != nil {
			return err
		}
		to.SetMapIndex(reflect.ValueOf(name), e)
		return nil
	})
}

func (d *decoder) scalar(n *yaml.Node, to reflect.Value, path string) error {
	tag := ""
	if n.Kind == yaml.ScalarNode {
		tag = n.ShortTag()
	}
	switch to.Kind() {
	case reflect.String:
		if tag != "!!str" && tag != "!!int" && tag != "!!float" {
			return d.expected(n, path, "a text")
		}
		to.SetString(n.Value)
	case reflect.Bool:
		var b bool
		if tag != "!!bool" || n.Decode(&b) != nil {
			return d.expected(n, path, "true or false")
		}
		to.SetBool(b)
	case reflect.Int, reflect.Int64:
		var i int
		if tag != "!!int" || n.Decode(&i) != nil {
			return d.expected(n, path, "a whole number")
		}
		to.SetInt(int64(i))
	case reflect.Float64:
		var f float64
		if tag != "!!int" && tag != "!!float" || n.Decode(&f) != nil {
			return d.expected(n, path, "a number")
		}
		to.SetFloat(f)
	default:
		return errors.New("recipe: no way to read a " + to.Kind().String())
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// encode makes the node of a struct.
func encode(from any) (*yaml.Node, error) { return node(reflect.ValueOf(from).Elem(), key{}) }

func node(v reflect.Value, k key) (*yaml.Node, error) {
	switch {
	case k.list && v.Len() == 1:
		return node(v.Index(0), key{})
	case v.Kind() == reflect.Slice:
		return sequence(v, k)
	case v.Kind() == reflect.Struct:
		return mapping(v)
	case v.Kind() == reflect.Map:
		return names(v)
	case v.Kind() == reflect.String:
		return scalarText(v.String()), nil
	}
	n := &yaml.Node{}
	return n, n.Encode(v.Interface())
}

// names makes the node of a mapping from names, in their order.
func names(v reflect.Value) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, name := range keys {
		value, err := node(v.MapIndex(name), key{})
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, scalarText(name.String()), value)
	}
	return n, nil
}

func sequence(v reflect.Value, k key) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	if k.named {
		n.Kind = yaml.MappingNode
	}
	for i := range v.Len() {
		e := v.Index(i)
		if k.named {
			n.Content = append(n.Content, scalarText(e.FieldByName("Name").String()))
		}
		c, err := node(e, key{list: k.groups})
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, c)
	}
	return n, nil
}

func mapping(v reflect.Value) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	many := map[string]bool{}
	fields := fieldsOf(v)
	for _, f := range fields {
		if f.many {
			many[f.name] = !f.value.IsNil()
		}
	}
	unread := unread(v)
	for _, f := range fields {
		if many[f.name] != f.many { // the other of the two is in use
			continue
		}
		if unread(f.name) || f.omitempty && (f.value.IsZero() || f.value.Kind() == reflect.Slice && f.value.Len() == 0) {
			continue
		}
		c, err := node(f.value, f.key)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, scalarText(f.name), c)
	}
	return n, more(n, v, unread)
}

// more adds the settings that have no field, but for those that are declared and not
// read.
func more(n *yaml.Node, v reflect.Value, unread func(key string) bool) error {
	var values map[string]any
	if m, ok := v.Addr().Interface().(opener); ok {
		values, unread = *m.more(), func(string) bool { return false }
	} else if of, _ := optionsOf(v); of.IsValid() {
		values = of.Interface().(setting.Values)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if unread(name) {
			continue
		}
		c := &yaml.Node{}
		if err := c.Encode(values[name]); err != nil {
			return err
		}
		n.Content = append(n.Content, scalarText(name), c)
	}
	return nil
}

func scalarText(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

func write(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(n), e.Close()); err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	return b.Bytes(), nil
}
