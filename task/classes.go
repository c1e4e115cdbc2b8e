package task

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"espalier/schema"
	"espalier/tensor"
)

// meaning says which label a number in an output of labels stands for. A nil
// meaning is that of our own files: numbers are places in the schema's list.
//
// Files of other tools answer with the classes that they were trained on, which
// may be any integers. Where all labels of the schema are spelled as integers, a
// number stands for the label that spells it. Where none is, numbers are places.
// Where some are, a number is a place that no spelling contradicts.
type meaning struct {
	spelled map[int64]int64 // label's place by the integer that it spells
	labels  int
	numbers []bool // by place: the label spells an integer
	one     string // a label that does, for messages
}

// newMeaning reads the labels as integers, or, for an output of bools, also as
// true and false.
func newMeaning(labels []string, bools bool) *meaning {
	m := &meaning{spelled: map[int64]int64{}, labels: len(labels), numbers: make([]bool, len(labels))}
	for i, l := range labels {
		n, ok := integer(l)
		if bools && !ok {
			n, ok = truth(l)
		}
		if ok {
			m.spelled[n], m.numbers[i], m.one = int64(i), true, l
		}
	}
	return m
}

// integer reads a label that is spelled as an integer: -1, 12, 02, 3.0.
func integer(label string) (int64, bool) {
	whole, fraction, _ := strings.Cut(label, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	return n, err == nil && strings.Trim(fraction, "0") == ""
}

// Spelled writes labels that are integers as another tool's file writes its classes,
// and counts them.
func Spelled(labels []string) (as []string, integers int) {
	as = slices.Clone(labels)
	for i, l := range labels {
		if n, ok := integer(l); ok {
			as[i] = strconv.FormatInt(n, 10)
			integers++
		}
	}
	return as, integers
}

func truth(label string) (int64, bool) {
	switch strings.ToLower(label) {
	case "false":
		return 0, true
	case "true":
		return 1, true
	}
	return 0, false
}

// place returns the place of the label that a number stands for.
func (m *meaning) place(number int64, labels int) (int64, error) {
	inside := number >= 0 && number < int64(labels)
	if m == nil || len(m.spelled) == 0 {
		if !inside {
			return 0, fmt.Errorf("label %d is outside of %d labels", number, labels)
		}
		return number, nil
	}
	at, spells := m.spelled[number]
	switch {
	case spells && (len(m.spelled) == m.labels || at == number):
		return at, nil
	case len(m.spelled) < m.labels && inside && !spells && !m.numbers[number]:
		return number, nil
	}
	why := "which no label spells"
	if spells {
		why = fmt.Sprintf("which is label %d of the list by its spelling, and by its place another", at)
	}
	return 0, fmt.Errorf("the file answers with class %d, %s; labels such as %q say that classes are numbers: "+
		"give all labels as the file has them, in the order of its probabilities", number, why, m.one)
}

// number returns the labels as the file gives them in an output: places of names, or numbers
// that [meaning.place] turns into places.
func (t *Reader) number(made *numbers, output string, x *tensor.Tensor) (labels []int64, of *meaning, err error) {
	switch x.DType() {
	case tensor.Int64:
		return x.Int64s(), t.integers, nil
	case tensor.Int32:
		from, _ := tensor.Data[int32](x)
		out := made.int64s(len(from))
		for i, v := range from {
			out[i] = int64(v)
		}
		return out, t.integers, nil
	case tensor.Bool:
		out := made.int64s(x.Len())
		for i, v := range x.Bools() {
			if out[i] = 0; v {
				out[i] = 1
			}
		}
		return out, t.bools, nil
	case tensor.String:
		names := x.Strings()
		out := made.int64s(len(names))
		for i, name := range names {
			n, ok := t.numbers[name]
			if !ok && (name != "" || t.traits.Level != OfToken) { // "" is padding
				return nil, nil, fmt.Errorf("the file answers %q, which is none of the labels in its metadata", name)
			}
			out[i] = n
		}
		return out, nil, nil
	}
	return nil, nil, &ElementsError{output, x.DType(), "labels are int64, int32, bool or strings"}
}

// Places turns an output of labels, names or another tool's classes, into the labels'
// places.
func (t *Reader) Places(x *tensor.Tensor) (*tensor.Tensor, error) {
	given, meaning, err := t.number(&numbers{}, t.Output(schema.Label), x)
	if err != nil {
		return nil, err
	}
	ids := slices.Clone(given)
	for i := range ids {
		if x.DType() == tensor.String {
			break // they are places already
		}
		if ids[i], err = meaning.place(ids[i], len(t.Labels)); err != nil {
			return nil, err
		}
	}
	return tensor.Of(ids, x.Shape()...)
}

// ElementsError says that an output's elements are of a type that is not read.
type ElementsError struct {
	Output string // the tensor
	DType  tensor.DType
	Read   string // what is read
}

func (e *ElementsError) Error() string {
	return fmt.Sprintf("its elements are %v, %s", e.DType, e.Read)
}
