package recipe

import (
	"reflect"
	"slices"

	"espalier/setting"
)

// field is a field of a struct that holds a setting.
type field struct {
	key
	value reflect.Value
}

// fieldsOf returns the fields of a struct that hold its settings, in the order in which
// they are written, those of embedded structs included. A field of a struct that
// declares its settings counts where they have its key.
func fieldsOf(v reflect.Value) []field {
	fields := flat(nil, v)
	s, _, declared := sectionOf(v.Addr().Interface())
	if !declared {
		return fields
	}
	options := s.all()
	return slices.DeleteFunc(fields, func(f field) bool {
		return !slices.ContainsFunc(options, func(o setting.Option) bool {
			return o.Key == f.name && (!f.many || o.List == (f.value.Kind() == reflect.Slice) && o.Named == (f.value.Kind() == reflect.Map))
		})
	})
}

func flat(fields []field, v reflect.Value) []field {
	for i := range v.NumField() {
		of := v.Type().Field(i)
		k, ok := keyOf(of)
		switch {
		case of.Anonymous && of.Type.Kind() == reflect.Struct:
			fields = flat(fields, v.Field(i))
		case ok && k.after != "":
			at := slices.IndexFunc(fields, func(f field) bool { return f.name == k.after })
			fields = slices.Insert(fields, at+1, field{k, v.Field(i)})
		case ok:
			fields = append(fields, field{k, v.Field(i)})
		}
	}
	return fields
}

// optionsOf returns the field of a struct for settings that have none of their own, and
// what the struct declares by key. The field is not valid where there is none.
func optionsOf(v reflect.Value) (more reflect.Value, options map[string]*setting.Option) {
	more = v.FieldByName("Options")
	if !more.IsValid() || more.Type() != reflect.TypeFor[setting.Values]() {
		return reflect.Value{}, nil
	}
	s, _, ok := sectionOf(v.Addr().Interface())
	if !ok {
		return more, nil
	}
	options = map[string]*setting.Option{}
	for _, o := range s.all() {
		if options[o.Key] == nil {
			options[o.Key] = &o
		}
	}
	return more, options
}

// setDefaults gives a struct, and the sections in it that are always there, the
// defaults that follow from nothing. Of a setting that several parts have it is the
// first one's; checks set the chosen part's.
func setDefaults(v reflect.Value) {
	s, _, ok := sectionOf(v.Addr().Interface())
	if ok {
		setting.Defaults(s.all(), v.Addr().Interface())
	}
	for i := range v.NumField() {
		of := v.Type().Field(i)
		k, tagged := keyOf(of)
		if tagged && !k.omitempty && of.Type.Kind() == reflect.Struct {
			setDefaults(v.Field(i))
		}
	}
}

// unread returns which settings of a struct are not read as it is: those of other parts
// than the chosen one, and those that others leave without a meaning.
func unread(v reflect.Value) func(key string) bool {
	of := v.Addr().Interface()
	s, chosen, ok := sectionOf(of)
	var keys []string
	if u, ok := of.(interface{ unused() []string }); ok {
		keys = u.unused()
	}
	if !ok {
		return func(key string) bool { return slices.Contains(keys, key) }
	}
	own := s.own(chosen)
	values := setting.Of(own, of)
	read := map[string]bool{}
	for _, o := range own {
		read[o.Key] = o.Moot == nil || o.Moot(values) == ""
	}
	return func(key string) bool { return !read[key] || slices.Contains(keys, key) }
}
