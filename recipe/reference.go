package recipe

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"espalier/setting"
)

// place is a section of the recipe and where it stands.
type place struct {
	paths []string // with * for a name
	doc   string
	v     reflect.Value // a struct of the section
	section
}

// places returns all sections of a recipe, each before those inside of it. One that
// stands in several places, such as a source, is there once.
func places() []place {
	var all []place
	add(&all, "", "the recipe", reflect.ValueOf(&Recipe{}).Elem())
	return all
}

func add(all *[]place, path, doc string, v reflect.Value) {
	if i := slices.IndexFunc(*all, func(p place) bool { return p.v.Type() == v.Type() }); i >= 0 {
		(*all)[i].paths = append((*all)[i].paths, path)
		return
	}
	s, _, ok := sectionOf(v.Addr().Interface())
	if !ok {
		return
	}
	*all = append(*all, place{[]string{path}, doc, v, s})
	var done []string
	for _, o := range s.all() {
		if o.Kind != setting.Section || slices.Contains(done, o.Key) {
			continue
		}
		done = append(done, o.Key)
		if inside, ok := below(v, o.Key); ok {
			name := o.Key
			if o.Named {
				name += ".*"
			}
			add(all, join(path, name), o.Doc, inside)
		}
	}
}

// below returns a struct of the section below a key.
func below(v reflect.Value, key string) (reflect.Value, bool) {
	for _, f := range fieldsOf(v) {
		if f.name != key {
			continue
		}
		kind := f.value.Type()
		if kind.Kind() == reflect.Slice {
			kind = kind.Elem()
		}
		return reflect.New(kind).Elem(), kind.Kind() == reflect.Struct
	}
	return reflect.Value{}, false
}

// Reference returns the reference of every key of a recipe, as Markdown.
func Reference() string {
	var b strings.Builder
	b.WriteString(introduction)
	all := places()
	for _, p := range all {
		fmt.Fprintf(&b, "- [%s](#%s)\n", p.title(), p.anchor())
	}
	for i := range all {
		p := &all[i]
		fmt.Fprintf(&b, "\n## %s\n\n", p.title())
		if len(p.paths) == 1 && p.paths[0] != "" {
			fmt.Fprintf(&b, "%s.\n\n", cell(sentence(p.doc)))
		}
		p.write(&b, all)
	}
	return b.String()
}

const introduction = `# Recipes: every key

This page lists every key of a recipe, section by section, with its default, its range and what it does. A name for which
` + "`*`" + ` stands is yours. A key whose default follows from others says from which; one without a default is absent where it
is not given. [formats.md](formats.md) shows sources by example, and ` + "`espalier schema`" + ` prints this page's content as a JSON
Schema, with which editors complete and check keys.

The page is generated from what the code declares, by ` + "`go test ./recipe -update`" + `, and a test holds it to that.

`

// title is the heading of a section.
func (p *place) title() string {
	if p.paths[0] == "" {
		return "The recipe"
	}
	return "`" + strings.Join(p.paths, "`, `") + "`"
}

// anchor is what links to the section's heading lead to, as GitHub makes it.
func (p *place) anchor() string {
	return strings.ReplaceAll(strings.Map(func(r rune) rune {
		if strings.ContainsRune("`.,*", r) {
			return -1
		}
		return r
	}, strings.ToLower(p.title())), " ", "-")
}

// sentence begins a text with a capital letter, except for a symbol, as in "b: a bound".
func sentence(s string) string {
	if len(s) > 1 && s[1] == ':' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// write writes the tables of a section.
func (p *place) write(b *strings.Builder, all []place) {
	if len(p.options) > 0 {
		p.table(b, p.options, all, nil)
	}
	if len(p.parts) == 0 {
		return
	}
	if len(p.options) > 0 {
		b.WriteString("\n")
	}
	p.listParts(b)
	var rows []setting.Option
	for _, part := range p.parts {
		rows = append(rows, part.all()...)
	}
	if len(rows) == 0 {
		return
	}
	keys := setting.Keys(rows)
	slices.SortStableFunc(rows, func(a, b setting.Option) int { // rows of one key together
		return slices.Index(keys, a.Key) - slices.Index(keys, b.Key)
	})
	fmt.Fprintf(b, "\nThe other keys are for some values of `%s`:\n\n", p.by)
	p.table(b, rows, all, p.readersOf)
}

// listParts says what each of the section's parts is, and where it is from.
func (p *place) listParts(b *strings.Builder) {
	sourced := slices.ContainsFunc(p.parts, func(part part) bool { return part.source != "" })
	head, rule := fmt.Sprintf("| `%s` | meaning |", p.by), "|---|---|"
	if sourced {
		head, rule = head+" source |", rule+"---|"
	}
	fmt.Fprintf(b, "%s\n%s\n", head, rule)
	for _, part := range p.parts {
		if part.unnamed {
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s |", part.name, cell(part.doc))
		if sourced {
			fmt.Fprintf(b, " %s |", part.source)
		}
		b.WriteString("\n")
	}
}

// table lists options. Where parts have them, readers says which; an option that several
// parts have is one row.
func (p *place) table(b *strings.Builder, options []setting.Option, all []place, readers func(o *setting.Option) string) {
	head, rule := "| key |", "|---|"
	if readers != nil {
		head, rule = head+" for |", rule+"---|"
	}
	fmt.Fprintf(b, "%s value | default | range | meaning |\n%s---|---|---|---|\n", head, rule)
	done := map[string]bool{}
	for i := range options {
		o := &options[i]
		if done[row(o)] {
			continue
		}
		done[row(o)] = true
		fmt.Fprintf(b, "| `%s` |", o.Key)
		if readers != nil {
			fmt.Fprintf(b, " %s |", readers(o))
		}
		kind := value(o)
		if inside, ok := p.inside(o, all); ok {
			kind = fmt.Sprintf("[%s](#%s)", kind, inside.anchor())
		}
		fmt.Fprintf(b, " %s | %s | %s | %s |\n", kind, standard(o), cell(o.Range()), cell(o.Doc))
	}
}

// row is all that the page says of an option.
func row(o *setting.Option) string {
	return strings.Join([]string{o.Key, value(o), standard(o), o.Range(), o.Doc}, "|")
}

// inside returns the section below a key of this one.
func (p *place) inside(o *setting.Option, all []place) (*place, bool) {
	if o.Kind != setting.Section {
		return nil, false
	}
	at := join(p.paths[0], o.Key)
	for i := range all {
		if slices.Contains(all[i].paths, at) || slices.Contains(all[i].paths, at+".*") {
			return &all[i], true
		}
	}
	return nil, false
}

// readersOf names the parts that have just this option.
func (p *place) readersOf(o *setting.Option) string {
	var with, without []string
	for _, part := range p.parts {
		if part.unnamed {
			continue
		}
		same := func(other setting.Option) bool { return row(&other) == row(o) }
		if name := "`" + part.name + "`"; slices.ContainsFunc(part.all(), same) {
			with = append(with, name)
		} else {
			without = append(without, name)
		}
	}
	switch {
	case len(without) == 0:
		return "all"
	case 2*len(without) < len(with):
		return "all but " + strings.Join(without, ", ")
	}
	return strings.Join(with, ", ")
}

// value says what a setting's value is.
func value(o *setting.Option) string {
	switch {
	case o.Kind == setting.Section && o.Named:
		return "a mapping from names to settings"
	case o.Kind == setting.Section && o.List && o.Single:
		return "settings, or a list of them"
	case o.Kind == setting.Section && o.List:
		return "a list of settings"
	case o.Named && o.List:
		return "a mapping from names to lists of texts"
	case o.List && o.Single:
		return o.Type() + ", or one of them"
	}
	return o.Type()
}

// standard says what a setting is where it is not given.
func standard(o *setting.Option) string {
	switch {
	case o.Required:
		return "must be given"
	case o.Follows != "":
		return cell(o.Follows)
	case o.Default == nil:
		return ""
	case o.PerTask:
		return fmt.Sprintf("%v for each task", o.Default)
	}
	if list := reflect.ValueOf(o.Default); list.Kind() == reflect.Slice {
		return strings.ReplaceAll(fmt.Sprint(o.Default), " ", ", ")
	}
	return fmt.Sprint(o.Default)
}

// cell is a text in a table, with links to the pages that it names.
func cell(s string) string {
	return page.ReplaceAllString(strings.ReplaceAll(s, "|", `\|`), "[$1]($1)")
}

var page = regexp.MustCompile(`\bdocs/(\w+\.md)`)

// JSONSchema returns the JSON Schema of a recipe, for editors. It is of draft 7, the
// latest one that all of them read.
func JSONSchema() map[string]any {
	definitions := map[string]any{}
	root := objectOf(reflect.ValueOf(&Recipe{}).Elem(), definitions)
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "Espalier recipe"
	root["definitions"] = definitions
	return root
}

// objectOf is the schema of a section: the settings that it has in any case, and for each
// part, where it is the chosen one, those of the part. So an editor shows and completes
// those of the chosen part alone.
func objectOf(v reflect.Value, definitions map[string]any) map[string]any {
	s, _, _ := sectionOf(v.Addr().Interface())
	object := propertiesOf(v, s.options, definitions)
	properties := object["properties"].(map[string]any)
	for _, o := range s.all() {
		if properties[o.Key] == nil {
			properties[o.Key] = true
		}
	}
	if choice, ok := properties[s.by].(map[string]any); ok {
		choice["enumDescriptions"] = s.describe(choice["enum"].([]string))
	}
	object["type"], object["additionalProperties"] = "object", false
	// A source takes what it does not say from data.defaults, and a joined one from
	// what it is joined to.
	if _, source := v.Addr().Interface().(*Source); source {
		delete(object, "required")
	}
	if conditions := conditionsOf(v, s, definitions); len(conditions) > 0 {
		object["allOf"] = conditions
	}
	return object
}

// propertiesOf is the schema of options. A key of several options takes the values of
// each.
func propertiesOf(v reflect.Value, options []setting.Option, definitions map[string]any) map[string]any {
	properties, required := map[string]any{}, []string{}
	forms := map[string][]any{}
	for _, o := range options {
		form := formOf(v, &o, definitions)
		if !slices.ContainsFunc(forms[o.Key], func(other any) bool { return reflect.DeepEqual(form, other) }) {
			forms[o.Key] = append(forms[o.Key], form)
		}
		if o.Required && !slices.Contains(required, o.Key) {
			required = append(required, o.Key)
		}
	}
	for key, of := range forms {
		if properties[key] = of[0]; len(of) > 1 {
			properties[key] = map[string]any{"anyOf": of}
		}
	}
	object := map[string]any{"properties": properties}
	if len(required) > 0 {
		object["required"] = required
	}
	return object
}

// conditionsOf says for each part of a section which settings there are where it is the
// chosen one. Where no part is named and none is the default, those of any part are.
func conditionsOf(v reflect.Value, s section, definitions map[string]any) []any {
	if len(s.parts) == 0 {
		return nil
	}
	choice := s.options[slices.Index(setting.Keys(s.options), s.by)]
	var conditions []any
	var anyPart []setting.Option
	for _, p := range s.parts {
		for _, o := range p.all() {
			o.Required = false // of a part that is not chosen
			anyPart = append(anyPart, o)
		}
		if p.unnamed {
			continue
		}
		chosen := map[string]any{"properties": map[string]any{s.by: map[string]any{"const": p.name}}}
		if p.name != choice.Default {
			chosen["required"] = []string{s.by}
		}
		conditions = append(conditions, map[string]any{"if": chosen, "then": chosenOf(v, s, p, definitions)})
	}
	if choice.Default == nil && !choice.Required {
		unnamed := map[string]any{"not": map[string]any{"required": []string{s.by}}}
		conditions = append(conditions, map[string]any{"if": unnamed, "then": propertiesOf(v, anyPart, definitions)})
	}
	return conditions
}

// chosenOf is the schema of a part's settings, which refuses what only other parts have.
func chosenOf(v reflect.Value, s section, p part, definitions map[string]any) map[string]any {
	object := propertiesOf(v, p.all(), definitions)
	properties, own := object["properties"].(map[string]any), setting.Keys(s.own(p.name))
	for _, o := range s.all() {
		if text := s.refusal(o.Key, p.name); text != "" && !slices.Contains(own, o.Key) {
			properties[o.Key] = refused(s, &o, text)
		}
	}
	return object
}

// refused is the schema of a setting that the chosen part does not have. In a lenient
// section it may be zero; editors say errorMessage of other values and, by doNotSuggest,
// do not complete the key.
func refused(s section, o *setting.Option, text string) any {
	if !s.lenient || o.Elsewhere != "" || o.Kind == setting.Section || o.List || o.Named || o.PerTask {
		return false
	}
	form := map[string]any{"const": 0, "errorMessage": text, "doNotSuggest": true}
	switch o.Kind {
	case setting.Flag:
		form["const"] = false
	case setting.Word, setting.Text:
		form["const"] = ""
	}
	return form
}

// formOf is the schema of a setting.
func formOf(v reflect.Value, o *setting.Option, definitions map[string]any) map[string]any {
	var form map[string]any
	if o.Kind == setting.Section {
		inside, _ := below(v, o.Key)
		name := definitionOf(inside.Type())
		if definitions[name] == nil {
			definitions[name] = true // a source may hold others
			definitions[name] = objectOf(inside, definitions)
		}
		form = map[string]any{"$ref": "#/definitions/" + name}
	} else {
		form = scalarForm(o)
	}
	switch item := form; {
	case o.Named && o.List:
		form = map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "array", "items": item}}
	case o.Named || o.PerTask:
		form = map[string]any{"type": "object", "additionalProperties": item}
	case o.Groups:
		form = map[string]any{"type": "array", "items": map[string]any{"anyOf": []any{item, map[string]any{"type": "array", "items": item}}}}
	case o.List && o.Single:
		form = map[string]any{"anyOf": []any{item, map[string]any{"type": "array", "items": item}}}
	case o.List:
		form = map[string]any{"type": "array", "items": item}
	}
	for _, f := range fieldsOf(v) {
		if f.name == o.Key && f.on != 0 {
			form = map[string]any{"anyOf": []any{form, map[string]any{"type": "boolean"}}}
		}
	}
	form["description"] = describe(o)
	if o.Default != nil && !o.PerTask {
		form["default"] = o.Default
	}
	return form
}

// describe is what an editor shows of a setting; of a default it shows nothing else.
func describe(o *setting.Option) string {
	if text := standard(o); text != "" && !o.Required {
		return sentence(o.Doc) + ". Default: " + text
	}
	return sentence(o.Doc)
}

// describe says what each of the section's parts is, by name.
func (s section) describe(names []string) []string {
	of := make([]string, len(names))
	for _, p := range s.parts {
		if i := slices.Index(names, p.name); i >= 0 {
			of[i] = sentence(p.doc)
		}
	}
	return of
}

func definitionOf(t reflect.Type) string { return strings.ToLower(t.Name()) }

// scalarForm is the schema of one value.
func scalarForm(o *setting.Option) map[string]any {
	switch o.Kind {
	case setting.Flag:
		return map[string]any{"type": "boolean"}
	case setting.Word:
		return map[string]any{"enum": o.Words}
	case setting.Text:
		return map[string]any{"type": []string{"string", "number"}}
	}
	form := map[string]any{"type": "number"}
	if o.Kind == setting.Whole {
		form["type"] = "integer"
	}
	low, high := "minimum", "maximum"
	if o.Open {
		low = "exclusiveMinimum"
	}
	if o.Min > -math.MaxFloat32 {
		form[low] = o.Min
	}
	most, below := o.Most()
	if below {
		high = "exclusiveMaximum"
	}
	if most > 0 && most < math.MaxFloat32 {
		form[high] = most
	}
	return form
}
