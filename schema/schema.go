// Package schema says what a model is to those who use it: the inputs it
// reads, the tasks it answers, their labels and the names of the outputs that
// carry the answers. The trainer fills it in from data, the exporter writes it
// into the file's metadata, and the inference package reads it back, so that a
// file explains itself.
package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Version is the version of the JSON form of a schema that every reader knows.
const Version = 1

// The versions after the first. A schema has one only if it uses what the version
// brought, so that earlier programs read all other files, and refuse this one
// instead of reading it wrong.
const (
	// VersionOwnIDs brought [Input.OwnIDs] and [Input.Pair].
	VersionOwnIDs = 2
	// Latest is the newest version that this package reads.
	Latest = VersionOwnIDs
)

// Schema describes a model. Its JSON form stands in an exported file under the
// metadata key [Key].
type Schema struct {
	Version int     `json:"version"`
	Name    string  `json:"name"`
	Inputs  []Input `json:"inputs"`
	Tasks   []Task  `json:"tasks"`
	// Embeddings describes the output that is a vector of each text; nil: there is none.
	Embeddings *Embeddings `json:"embeddings,omitempty"`
}

// EmbeddingsTensor is the name of the output of embeddings.
const EmbeddingsTensor = "embeddings"

// Embeddings describes an output that is a vector of each text: float32 [batch, Size].
type Embeddings struct {
	// Tensor is the name of the output.
	Tensor string `json:"tensor"`
	Size   int    `json:"size"`
	// Pooling is how it is made of the tokens' states: mean, first or max.
	Pooling string `json:"pooling,omitempty"`
	// Normalized: its length is 1.
	Normalized bool `json:"normalized,omitempty"`
}

// InputType says how an input's raw form becomes numbers.
type InputType string

// The input types. Text becomes token ids.
const (
	Text InputType = "text"
	// Numbers are laid out by the caller: a graph input of a file of another
	// tool.
	Numbers InputType = "numbers"
	// Numeric and Categorical are columns of a table: a number, and one of the
	// values that training saw. A model reads any number of them.
	Numeric     InputType = "numeric"
	Categorical InputType = "categorical"
)

// The names of the graph inputs that carry a text: int64 [batch, sequence] ids of
// tokens, padded with [Input.Padding], and [batch, sequence, characters] ids of their
// characters, padded with 0. WordStarts, int64 [batch, sequence], is 1 for a word's first
// piece and 0 elsewhere.
const (
	IDs          = "ids"
	CharacterIDs = "characters"
	// TokenTypes carries int64 [batch, sequence]: to which of a pair of texts a token
	// belongs, as the tokenizer.json says it; 0 at padding.
	TokenTypes = "token_types"
	WordStarts = "word_starts"
)

// Input describes one raw input.
type Input struct {
	Name string    `json:"name"`
	Type InputType `json:"type"`
	// Tensor is the name of the graph input that carries it, "ids" for the one
	// text input of an ids-in file.
	Tensor string `json:"tensor"`
	// Mask names the graph input that says which ids are tokens, int64 [batch, sequence],
	// 1 for tokens and 0 for padding, as Hugging Face's tokenizers give it. "": the graph
	// tells padding by its id.
	Mask string `json:"mask,omitempty"`
	// TokenTypes names the graph input of the types of tokens, which tell the texts of a
	// pair apart, int64 [batch, sequence]; all are 0 where there is one text. "": the
	// graph reads none.
	TokenTypes string `json:"token_types,omitempty"`
	// InGraph says that the file reads raw text: the tensor is string [batch],
	// and labels are given as strings.
	InGraph bool `json:"in_graph,omitempty"`
	// Tokenizer names the rule that splits text: "whitespace", "regex",
	// "characters" or "subword", whose rules and ids stand in the tokenizer.json
	// in the metadata.
	Tokenizer string `json:"tokenizer,omitempty"`
	// Pattern is the regular expression of the "regex" tokenizer, each match
	// a token.
	Pattern   string `json:"pattern,omitempty"`
	Lowercase bool   `json:"lowercase,omitempty"`
	// SpecialTokens says that "subword" adds the special tokens of the
	// tokenizer.json's post-processor.
	SpecialTokens bool `json:"special_tokens,omitempty"`
	// Pair names the second of the two texts that make one sequence: the field of
	// records that holds it. It is what "subword" makes of a pair. "": there is one
	// text, that of the input's name.
	Pair string `json:"pair,omitempty"`
	// OwnIDs says that ids of tokens are those of the tokenizer.json itself, which
	// a pretrained trunk was trained with. Without it, a token with id n there has id
	// n+2, 0 is padding and 1 the unknown token.
	OwnIDs bool `json:"own_ids,omitempty"`
	// Padding is the id of the token behind a text's last one: 0 but with OwnIDs.
	Padding int64 `json:"padding,omitempty"`
	// MinCount is how often a word must stand in the training data to get an
	// id of its own.
	MinCount int `json:"min_count,omitempty"`
	// MaxLength is the most tokens a text keeps; 0 means no limit.
	MaxLength int `json:"max_length,omitempty"`
	// VocabularySize counts ids, the padding and unknown ones included.
	VocabularySize int `json:"vocabulary_size,omitempty"`
	// Characters is set where the model also reads the characters of words.
	Characters *Characters `json:"characters,omitempty"`
	// WordStarts is the name of the graph input that says which pieces begin a word,
	// of a model that needs to know: one that labels words together.
	WordStarts string `json:"word_starts,omitempty"`

	// Values are those of a categorical input that have an id of their own, the
	// first 2, the next 3 and so on: see [MissingValue] and [UnknownValue].
	Values []string `json:"values,omitempty"`
	// Missing are the texts that stand for a missing value of a column, beside
	// an empty one.
	Missing []string `json:"missing,omitempty"`
	// Mean and Deviation are those of a numeric input's values in the training
	// data. The graph takes them out of what it is given, which is the number
	// itself, and reads a missing one, NaN, as the mean.
	Mean      float64 `json:"mean,omitempty"`
	Deviation float64 `json:"deviation,omitempty"`
	// Indicator says that the model also reads whether a numeric input is
	// missing: it is set where one is in the training data.
	Indicator bool `json:"indicator,omitempty"`
	// Double says that the graph input of a numeric input is float64 in place of
	// float32: see [NeedsDouble].
	Double bool `json:"double,omitempty"`
}

// The ids of categorical inputs that are no value's: of a missing one, and of
// one that training did not see, or too seldom.
const (
	MissingValue = 0
	UnknownValue = 1
)

// Characters describes the second tensor of a text input: the characters of
// each word, int64 [batch, sequence, characters].
type Characters struct {
	// Tensor is the name of the graph input that carries them.
	Tensor string `json:"tensor"`
	// Alphabet holds the known characters: the first has id 2, the next 3 and
	// so on. 0 is padding and 1 every other character.
	Alphabet string `json:"alphabet"`
	// MaxLength is the most characters of a word that are read, from its start.
	MaxLength int `json:"max_length"`
}

// Size returns the number of ids, padding and unknown included.
func (c *Characters) Size() int { return 2 + utf8.RuneCountInString(c.Alphabet) }

// TaskType is what kind of answer a task gives.
type TaskType string

// The task types that files of the first version have; package task has all of them.
const (
	// Classification gives one of the labels for a whole input; with two
	// labels it is binary classification.
	Classification TaskType = "classification"
	// Tagging gives one of the labels for every token.
	Tagging TaskType = "tagging"
	// MultiLabel gives any number of the labels for a whole input.
	MultiLabel TaskType = "multilabel"
	// Regression gives a number for a whole input.
	Regression TaskType = "regression"
	// Relation gives labelled pairs of the spans that a tagging task finds.
	Relation TaskType = "relation"
)

// Task describes one head.
type Task struct {
	Name   string   `json:"name"`
	Type   TaskType `json:"type"`
	Labels []string `json:"labels,omitempty"`
	// Counts is how often each label stands in the training data.
	Counts []int `json:"counts,omitempty"`
	// Examples is how many decisions about each label the training data has: for
	// multilabel the examples with a label, for relation the ordered pairs of
	// their entities, for classification and tagging the sum of Counts. 0 where
	// it is not known, as in files written before it was counted.
	Examples int `json:"examples,omitempty"`
	// Separator stands between the labels of a text field of multilabel; a
	// comma.
	Separator string `json:"separator,omitempty"`
	// Scheme is how tags spell spans: "bio", "bioes", or "" for plain tags.
	Scheme string `json:"scheme,omitempty"`
	// Entities names the tagging task, with a scheme, whose spans a relation
	// joins.
	Entities string `json:"entities,omitempty"`
	// Thresholds are the probabilities from which on each label of multilabel
	// or relation applies; 0.5 where there are none.
	Thresholds []float32 `json:"thresholds,omitempty"`
	// Unit is what a number counts, such as "minutes".
	Unit string `json:"unit,omitempty"`
	// Mean and Deviation are those of the numbers in the training data. For
	// a regression the model learns (value - Mean) / Deviation and answers in the unit
	// of the data. Deviation is 0 in files of text models from before regressions
	// of texts were standardised: these learn the values themselves.
	Mean      float64 `json:"mean,omitempty"`
	Deviation float64 `json:"deviation,omitempty"`
	// Double says that a regression's value output is float64 in place of
	// float32: see [NeedsDouble].
	Double  bool     `json:"double,omitempty"`
	Outputs []Output `json:"outputs"`
}

// Numbers of true labels that are not an index into a task's labels.
const (
	// MissingLabel is the number of a missing label: it has no loss, and
	// no metric counts it.
	MissingLabel = -1
	// UnseenLabel is the number of the first label of a data set that training
	// never had, UnseenLabel-1 that of the second, and so on. They have no loss
	// and equal no prediction: metrics count them as errors.
	UnseenLabel = -2
)

// Role says what an output tensor of a task holds.
type Role string

// The roles. Shapes are those of ids-in text models: classification
// probabilities [batch, labels] and label [batch]; multilabel probabilities
// and label [batch, labels], 1 for the labels that apply; tagging probabilities
// [batch, sequence, labels] and label [batch, sequence]; value [batch]; relation
// probabilities [batch, sequence, sequence, labels], by the last token of the
// first span, the head, and of the second, the tail: see [AppendRelations].
const (
	Probabilities Role = "probabilities" // float32
	Label         Role = "label"         // int64, index into Labels; 0 or 1 for each with multilabel
	Value         Role = "value"         // float32, or float64 where the task says Double
	// Logits stand in for probabilities in files of other tools, for package
	// predict: scores before softmax, or before a sigmoid with multilabel. There,
	// too, two labels' probabilities or logits may be the second's alone, and the
	// label may be left out.
	Logits Role = "logits"
)

// Output names the graph output that plays a role.
type Output struct {
	Role   Role   `json:"role"`
	Tensor string `json:"tensor"`
}

// Metadata keys of an exported file.
const (
	KeyVersion        = "espalier.schema_version"
	Key               = "espalier.schema"
	KeyVocabulary     = "espalier.vocabulary"        // base64 of gzip of the words, one a line, in id order
	KeyVocabularyHash = "espalier.vocabulary_sha256" // hex, of the uncompressed lines
	KeyTokenizer      = "espalier.tokenizer"         // base64 of gzip of a tokenizer.json, in the place of the vocabulary
	KeyTokenizerHash  = "espalier.tokenizer_sha256"  // hex, of the tokenizer.json
	KeyTraining       = "espalier.training"          // JSON: how the model was trained and measured
)

// VocabularyKeys returns the metadata keys of what gives the input's tokens
// their ids, and of its hash.
func (in *Input) VocabularyKeys() (key, hash string) {
	if in.Pieces() {
		return KeyTokenizer, KeyTokenizerHash
	}
	return KeyVocabulary, KeyVocabularyHash
}

// OutputName returns the tensor name of a task's role: "<task>_<role>".
func OutputName(task string, role Role) string { return task + "_" + string(role) }

// Task returns the task of that name, or nil.
func (s *Schema) Task(name string) *Task {
	if i := s.TaskIndex(name); i >= 0 {
		return &s.Tasks[i]
	}
	return nil
}

// TaskIndex returns the place of the task of that name, or -1.
func (s *Schema) TaskIndex(name string) int {
	return slices.IndexFunc(s.Tasks, func(t Task) bool { return t.Name == name })
}

// Beside are the names of the graph inputs that carry what a model reads of a text beside
// its tokens: their characters, and which of them begin words.
func (in *Input) Beside() []string {
	var names []string
	if in.Characters != nil {
		names = append(names, in.Characters.Tensor)
	}
	if in.WordStarts != "" {
		names = append(names, in.WordStarts)
	}
	return names
}

// Pieces reports whether an input's tokens are pieces of words.
func (in *Input) Pieces() bool { return in.Tokenizer == subword }

// subword is the name of the tokenizer that splits words into pieces.
const subword = "subword"

// Input returns the input of that name, or nil.
func (s *Schema) Input(name string) *Input {
	for i := range s.Inputs {
		if s.Inputs[i].Name == name {
			return &s.Inputs[i]
		}
	}
	return nil
}

// TaskNames lists the tasks' names in order.
func (s *Schema) TaskNames() []string {
	names := make([]string, len(s.Tasks))
	for i, t := range s.Tasks {
		names[i] = t.Name
	}
	return names
}

// Output returns the tensor name that plays the role, or "".
func (t *Task) Output(role Role) string {
	for _, o := range t.Outputs {
		if o.Role == role {
			return o.Tensor
		}
	}
	return ""
}

// WithEntities adds to tasks the names of those whose spans their relations
// join. What it is given comes first, in its order.
func (s *Schema) WithEntities(tasks []string) []string {
	out := slices.Clone(tasks)
	for _, name := range tasks {
		if t := s.Task(name); t != nil && t.Entities != "" && !slices.Contains(out, t.Entities) {
			out = append(out, t.Entities)
		}
	}
	return out
}

// LabelIndex returns the position of a label, or -1.
func (t *Task) LabelIndex(label string) int {
	for i, l := range t.Labels {
		if l == label {
			return i
		}
	}
	return -1
}

// Check reports the first thing that keeps the schema from describing a model, but
// for what task types ask of their tasks, which package task checks.
func (s *Schema) Check() error {
	if s.Version < 1 || s.Version > Latest {
		return fmt.Errorf("schema version %d is not one this program reads (1 to %d); use a newer espalier", s.Version, Latest)
	}
	if len(s.Inputs) == 0 {
		return fmt.Errorf("schema has no inputs")
	}
	if len(s.Tasks) == 0 {
		return fmt.Errorf("schema has no tasks")
	}
	seen := map[string]bool{}
	for _, in := range s.Inputs {
		if err := checkName("input", in.Name, seen); err != nil {
			return err
		}
		if in.Tensor == "" {
			return fmt.Errorf("input %q names no tensor", in.Name)
		}
		if in.MaxLength < 0 || in.VocabularySize < 0 {
			return fmt.Errorf("input %q has a maximal length of %d tokens and %d words: neither may be negative", in.Name, in.MaxLength, in.VocabularySize)
		}
		if c := in.Characters; c != nil && c.MaxLength < 1 {
			return fmt.Errorf("input %q reads %d characters of a word; it must be one or more", in.Name, c.MaxLength)
		}
		if err := in.check(); err != nil {
			return fmt.Errorf("input %q: %w", in.Name, err)
		}
		if in.Pair != "" && s.Version < VersionOwnIDs {
			return fmt.Errorf("input %q is a pair of texts, which needs schema version %d; this one says %d", in.Name, VersionOwnIDs, s.Version)
		}
		if in.OwnIDs && s.Version < VersionOwnIDs {
			return fmt.Errorf("input %q has the ids of its tokenizer.json, which needs schema version %d; this one says %d", in.Name, VersionOwnIDs, s.Version)
		}
	}
	if e := s.Embeddings; e != nil && (e.Tensor == "" || e.Size < 1) {
		return fmt.Errorf("embeddings are output %q of %d numbers; they need a name, and a number at least", e.Tensor, e.Size)
	}
	seen = map[string]bool{}
	for _, t := range s.Tasks {
		if err := checkName("task", t.Name, seen); err != nil {
			return err
		}
		if err := t.check(); err != nil {
			return fmt.Errorf("task %q: %w", t.Name, err)
		}
	}
	return nil
}

func checkName(kind, name string, seen map[string]bool) error {
	if name == "" || strings.ContainsAny(name, "/ \t\n") {
		return fmt.Errorf("%s name %q must be one word without slashes", kind, name)
	}
	if seen[name] {
		return fmt.Errorf("%s name %q is used twice", kind, name)
	}
	seen[name] = true
	return nil
}

func (in *Input) check() error {
	switch {
	case !in.OwnIDs && in.Padding != 0:
		return fmt.Errorf("padding is token %d; only an input with the ids of its tokenizer.json pads with another token than 0", in.Padding)
	case in.OwnIDs && (in.Type != Text || in.Tokenizer != "subword"):
		return fmt.Errorf("it has the ids of a tokenizer.json, which only a text with tokenizer subword has")
	case in.Pair != "" && (in.Type != Text || in.Tokenizer != "subword" || !in.SpecialTokens || in.Pair == in.Name):
		return fmt.Errorf("a pair is a text with tokenizer subword and special tokens, and another text of another name")
	case in.OwnIDs && (in.Padding < 0 || in.Padding >= int64(in.VocabularySize)):
		return fmt.Errorf("padding is token %d, which is not one of the vocabulary's %d", in.Padding, in.VocabularySize)
	}
	switch in.Type {
	case Text, Numbers:
	case Numeric:
		if !positive(in.Deviation) || math.IsNaN(in.Mean) || math.IsInf(in.Mean, 0) {
			return fmt.Errorf("a numeric input needs a mean and a deviation above 0; it has %v and %v", in.Mean, in.Deviation)
		}
	case Categorical:
		if len(in.Values) == 0 {
			return fmt.Errorf("a categorical input needs at least one value")
		}
		seen := map[string]bool{"": true}
		for _, v := range append(slices.Clone(in.Missing), in.Values...) {
			if seen[v] {
				return fmt.Errorf("value %q stands twice, or is empty", v)
			}
			seen[v] = true
		}
	default:
		return fmt.Errorf("type %q is not one of %s, %s, %s, %s", in.Type, Text, Numeric, Categorical, Numbers)
	}
	return nil
}

func positive(x float64) bool { return x > 0 && !math.IsInf(x, 0) }

// check reports what cannot be whatever the task's type is.
func (t *Task) check() error {
	seen := map[string]bool{}
	for _, l := range t.Labels {
		if seen[l] {
			return fmt.Errorf("label %q stands twice", l)
		}
		seen[l] = true
	}
	switch {
	case t.Counts != nil && len(t.Counts) != len(t.Labels):
		return fmt.Errorf("there are %d counts for %d labels", len(t.Counts), len(t.Labels))
	case t.Examples < 0:
		return fmt.Errorf("its labels are of %d examples, which cannot be negative", t.Examples)
	case t.Thresholds != nil && len(t.Thresholds) != len(t.Labels):
		return fmt.Errorf("there are %d thresholds for %d labels", len(t.Thresholds), len(t.Labels))
	case t.Deviation != 0 && !positive(t.Deviation) || math.IsNaN(t.Mean) || math.IsInf(t.Mean, 0):
		return fmt.Errorf("its mean is %v and its deviation %v; neither can be used", t.Mean, t.Deviation)
	}
	return nil
}

// Encode returns the schema as JSON, the same bytes for the same schema.
func (s *Schema) Encode() ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	return json.Marshal(s)
}

// Decode reads what Encode wrote and checks it.
func Decode(data []byte) (*Schema, error) {
	var s Schema
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("schema is not valid JSON: %w", err)
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	return &s, nil
}
