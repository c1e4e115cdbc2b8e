package setting

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"espalier/internal/nearest"
)

// Error says what is wrong with the value of a setting.
type Error struct {
	// Key is the setting's, with ".0" or ".NAME" behind it where one value of a list
	// or of a mapping is wrong.
	Key string
	// Err stands behind the setting's name: "is -1, it must be above 0".
	Err error
}

func (e *Error) Error() string { return e.Key + " " + e.Err.Error() }

// Unwrap returns what stands behind the setting's name.
func (e *Error) Unwrap() error { return e.Err }

func (o *Option) wrong(err error) error {
	if err == nil {
		return nil
	}
	return &Error{o.Key, err}
}

// Check returns an [Error] where a value of the option's type is out of its range.
func (o *Option) Check(value any) error {
	if err := o.check(value); err != nil || o.Valid == nil {
		return err
	}
	return o.wrong(o.Valid(value))
}

func (o *Option) check(value any) error {
	switch x := value.(type) {
	case int64:
		return o.wrong(o.whole(x))
	case float64:
		return o.wrong(o.number(x))
	case string:
		return o.wrong(o.word(x))
	case []int64:
		return each(o, x, o.whole)
	case []float64:
		return each(o, x, o.number)
	case []string:
		return each(o, x, o.word)
	case map[string]float64:
		for _, name := range slices.Sorted(maps.Keys(x)) {
			if err := o.number(x[name]); err != nil {
				return &Error{o.Key + "." + name, err}
			}
		}
	}
	return nil
}

// each checks the values of a list.
func each[T any](o *Option, list []T, check func(T) error) error {
	for i, x := range list {
		if err := check(x); err != nil && o.Single {
			return o.wrong(err)
		} else if err != nil {
			return &Error{fmt.Sprintf("%s.%d", o.Key, i), err}
		}
	}
	return nil
}

func (o *Option) word(s string) error {
	if o.Kind != Word {
		return nil
	}
	return OneOf(s, o.Words)
}

// OneOf returns what is wrong with a word that must be one of those known.
func OneOf(word string, known []string) error {
	switch near := nearest.Word(word, known); {
	case slices.Contains(known, word):
		return nil
	case word == "":
		return fmt.Errorf("is missing; it is one of %s", strings.Join(known, ", "))
	case near != "":
		return fmt.Errorf("is %q, which is not one of %s; did you mean %q?", word, strings.Join(known, ", "), near)
	}
	return fmt.Errorf("is %q, which is not one of %s", word, strings.Join(known, ", "))
}

// whole checks a whole number, whose bounds a float64 may not hold.
func (o *Option) whole(x int64) error {
	switch {
	case o.Kind != Whole:
		return o.number(float64(x))
	case o.Max >= Unlimited && x < 0:
		return fmt.Errorf("is %d, it cannot be negative", x)
	case o.Max >= Unlimited:
		return nil
	case o.Max != 0:
		return o.number(float64(x))
	case float64(x) < o.Min:
		return fmt.Errorf("is %d, it must be at least %v", x, o.Min)
	case x > math.MaxInt32:
		return fmt.Errorf("is %d, it must be at most %d", x, math.MaxInt32)
	}
	return nil
}

func (o *Option) number(x float64) error {
	least, most := x >= o.Min && !(o.Open && x == o.Min), o.unbounded() || x <= o.max() && !(o.below() && x == o.max())
	switch {
	case o.unbounded() && (math.IsNaN(x) || math.IsInf(x, 0)):
		return fmt.Errorf("is %v, it must be a finite number", x)
	case o.Kind == Whole && x != math.Trunc(x) && o.unbounded():
		return fmt.Errorf("is %v, it must be a whole number", x)
	case o.Kind == Whole && o.unbounded():
		return o.whole(int64(x))
	case least && most && !(o.Kind == Whole && x != math.Trunc(x)):
		return nil
	}
	if least && o.Open && !o.below() && x > o.max() {
		return fmt.Errorf("is %v, it must be at most %v", x, o.max())
	}
	return fmt.Errorf("is %v, it %s", x, o.must())
}

// must says which numbers the option takes.
func (o *Option) must() string {
	switch {
	case o.Kind == Whole:
		return fmt.Sprintf("must be a whole number from %v to %v", o.Min, o.Max)
	case o.unbounded() && o.Open:
		return fmt.Sprintf("must be above %v", o.Min)
	case o.unbounded() && o.Min == 0:
		return "cannot be negative"
	case o.unbounded():
		return fmt.Sprintf("must be at least %v", o.Min)
	case o.Open && o.below():
		return fmt.Sprintf("must be above %v and below %v", o.Min, o.max())
	case o.Open:
		return fmt.Sprintf("must be above %v and at most %v", o.Min, o.max())
	case o.below():
		return fmt.Sprintf("must be at least %v and below %v", o.Min, o.max())
	}
	return fmt.Sprintf("must be between %v and %v", o.Min, o.max())
}

// Unknown returns what is wrong with a key that is none of those known, as an error
// to stand behind the name of the part.
func Unknown(key string, known []string) error {
	switch near := nearest.Word(key, known); {
	case near != "":
		return fmt.Errorf("has no option %q: did you mean %q?", key, near)
	case len(known) == 0:
		return fmt.Errorf("has no option %q, it has none", key)
	}
	return fmt.Errorf("has no option %q, it has %s", key, strings.Join(known, ", "))
}

// In returns an error of a setting as one of a setting inside of a section, whose key
// with a dot behind it is path; another error as it is.
func In(path string, err error) error {
	if of := (*Error)(nil); errors.As(err, &of) {
		return &Error{path + of.Key, of.Err}
	}
	return err
}
