package setting

import (
	"maps"
	"reflect"
	"strings"
)

// Complete gives a struct the defaults of options, checks all of their values and
// returns them. A field belongs to the option that its tag names, as `key:"hidden"`;
// to one that is a list where the field is a slice. Values of options without a
// field are in the struct's field of type [Values].
//
// Given are the values of that field, and of the others those that are not zero: zero
// means the default. Where 0 itself is meant it is written in the field of type
// [Values], which counts also for options that have a field. Where given is not nil,
// it says of a key instead whether the field's value counts, even if it is zero.
//
// The struct's maps and slices are never changed, only replaced.
func Complete(options []Option, to any, around Values, given func(key string) bool) (Values, error) {
	f := fieldsOf(to)
	more, before := Values{}, Values{}
	for i := range options {
		o := &options[i]
		field, has := f.of(o)
		value, set := f.more()[o.Key]
		switch {
		case set:
		case has && (given == nil && !field.IsZero() || given != nil && given(o.Key)):
			value = field.Interface()
		default:
			value = o.Standard(before, around)
		}
		if value == nil {
			continue
		}
		value, err := o.Convert(value)
		if err == nil {
			err = o.Check(value)
		}
		if err != nil {
			return nil, err
		}
		before[o.Key] = value
		if has {
			assign(field, value)
		}
		if set || !has {
			more[o.Key] = value
		}
	}
	if err := known(options, f.more()); err != nil {
		return nil, err
	}
	if len(more) > 0 && f.values.IsValid() {
		f.values.Set(reflect.ValueOf(more))
	}
	return before, nil
}

// Explicit writes the zeros of a struct that [Complete] has completed, where they are
// not the options' defaults, into its field of type [Values]: completed once more, it
// keeps them.
func Explicit(options []Option, of any) {
	f := fieldsOf(of)
	more := maps.Clone(f.more())
	for i := range options {
		o := &options[i]
		field, has := f.of(o)
		if !has || !field.IsZero() || o.From == nil && o.zero() {
			continue
		}
		if more == nil {
			more = Values{}
		}
		more[o.Key] = field.Interface()
	}
	if more != nil {
		f.values.Set(reflect.ValueOf(more))
	}
}

// zero reports whether the default is what a field of a new struct has.
func (o *Option) zero() bool {
	x, is := number(o.Default)
	return o.Default == nil || is && x == 0 || o.Default == "" || o.Default == false
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
		if (v.Kind() == reflect.Slice) == o.List {
			return v, true
		}
	}
	return reflect.Value{}, false
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
