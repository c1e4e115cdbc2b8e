package setting

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Binding says which options a struct holds. A field belongs to the option that its
// tag names, as `key:"hidden"`; to one that is a list where the field is a slice.
// Values of options without a field are in the struct's field of type [Values].
type Binding struct {
	// Options are those of the part that the struct configures.
	Options []Option
	// Others are those of parts in its place. Where they have a field it gets their
	// default and is checked, too, though nothing reads it.
	Others []Option
	// Around are settings outside of the struct that defaults follow from.
	Around Values
	// Given says which fields were given. Nil: all that are not zero.
	Given func(key string) bool
}

// Complete gives the struct that to points to the defaults of what is not given,
// checks all values and returns those of the part.
//
// A value in the field of type [Values] is always given, also that of an option with a
// field of its own: so a library's user says 0 where zero would mean the default. Maps
// and slices of the struct are never changed, only replaced.
func (b Binding) Complete(to any) (Values, error) {
	f := fieldsOf(to)
	more, values := Values{}, Values{}
	for i := range b.Options {
		o := &b.Options[i]
		value, err := b.complete(f, o, values)
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		values[o.Key] = value
		if _, given := f.more()[o.Key]; given || !f.has(o) {
			more[o.Key] = value
		}
	}
	for i := range b.Others {
		if o := &b.Others[i]; f.has(o) && !slices.Contains(Keys(b.Options), o.Key) {
			if _, err := b.complete(f, o, values); err != nil {
				return nil, err
			}
		}
	}
	if err := known(b.Options, f.more()); err != nil {
		return nil, err
	}
	if len(more) > 0 && f.values.IsValid() {
		f.values.Set(reflect.ValueOf(more))
	}
	return values, nil
}

// complete returns the value of one option, and sets its field.
func (b Binding) complete(f *fields, o *Option, values Values) (any, error) {
	if o.Kind == Section || o.Kind == Text && (o.Named || o.Groups) { // there is nothing to check
		return nil, nil
	}
	field, has := f.of(o)
	value, set := f.more()[o.Key]
	switch {
	case set:
	case has && b.given(o, field):
		value = field.Interface()
	default:
		value = o.Standard(values, b.Around)
	}
	if value == nil && o.Required && has {
		return nil, o.Check(o.nothing())
	}
	if value == nil {
		return nil, nil
	}
	value, err := o.Convert(value)
	if err == nil {
		err = o.Check(value)
	}
	if err == nil && has {
		assign(field, value)
	}
	return value, err
}

// given reports whether a field's value counts. A list or a mapping that is nil does
// not: another field of its key may hold what was given.
func (b Binding) given(o *Option, field reflect.Value) bool {
	absent := field.Kind() == reflect.Slice || field.Kind() == reflect.Map
	if b.Given == nil || absent && field.IsNil() {
		return !field.IsZero()
	}
	return b.Given(o.Key)
}

// Explicit writes what is zero in a complete struct, where that is not the default,
// into its field of type [Values]: a binding without Given then keeps it.
func (b Binding) Explicit(of any) {
	f := fieldsOf(of)
	more, values := maps.Clone(f.more()), Values{}
	for i := range b.Options {
		o := &b.Options[i]
		field, has := f.of(o)
		if !has || o.Kind == Section {
			continue
		}
		values[o.Key], _ = o.Convert(field.Interface())
		if !field.IsZero() || o.Required || zero(o.Standard(values, b.Around)) {
			continue
		}
		if more == nil {
			more = Values{}
		}
		more[o.Key] = values[o.Key]
	}
	if more != nil {
		f.values.Set(reflect.ValueOf(more))
	}
}

// nothing is the value of a setting that is not there.
func (o *Option) nothing() any {
	switch o.Kind {
	case Word, Text:
		return ""
	case Whole:
		return int64(0)
	}
	return 0.0
}

// Defaults gives a struct the defaults of options that follow from nothing; of several
// options of one key that of the first.
func Defaults(options []Option, to any) {
	f, done := fieldsOf(to), map[string]bool{}
	for i := range options {
		o := &options[i]
		field, has := f.of(o)
		if !has || done[o.Key] {
			continue
		}
		done[o.Key] = true
		if o.Default == nil {
			continue
		}
		if value, err := o.Convert(o.Default); err == nil {
			assign(field, value)
		}
	}
}

// Only clears the fields of a struct that hold settings that are none of the options.
func Only(options []Option, of any) {
	f := fieldsOf(of)
	var kept []reflect.Value
	for i := range options {
		if field, has := f.of(&options[i]); has {
			kept = append(kept, field)
		}
	}
	for _, fields := range f.byKey {
		for _, field := range fields {
			if !slices.Contains(kept, field) {
				field.SetZero()
			}
		}
	}
}

// Of returns the values of options that a struct has, as they are.
func Of(options []Option, of any) Values {
	f, values := fieldsOf(of), Values{}
	for i := range options {
		o := &options[i]
		if field, has := f.of(o); has && o.Kind != Section {
			values[o.Key], _ = o.Convert(field.Interface())
		} else if v, given := f.more()[o.Key]; given {
			values[o.Key] = v
		}
	}
	return values
}

// zero reports whether a default is what a field of a new struct has.
func zero(standard any) bool {
	v := reflect.ValueOf(standard)
	return !v.IsValid() || v.IsZero()
}

// fields are those of a struct.
type fields struct {
	byKey  map[string][]reflect.Value
	values reflect.Value // the field of type Values; not valid where there is none
}

func fieldsOf(of any) *fields {
	f := &fields{byKey: map[string][]reflect.Value{}}
	f.add(reflect.ValueOf(of).Elem())
	return f
}

func (f *fields) add(v reflect.Value) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		tag, tagged := field.Tag.Lookup("key")
		switch {
		case field.Type == reflect.TypeFor[Values]():
			f.values = v.Field(i)
		case field.Anonymous && field.Type.Kind() == reflect.Struct:
			f.add(v.Field(i))
		case tagged:
			key, _, _ := strings.Cut(tag, ",")
			f.byKey[key] = append(f.byKey[key], v.Field(i))
		}
	}
}

// of returns the field of an option, and false where it has none.
func (f *fields) of(o *Option) (reflect.Value, bool) {
	for _, v := range f.byKey[o.Key] {
		if (v.Kind() == reflect.Slice) == (o.List && !o.Named) && (v.Kind() == reflect.Map) == (o.Named || o.PerTask) {
			return v, true
		}
	}
	return reflect.Value{}, false
}

func (f *fields) has(o *Option) bool {
	_, has := f.of(o)
	return has
}

func (f *fields) more() Values {
	if !f.values.IsValid() {
		return nil
	}
	return f.values.Interface().(Values)
}

// assign sets a field to a value of another type of the same kind.
func assign(field reflect.Value, value any) {
	v := reflect.ValueOf(value)
	if v.Kind() != reflect.Slice || v.Type() == field.Type() {
		field.Set(v.Convert(field.Type()))
		return
	}
	list := reflect.MakeSlice(field.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		list.Index(i).Set(v.Index(i).Convert(field.Type().Elem()))
	}
	field.Set(list)
}
