package task

import (
	"espalier/schema"
	"espalier/text"
)

// Answer is the prediction of one task for one input. Which fields are set depends on
// the type: a classification has Label and Probability, multilabel has Labels, tagging
// has Tags and Spans, a number has Value, a relation has Relations.
type Answer struct {
	Task string          `json:"task"`
	Type schema.TaskType `json:"type"`

	Label string `json:"label,omitempty"`
	// Labels are those that apply, in the schema's order; none may.
	Labels []string `json:"labels,omitempty"`
	// Probability is that of Label.
	Probability float32 `json:"probability,omitempty"`
	// Probabilities are those of all labels, in the schema's order. A label of
	// multilabel applies from its threshold in the schema on.
	Probabilities []float32 `json:"probabilities,omitempty"`

	Tags  []Tag  `json:"tags,omitempty"`
	Spans []Span `json:"spans,omitempty"`

	// Relations are between spans of the task of the relation's entities, in the
	// order of heads, tails and the schema's labels.
	Relations []Relation `json:"relations,omitempty"`

	// Value is the number of the file's output, which is float32 unless the
	// schema says Double.
	Value *float64 `json:"value,omitempty"`
	// Unit is what Value counts, as the schema says it.
	Unit string `json:"unit,omitempty"`
}

// Tag is the label of one token.
type Tag struct {
	Label       string  `json:"label"`
	Probability float32 `json:"probability"`
}

// Span is a labelled stretch of the text: tokens First to Last, bytes Start to
// End and characters (code points) StartChar to EndChar, both ends exclusive.
type Span struct {
	Type      string `json:"type"`
	Text      string `json:"text"`
	Start     int    `json:"start"`
	End       int    `json:"end"`
	StartChar int    `json:"start_char"`
	EndChar   int    `json:"end_char"`
	First     int    `json:"first"`
	Last      int    `json:"last"`
}

// Relation says that a label holds between two spans.
type Relation struct {
	Label string `json:"label"`
	// Probability is the label's for the two: from its threshold in the schema on
	// it holds.
	Probability float32 `json:"probability"`
	Head        Span    `json:"head"`
	Tail        Span    `json:"tail"`
}

// Input is what an answer is about.
type Input struct {
	// Text is the original text, and HasText says that there is one.
	Text    string
	HasText bool
	Tokens  []text.Token
	// Places says where each token stands in the outputs, nil where it stands at its own
	// number: the first piece of a word.
	Places []int
	// Entities are the spans that a relation joins.
	Entities []Span
}

// place returns where a token stands in the outputs.
func (in *Input) place(token int) int {
	if in.Places == nil {
		return token
	}
	return in.Places[token]
}
