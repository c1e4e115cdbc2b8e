// Package setting declares settings. A part of a model or of training, such as a
// balancing method or a sharing structure, lists its settings as [Option] values in
// its own file: key, kind, default, range and one line of documentation. From that
// one list values are read and checked ([Read], [Binding]), recipes are read, and
// the reference of all keys is written.
package setting

import (
	"fmt"
	"math"
	"strings"
)

// Option is one setting.
type Option struct {
	// Key is its name in recipes and in [Values].
	Key string
	// Kind is what its value is, or each of its values.
	Kind Kind
	// List: the value is a list of Kind; with Single, one of one value may be
	// written as that value. Named: it is a mapping from names to Kind. PerTask: the
	// names are those of tasks, and a task that is not named has the default.
	// Groups: each of a list of texts may be a list of texts itself.
	List, Single, Named, PerTask, Groups bool
	// Default is the value where none is given, as the kind's Go type: float64,
	// int, string, bool or a slice of these. Nil: it has none, and the setting is
	// absent where it is not given, unless From makes one.
	Default any
	// From makes the default that follows from other settings: from those of the
	// options before this one, and from those around the part. Follows says in
	// words what it makes.
	From    func(of Values) any
	Follows string
	// Min and Max bound a number: it is at least Min, with Open above it, and at
	// most Max, with Below below it. Max 0 is no bound.
	Min, Max    float64
	Open, Below bool
	// Words are the values of a [Word].
	Words []string
	// Valid says what else is wrong with a value, as an error to stand behind the
	// setting's name.
	Valid func(value any) error
	// Required: the setting must be given.
	Required bool
	// Elsewhere is what to say of the setting where it is given to a part that does
	// not have it, as a text to stand behind its name; "": which parts have it.
	Elsewhere string
	// Moot says why the setting has no meaning where others are as they are, as a
	// text to stand behind the setting's name: "is for learned positions". "": it has
	// one.
	Moot func(of Values) string
	// Doc says in one line what the setting does.
	Doc string
}

// Kind is what a value is.
type Kind int

const (
	// Number is a finite number: float64.
	Number Kind = iota
	// Whole is a whole number: int64. Without Max it is at most 2^31 - 1.
	Whole
	// Share is a number of at least 0 and below 1: float64.
	Share
	// Word is one of the option's words: string.
	Word
	// Text is any text: string.
	Text
	// Flag is true or false: bool.
	Flag
	// Section is a mapping of settings that are declared by themselves.
	Section
)

// Unlimited is the Max of a [Whole] that may be any number from 0 that an int64 holds.
const Unlimited = math.MaxInt64

func (k Kind) number() bool { return k == Number || k == Whole || k == Share }

// Type says in words what a value of the option is, as "a list of whole numbers".
func (o *Option) Type() string {
	one := [...]string{"a number", "a whole number", "a number", "a word", "a text", "true or false", "a mapping of settings"}[o.Kind]
	many := [...]string{"numbers", "whole numbers", "numbers", "words", "texts", "true or false", "mappings of settings"}[o.Kind]
	switch {
	case o.PerTask:
		return "a mapping from tasks to " + many
	case o.Named:
		return "a mapping from names to " + many
	case o.List:
		return "a list of " + many
	}
	return one
}

// Range says in words which values the option takes; "" where it takes all of its
// kind.
func (o *Option) Range() string {
	switch {
	case o.Kind == Word:
		return strings.Join(o.Words, ", ")
	case !o.Kind.number():
		return ""
	}
	from, to := fmt.Sprintf("from %v", o.Min), ""
	if o.Open {
		from = fmt.Sprintf("above %v", o.Min)
	}
	switch low, high := o.Min == -math.MaxFloat32, o.unbounded() || o.Max == math.MaxFloat32; {
	case low && high:
		from = "any"
	case high:
	case o.below():
		to = fmt.Sprintf(", below %v", o.max())
	case o.Open:
		to = fmt.Sprintf(", to %v", o.max())
	default:
		from, to = fmt.Sprintf("%v to %v", o.Min, o.max()), ""
	}
	if o.Kind == Whole {
		to += ", whole"
	}
	return from + to
}

// unbounded reports whether the option declares no upper bound of its own.
func (o *Option) unbounded() bool {
	return o.Kind != Share && o.Max == 0 || o.Kind == Whole && o.Max >= Unlimited
}

func (o *Option) max() float64 {
	if o.Kind == Share {
		return 1
	}
	return o.Max
}

func (o *Option) below() bool { return o.Below || o.Kind == Share }

// Most is the number that the option's values are at most, or below; 0 where there is
// no such bound.
func (o *Option) Most() (most float64, below bool) {
	switch {
	case o.unbounded() && o.Kind == Whole && o.Max == 0:
		return math.MaxInt32, false
	case o.unbounded():
		return 0, false
	}
	return o.max(), o.below()
}
