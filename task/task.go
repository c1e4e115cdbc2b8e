// Package task holds the task types: what a model can be asked about its input. A
// type is one file. It says how a field of a record is read, what training learns of
// the labels, how a data set keeps them and a batch lays them out, which outputs
// carry the predictions and how these are decoded and printed, how predictions are
// measured, and what the best prediction is that does not look at the input. Only
// the head, the part with parameters, is elsewhere: one file in package models.
//
// The package is below data, train and runtime/predict, so that a program that only
// predicts reads outputs by the same code as the trainer does.
package task

import (
	"fmt"
	"strings"

	"espalier/metric"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
)

// Type is a task type. Its values have no state and are safe for concurrent use.
type Type interface {
	// Name is the type's word in recipes and files.
	Name() schema.TaskType
	// Traits say what kind of prediction it makes.
	Traits() Traits
	// Roles are those of its outputs, in their order in a file.
	Roles() []schema.Role
	// Check reports the first thing that keeps t from being a task of the type; s
	// has the other tasks.
	Check(s *schema.Schema, t *schema.Task) error

	// Options are the keys that recipes have for tasks of the type, beside those of its
	// head.
	Options() []setting.Option
	// Configure puts the values of those keys into a task of the schema and the rules for
	// its tags.
	Configure(v setting.Values, t *schema.Task, rules *TagRules)

	// Read takes a record's field apart. Its errors say what is wrong with the field;
	// [TokenError] names a token.
	Read(t *schema.Task, r *Record) (Labels, error)
	// NewLearner returns what learns a task's labels from the training data.
	NewLearner(o LearnOptions) Learner
	// NewTargets returns targets without examples for a task of the schema.
	NewTargets(s *schema.Schema, t *schema.Task) Targets

	// NewJudge returns what reads a model's predictions for examples beside their labels.
	// targets has those of each task of the schema.
	NewJudge(s *schema.Schema, t *schema.Task, targets func(task string) Targets) Judge
	// Metrics lists the type's metrics, the main one of a task without a scheme first.
	Metrics() []string
	// Main is the metric by which a task is judged where none is named.
	Main(t *schema.Task) string
	// NewMetric returns the metric of one of those names. unseen are the labels that
	// training never had, in the order of their numbers.
	NewMetric(name string, t *schema.Task, unseen []string) metric.Accumulator
	// NewLabelMetric returns the precision, recall or F1 of one label.
	NewLabelMetric(kind, label string, t *schema.Task, unseen []string) (metric.Accumulator, error)
	// ThresholdMetrics lists the metrics that thresholds can be tuned for, nil for a
	// type without thresholds.
	ThresholdMetrics() []string
	// Constant is the best prediction, by a metric, that does not look at the input.
	Constant(t *schema.Task, by string) Constant

	// Decode reads row i of a task's outputs into an answer.
	Decode(d *Decoder, v *View, i int, in *Input, a *Answer) error
	// Print writes an answer for people, in one line.
	Print(t *schema.Task, a *Answer, in *Input) string
	// Describe says in a few words what a task answers.
	Describe(t *schema.Task) string
}

// LogLinear is a type of numbers that are never negative: a linear model predicts their
// logarithm.
type LogLinear interface {
	Type
	// LogLinear marks the type.
	LogLinear()
}

// Level is what one prediction is about.
type Level int

// The levels: a whole example, each of its tokens, each pair of tokens.
const (
	OfExample Level = iota
	OfToken
	OfPair
)

// Choice is what a prediction chooses.
type Choice int

// The choices: one of the labels, any number of them, a number.
const (
	OneLabel Choice = iota
	AnyLabels
	Number
)

// Traits say what kind of prediction a type makes. Code outside of the type's file asks
// for traits and never for the type.
type Traits struct {
	Level  Level
	Choice Choice
}

// Binary reports whether a task chooses one of two labels for a whole example, so
// that the second label's probability is a score.
func (t Traits) Binary(of *schema.Task) bool {
	return t.Level == OfExample && t.Choice == OneLabel && len(of.Labels) == 2
}

// Of returns the type of that name, or nil.
func Of(name schema.TaskType) Type {
	for _, t := range types {
		if t.Name() == name {
			return t
		}
	}
	return nil
}

// TraitsOf returns the traits of a task's type, the zero value for an unknown one.
func TraitsOf(t *schema.Task) Traits {
	if of := Of(t.Type); of != nil {
		return of.Traits()
	}
	return Traits{}
}

// Names lists the names of all types.
func Names() []string {
	var names []string
	for _, t := range Types() {
		names = append(names, string(t.Name()))
	}
	return names
}

// Check reports the first thing that keeps a schema from describing a model.
func Check(s *schema.Schema) error {
	if err := s.Check(); err != nil {
		return err
	}
	for i := range s.Tasks {
		t := &s.Tasks[i]
		of := Of(t.Type)
		if of == nil {
			return fmt.Errorf("task %q: type %q is not one of %s", t.Name, t.Type, strings.Join(Names(), ", "))
		}
		if err := of.Check(s, t); err != nil {
			return fmt.Errorf("task %q: %w", t.Name, err)
		}
		if err := CheckEntities(s, t); err != nil {
			return fmt.Errorf("task %q: %w", t.Name, err)
		}
	}
	return nil
}

// Decode reads the JSON form of a schema and checks it.
func Decode(data []byte) (*schema.Schema, error) {
	s, err := schema.Decode(data)
	if err != nil {
		return nil, err
	}
	if err := Check(s); err != nil {
		return nil, err
	}
	return s, nil
}

// Outputs are a task's outputs under their usual names.
func Outputs(t *schema.Task) []schema.Output {
	var out []schema.Output
	for _, r := range Of(t.Type).Roles() {
		out = append(out, schema.Output{Role: r, Tensor: schema.OutputName(t.Name, r)})
	}
	return out
}

// LabelsInput, PresentInput and PairsInput name the tensors of a batch that carry a
// task's labels to its loss.
func LabelsInput(task string) string { return task + "_labels" }

// PresentInput names the tensor that is 1 where there is a label, for labels that
// are numbers.
func PresentInput(task string) string { return task + "_present" }

// PairsInput names the tensor that says which pairs of tokens labels are of.
func PairsInput(task string) string { return task + "_pairs" }

// Targets hold one task's labels of a data set, compactly. They are filled by one
// goroutine; after that they are only read, and safe for concurrent use.
type Targets interface {
	// Add adds what an example says.
	Add(l *Labels, u *Units, x *Index) error
	// Copy adds example i of other targets of the same task.
	Copy(from Targets, i int)
	// Has reports whether example i has a label.
	Has(i int) bool
	// Labelled counts the labels of example i, those that training never had
	// included: 1 for an example, or the tokens that have one.
	Labelled(i int) int
	// Truth returns the labels of example i as metrics count them, and whether it has
	// any. dst is memory for the numbers of labels.
	Truth(i int, dst []int64) (Truth, bool)
	// SetSizes sets the sizes of dimensions that a batch of the examples has for this
	// task alone.
	SetSizes(b *tensor.Batch, examples []int)
	// Fill makes the batch's tensors of the task's labels, and returns how many labels
	// have a loss. The sizes of the inputs' dimensions are set.
	Fill(b *tensor.Batch, examples []int) int
	// Clear makes all of the task's labels in a batch missing.
	Clear(b *tensor.Batch)
}

// Sequences are targets that a loss of whole sequences can read.
type Sequences interface {
	// CountWhole returns how many labels a batch has in examples all of whose tokens
	// have one that training had.
	CountWhole(b *tensor.Batch, examples []int) int
}

// Truth is what an example's labels are.
type Truth struct {
	// Count is how many labels metrics count; for a relation the pairs of entities.
	Count int
	// Labels are the numbers that [metric.Accumulator.AddLabels] takes.
	Labels []int64
	// Value is the number that an example has, or the number of its one label.
	Value float64
}

// Judged is a model's prediction for one example beside its labels, as metrics count
// them. Its slices are good until the next call of the judge that made it.
type Judged struct {
	Truth
	// Predicted are the numbers of labels that stand beside those of Truth.
	Predicted []int64
	// Value is the number that is predicted.
	Value float64
	// Score is the probability of the second of two labels, see [Traits.Binary].
	Score float64
}

// Judge reads predictions. It is for one goroutine.
type Judge interface {
	// Take takes the outputs of a batch of examples by tensor name, with rows padded to
	// length tokens. It refuses outputs that are missing, of a wrong size or of other elements.
	Take(outputs map[string]*tensor.Tensor, examples []int, length int) error
	// Row returns what is predicted for a row of the batch, and whether it has a label.
	Row(row int) (Judged, bool)
}

// Decider is the judge of a type with thresholds.
type Decider interface {
	// Decide calls add with each decision about a label of a row: its probability, and
	// whether the label applies. missed is called for each label that applies and that
	// no threshold can find.
	Decide(row int, add func(label int, p float32, applies bool), missed func(label int))
}

// Constant is a prediction that does not look at the input.
type Constant struct {
	// Name names it, "" where training has not counted what it needs.
	Name string
	// Value is a number, or the probability of the second of two labels.
	Value float64
	// Label is the label of every example, token or, with AnyLabels, the one that
	// applies; -1 for none.
	Label int64
}

// Predict returns the constant prediction for a row of so many labels, in the
// form that metrics count.
func (c Constant) Predict(traits Traits, labels int) []int64 {
	if c.Label < 0 {
		return nil
	}
	out := make([]int64, labels)
	if traits.Choice == AnyLabels {
		out[c.Label] = 1
		return out
	}
	for i := range out {
		out[i] = c.Label
	}
	return out
}
