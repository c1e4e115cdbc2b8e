package recipe

import (
	"fmt"
	"math"
	"reflect"
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
	for _, p := range places() {
		switch {
		case p.paths[0] == "":
			b.WriteString("\n## The recipe\n\n")
		case len(p.paths) == 1:
			fmt.Fprintf(&b, "\n## `%s`\n\n%s.\n\n", p.paths[0], sentence(p.doc))
		default:
			fmt.Fprintf(&b, "\n## `%s`\n\n", strings.Join(p.paths, "`, `"))
		}
		p.write(&b)
	}
	return b.String()
}

const introduction = `# Recipes: every key

This page is generated from the settings that the code declares: ` + "`go test ./recipe -update`" + ` writes it, and the
same test fails where it is not what the code says. ` + "`espalier schema`" + ` prints the same as a JSON Schema, for editors.
A name for which ` + "`*`" + ` stands is yours. A key whose default follows from others says from which; one without a default
is absent where it is not given. [formats.md](formats.md) shows sources by example.
`

// sentence begins a text with a capital letter, except for a symbol, as in "b: a bound".
func sentence(s string) string {
	if len(s) > 1 && s[1] == ':' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// write writes the tables of a section.
func (p *place) write(b *strings.Builder) {
	if len(p.options) > 0 {
		table(b, nil, p.section, p.options)
	}
	if len(p.parts) == 0 {
		return
	}
	if len(p.options) > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "| `%s` | what it is | source |\n|---|---|---|\n", p.by)
	for _, part := range p.parts {
		if !part.unnamed {
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", part.name, cell(part.doc), part.source)
		}
	}
	var rows []setting.Option
	for _, part := range p.parts {
		rows = append(rows, part.all()...)
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\nBeside these, by `%s`:\n\n", p.by)
	table(b, &p.by, p.section, rows)
}

// table lists options; by is the key whose value an option is for. One that several
// parts have is one row.
func table(b *strings.Builder, by *string, s section, options []setting.Option) {
	head, rule := "| key |", "|---|"
	if by != nil {
		head, rule = head+" for |", rule+"---|"
	}
	fmt.Fprintf(b, "%s value | default | range | meaning |\n%s---|---|---|---|\n", head, rule)
	done := map[string]bool{}
	for i := range options {
		o := &options[i]
		line := fmt.Sprintf(" %s | %s | %s | %s |\n", value(o), standard(o), cell(o.Range()), cell(o.Doc))
		if done[o.Key+line] {
			continue
		}
		done[o.Key+line] = true
		fmt.Fprintf(b, "| `%s` |", o.Key)
		if by != nil {
			fmt.Fprintf(b, " %s |", readersOf(s, o, line))
		}
		b.WriteString(line)
	}
}

// readersOf names the parts that have just this option.
func readersOf(s section, o *setting.Option, line string) string {
	var names []string
	for _, p := range s.parts {
		for _, other := range p.all() {
			if other.Key == o.Key && line == fmt.Sprintf(" %s | %s | %s | %s |\n", value(&other), standard(&other), cell(other.Range()), cell(other.Doc)) {
				names = append(names, "`"+p.name+"`")
			}
		}
	}
	var without []string
	for _, p := range s.parts {
		if !slices.Contains(names, "`"+p.name+"`") {
			without = append(without, "`"+p.name+"`")
		}
	}
	switch {
	case len(names) > 3 && len(without) == 0:
		return "all"
	case len(names) > 3 && len(without) == 1:
		return "all but " + without[0]
	}
	return strings.Join(names, ", ")
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

// cell is a text in a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

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
		anyPart = append(anyPart, p.all()...)
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
