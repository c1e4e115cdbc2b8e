// Package input holds the kinds of inputs: what a model can be given. A kind is one
// file. It says what a caller gives for the input, which settings recipes have for it,
// what the graph's input that carries it is, and how the input is described to people.
// What needs records, a builder or an engine is one file for each kind in the room that
// has them (data, models, export, export/verify, runtime/predict), and one table there
// that chooses. All other code asks for a kind's traits, and never for the kind.
//
// The package is below models, recipe and runtime/predict, right above package task.
package input

import (
	"slices"

	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
)

// Kind is a kind of inputs. Its values have no state and are safe for concurrent use.
type Kind interface {
	// Name is the kind's word in recipes and files.
	Name() schema.InputType
	// Traits say what there is to an input of the kind.
	Traits() Traits
	// Doc says in a few words what it is.
	Doc() string
	// Options are the keys that recipes have for inputs of the kind.
	Options() []setting.Option
	// Configure puts the values of those keys into an input of the schema.
	Configure(v setting.Values, in *schema.Input)
	// Tensor returns the element type and the number of dimensions of the graph input
	// that carries it, in a file that computes in float32.
	Tensor(in *schema.Input) (tensor.DType, int)
	// Describe says in a few words what the input reads.
	Describe(in *schema.Input) string
}

// Form is what a caller gives for an input of one example.
type Form int

// The forms: tensors that the caller lays out, a text, a number, one of several values.
const (
	Tensors Form = iota
	Text
	Number
	Value
)

// Traits say what there is to an input. Code outside of a kind's files asks for traits
// and never for the kind.
type Traits struct {
	// Given is what a caller gives.
	Given Form
	// Tokens: an example is a row of tokens, each of which has hidden states. Without, it
	// is a whole, and so are its states.
	Tokens bool
	// Vocabulary: ids are those of a vocabulary, which stands beside the schema.
	Vocabulary bool
	// Foreign: only files of other tools have it, and no recipe.
	Foreign bool
}

// Column reports whether an input is a column of a table: one number or value an
// example.
func (t Traits) Column() bool { return t.Given == Number || t.Given == Value }

// Of returns the kind of that name, or nil.
func Of(name schema.InputType) Kind {
	for _, k := range kinds {
		if k.Name() == name {
			return k
		}
	}
	return nil
}

// TraitsOf returns the traits of an input's kind, the zero value for an unknown one.
func TraitsOf(in *schema.Input) Traits {
	if k := Of(in.Type); k != nil {
		return k.Traits()
	}
	return Traits{}
}

// Table reports whether a model reads columns of a table, and nothing else.
func Table(s *schema.Schema) bool {
	for i := range s.Inputs {
		if !TraitsOf(&s.Inputs[i]).Column() {
			return false
		}
	}
	return len(s.Inputs) > 0
}

// HasTokens reports whether a model reads tokens of examples.
func HasTokens(s *schema.Schema) bool {
	return slices.ContainsFunc(s.Inputs, func(in schema.Input) bool { return TraitsOf(&in).Tokens })
}

// WithVocabulary returns the input whose ids are a vocabulary's, or nil.
func WithVocabulary(s *schema.Schema) *schema.Input {
	for i := range s.Inputs {
		if TraitsOf(&s.Inputs[i]).Vocabulary {
			return &s.Inputs[i]
		}
	}
	return nil
}

// OneText reports whether a model reads one text, and nothing else.
func OneText(s *schema.Schema) bool {
	return len(s.Inputs) == 1 && TraitsOf(&s.Inputs[0]).Given == Text
}

// Describe says in a few words what an input reads.
func Describe(in *schema.Input) string {
	if k := Of(in.Type); k != nil {
		return k.Describe(in)
	}
	return string(in.Type)
}
