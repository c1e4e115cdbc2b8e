package setting

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Values are settings by key. As they are given, each is whatever a program or a
// decoder has made of it; as [Read] and [Binding.Complete] return them, it has the type of
// its option: float64, int64, string or bool, a slice of these, or map[string]float64.
type Values map[string]any

// Number is the number of a key, 0 where it has none.
func (v Values) Number(key string) float64 {
	x, _ := number(v[key])
	return x
}

// Int is the whole number of a key, 0 where it has none.
func (v Values) Int(key string) int64 {
	if x, ok := v[key].(int64); ok {
		return x
	}
	return int64(v.Number(key))
}

// Text is the word or text of a key, "" where it has none.
func (v Values) Text(key string) string {
	s, _ := v[key].(string)
	return s
}

// Flag is what a key says, false where it says nothing.
func (v Values) Flag(key string) bool {
	b, _ := v[key].(bool)
	return b
}

// Numbers are the numbers of a key: those of a list, or of each task.
func (v Values) Numbers(key string) []float64 {
	x, _ := v[key].([]float64)
	return x
}

// Ints are the whole numbers of a key's list.
func (v Values) Ints(key string) []int64 {
	x, _ := v[key].([]int64)
	return x
}

// Texts are the words or texts of a key's list.
func (v Values) Texts(key string) []string {
	x, _ := v[key].([]string)
	return x
}

// Named are the numbers of a key by name.
func (v Values) Named(key string) map[string]float64 {
	x, _ := v[key].(map[string]float64)
	return x
}

// Read returns the values of options: those given, checked, and the defaults of all
// others. A per-task option has a number for each of tasks, in their order. around
// are settings outside of the part that defaults follow from.
func Read(options []Option, given, around Values, tasks []string) (Values, error) {
	out := Values{}
	for i := range options {
		o := &options[i]
		value, ok := given[o.Key]
		if o.PerTask {
			of, err := o.perTask(value, ok, tasks)
			if err != nil {
				return nil, fmt.Errorf("option %w", err)
			}
			out[o.Key] = of
			continue
		}
		if !ok {
			value = o.Standard(out, around)
		}
		if value == nil {
			continue
		}
		value, err := o.Convert(value)
		if word, ok := value.(string); ok && o.Kind == Word && !slices.Contains(o.Words, word) {
			err = o.noWord(word)
		} else if err == nil {
			err = o.Check(value)
		}
		if err != nil {
			return nil, fmt.Errorf("option %w", err)
		}
		out[o.Key] = value
	}
	return out, known(options, given)
}

// UnknownError says that a part has no option of a key.
type UnknownError struct{ err error }

func (e *UnknownError) Error() string { return e.err.Error() }

// known returns an [UnknownError] where a key is that of none of the options.
func known(options []Option, given Values) error {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(Keys(options), key) {
			return &UnknownError{Unknown(key, Keys(options))}
		}
	}
	return nil
}

// Keys are the options' keys, in their order.
func Keys(options []Option) []string {
	var keys []string
	for _, o := range options {
		keys = append(keys, o.Key)
	}
	return keys
}

// Standard returns the option's default where the values of the options before it,
// and those around the part, are as they are; nil where it has none.
func (o *Option) Standard(before, around Values) any {
	if o.From == nil {
		return o.Default
	}
	of := maps.Clone(around)
	if of == nil {
		of = Values{}
	}
	maps.Copy(of, before)
	return o.From(of)
}

// Convert returns a value as the option's type, or an [Error] where it is of another
// kind.
func (o *Option) Convert(value any) (any, error) {
	var out any
	ok := false
	switch {
	case o.Named || o.PerTask:
		out, ok = convertNamed(value)
	case o.List:
		out, ok = o.convertList(value)
	default:
		out, ok = o.convert(value)
	}
	if ok {
		return out, nil
	}
	if o.Kind == Word && !o.List {
		return nil, o.noWord(value)
	}
	return nil, o.wrong(fmt.Errorf("is %v, it must be %s", value, o.Type()))
}

func (o *Option) noWord(value any) error {
	return o.wrong(fmt.Errorf("is %v, it must be one of %s", value, strings.Join(o.Words, ", ")))
}

// convert returns one value of the option's kind. A number that is not whole stays
// one, for Check to name.
func (o *Option) convert(value any) (any, bool) {
	switch o.Kind {
	case Word, Text:
		s, ok := value.(string)
		return s, ok
	case Flag:
		b, ok := value.(bool)
		return b, ok
	}
	if o.Kind == Whole {
		if n, ok := whole(value); ok {
			return n, true
		}
	}
	x, ok := number(value)
	return x, ok
}

// whole reads what a decoder may have made of a whole number.
func whole(value any) (int64, bool) {
	switch n := value.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	}
	x, ok := number(value)
	return int64(x), ok && x == math.Trunc(x) && math.Abs(x) <= 1<<53
}

func convertNamed(value any) (any, bool) {
	of, ok := named(value)
	out := make(map[string]float64, len(of))
	for name, v := range of {
		x, is := number(v)
		out[name], ok = x, ok && is
	}
	return out, ok
}

func (o *Option) convertList(value any) (any, bool) {
	values := list(value)
	whole, numbers, texts := make([]int64, 0, len(values)), make([]float64, 0, len(values)), make([]string, 0, len(values))
	for _, v := range values {
		x, ok := o.convert(v)
		if !ok {
			return nil, false
		}
		switch x := x.(type) {
		case int64:
			whole = append(whole, x)
		case float64:
			numbers = append(numbers, x)
		case string:
			texts = append(texts, x)
		}
	}
	switch {
	case o.Kind == Whole:
		return whole, values != nil && len(whole) == len(values)
	case o.Kind.number():
		return numbers, values != nil && len(numbers) == len(values)
	}
	return texts, values != nil && len(texts) == len(values)
}

// perTask reads one number per task. Tasks that are not named have the default.
func (o *Option) perTask(value any, given bool, tasks []string) ([]float64, error) {
	of := make([]float64, len(tasks))
	for i := range of {
		of[i], _ = number(o.Default)
	}
	if !given {
		return of, nil
	}
	named, ok := named(value)
	if !ok {
		return nil, o.wrong(fmt.Errorf("is %v, it must give tasks their numbers", value))
	}
	for _, task := range slices.Sorted(maps.Keys(named)) {
		i := slices.Index(tasks, task)
		if i < 0 {
			return nil, o.wrong(fmt.Errorf("names task %q, there are %s", task, strings.Join(tasks, ", ")))
		}
		x, ok := number(named[task])
		if !ok {
			return nil, o.wrong(fmt.Errorf("of task %q is %v, it must be a number", task, named[task]))
		}
		if err := o.number(x); err != nil {
			return nil, o.wrong(fmt.Errorf("of task %q %w", task, err))
		}
		of[i] = x
	}
	return of, nil
}

// number reads what a decoder may have made of a number.
func number(value any) (float64, bool) {
	switch x := value.(type) {
	case float64:
		return x, true
	case float32:
		return float64(x), true
	case int:
		return float64(x), true
	case int64:
		return float64(x), true
	case uint64:
		return float64(x), true
	}
	return 0, false
}

// named reads what a decoder may have made of a mapping.
func named(value any) (map[string]any, bool) {
	switch m := value.(type) {
	case map[string]any:
		return m, true
	case map[string]float64:
		out := make(map[string]any, len(m))
		for k, v := range m {
			out[k] = v
		}
		return out, true
	}
	return nil, false
}

// list reads what a decoder may have made of a list; nil for what is none.
func list(value any) []any {
	switch l := value.(type) {
	case []any:
		return l
	case []int:
		return anys(l)
	case []int64:
		return anys(l)
	case []float64:
		return anys(l)
	case []string:
		return anys(l)
	}
	return nil
}

func anys[T any](l []T) []any {
	out := make([]any, len(l))
	for i, x := range l {
		out[i] = x
	}
	return out
}
