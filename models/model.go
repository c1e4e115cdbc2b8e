// Package models turns a schema and a configuration into graphs: a shared
// trunk and one head per task. A trunk is one file (trunk_*.go), a task type
// is one file (head_*.go).
package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/schema"
	"espalier/tensor"
)

// Mode says what a graph is for.
type Mode int

// The modes. Training has dropout and losses; Evaluation has losses and
// answers; Inference has answers only, it is what is exported.
const (
	Training Mode = iota
	Evaluation
	Inference
)

// Config sizes a model. Zero fields take the defaults in the comments.
type Config struct {
	Trunk TrunkConfig
	// Heads configures tasks by name; a task that is not named has defaults.
	Heads map[string]HeadConfig
}

// TrunkConfig sizes the shared trunk.
type TrunkConfig struct {
	Type      string // bag, cnn or transformer; bag
	Embedding int64  // width of word vectors; 64
	Hidden    int64  // width of hidden states; Embedding
	Layers    int    // cnn: 2, transformer: 2; bag: 0, dense layers after the embedding
	Kernel    int64  // cnn: odd length of kernels; 3
	Dilations []int64
	Heads     int64 // transformer: attention heads; 4
	// FeedForward is the inner width of a transformer block; 4*Hidden.
	FeedForward int64
	// MaxLength is the most tokens a transformer has positions for; 512.
	MaxLength int64
	// Pooling makes one vector of a sentence: mean, max or attention; mean.
	Pooling string
	// Dropout applies in and after layers, EmbeddingDropout to word vectors.
	Dropout          float64
	EmbeddingDropout float64
}

// HeadConfig sizes one task's head.
type HeadConfig struct {
	// Hidden is the width of a layer between trunk and answer; 0: none.
	Hidden int64
	// Dropout applies to what the head reads.
	Dropout float64
}

// TaskGraph is a task's part of a graph.
type TaskGraph struct {
	Name string
	// Labels is the input "<task>_labels": int64 [batch] or [batch, sequence],
	// nn.Missing where there is none; float32 [batch] for regression. Nil in
	// Inference.
	Labels *builder.Value
	// Present is the input "<task>_present" of a regression: float32 [batch], 1
	// where there is a label.
	Present *builder.Value
	// Loss is the mean over Count present labels; scalars. Nil in Inference.
	Loss, Count *builder.Value
	// Outputs are the answers, named as in the schema. Nil in Training.
	Outputs []builder.Output
}

// Built is a model as a graph.
type Built struct {
	Graph *builder.Graph
	IDs   *builder.Value // input "ids", int64 [batch, sequence], 0 is padding
	// Shared is what all heads read: hidden states [batch, sequence, hidden].
	Shared *builder.Value
	Tasks  []TaskGraph
}

// Model is a model before it is a graph. It is immutable and safe for
// concurrent use.
type Model struct {
	schema *schema.Schema
	config Config
}

// IDs is the name of the input that carries token ids.
const IDs = "ids"

// NewText returns a text model for the schema's tasks. It sets the schema's
// tensor names and checks the configuration by building every graph once.
func NewText(s *schema.Schema, c Config) (*Model, error) {
	if len(s.Inputs) != 1 || s.Inputs[0].Type != schema.Text {
		return nil, fmt.Errorf("models: a text model reads one text input, the schema has %d inputs", len(s.Inputs))
	}
	if s.Inputs[0].VocabularySize < 2 {
		return nil, fmt.Errorf("models: input %q has a vocabulary of %d words", s.Inputs[0].Name, s.Inputs[0].VocabularySize)
	}
	own := *s
	own.Inputs = append([]schema.Input{}, s.Inputs...)
	own.Tasks = append([]schema.Task{}, s.Tasks...)
	own.Inputs[0].Tensor = IDs
	for i := range own.Tasks {
		own.Tasks[i].Outputs = outputs(&own.Tasks[i])
	}
	if err := own.Check(); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	m := &Model{schema: &own, config: c}
	if err := m.config.complete(&own); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	if in := &own.Inputs[0]; m.config.Trunk.Type == "transformer" && (in.MaxLength == 0 || in.MaxLength > int(m.config.Trunk.MaxLength)) {
		in.MaxLength = int(m.config.Trunk.MaxLength) // there are no positions beyond
	}
	for _, mode := range []Mode{Training, Inference} {
		if _, err := m.Build(mode); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Schema describes the model. The caller must not change it.
func (m *Model) Schema() *schema.Schema { return m.schema }

// Config returns the configuration with all defaults filled in.
func (m *Model) Config() Config { return m.config }

// Build makes the model's graph in float32.
func (m *Model) Build(mode Mode) (*Built, error) {
	return m.BuildIn(mode, tensor.Float32)
}

// BuildIn makes the model's graph in float32 or float64.
func (m *Model) BuildIn(mode Mode, float tensor.DType) (*Built, error) {
	g := builder.New(graphName(m.schema.Name), builder.Options{Float: float})
	b := &Built{Graph: g}
	b.IDs = g.Input(IDs, tensor.Int64, builder.Named("batch"), builder.Named("sequence"))
	c := &context{Graph: g, mode: mode, config: m.config, mask: nn.Mask(g, b.IDs)}
	b.Shared = c.trunk(g.Scope("trunk"), b.IDs, int64(m.schema.Inputs[0].VocabularySize))
	for i := range m.schema.Tasks {
		t := &m.schema.Tasks[i]
		b.Tasks = append(b.Tasks, c.head(g.Scope("head/"+t.Name), t, b.Shared))
	}
	if err := g.Err(); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	return b, nil
}

func graphName(name string) string {
	if name == "" {
		return "espalier"
	}
	return name
}

// context is what trunks and heads know about the graph they add to.
type context struct {
	*builder.Graph
	mode   Mode
	config Config
	mask   *builder.Value // [batch, sequence], 1 for tokens
	pooled *builder.Value // made when the first head asks for it
}

// dropout applies in training only.
func (c *context) dropout(x *builder.Value, p float64) *builder.Value {
	if c.mode != Training {
		return x
	}
	return nn.Dropout(c.Graph, x, p)
}

// trainingRate is p in training and 0 elsewhere, for layers that drop out
// inside.
func (c *context) trainingRate(p float64) float64 {
	if c.mode != Training {
		return 0
	}
	return p
}

// trunk embeds the ids and encodes them.
func (c *context) trunk(s *builder.Scope, ids *builder.Value, vocabulary int64) *builder.Value {
	t := c.config.Trunk
	x := nn.Embedding(s.In("embedding"), ids, vocabulary, t.Embedding)
	x = c.dropout(x, t.EmbeddingDropout)
	switch t.Type {
	case "cnn":
		return c.cnn(s, x)
	case "transformer":
		return c.transformer(s, x)
	}
	return c.bag(s, x)
}

// head adds one task.
func (c *context) head(s *builder.Scope, t *schema.Task, shared *builder.Value) TaskGraph {
	h := c.config.Heads[t.Name]
	switch t.Type {
	case schema.Tagging:
		return c.tagging(s, t, h, shared)
	case schema.Regression:
		return c.regression(s, t, h, c.sentence(shared))
	}
	return c.classification(s, t, h, c.sentence(shared))
}

// sentence is the one vector of the input that sentence tasks read.
func (c *context) sentence(shared *builder.Value) *builder.Value {
	if c.pooled != nil {
		return c.pooled
	}
	switch c.config.Trunk.Pooling {
	case "max":
		c.pooled = nn.MaxPool(c.Graph, shared, c.mask)
	case "attention":
		c.pooled = nn.AttentionPool(c.Scope("trunk/pool"), shared, c.mask)
	default:
		c.pooled = nn.MeanPool(c.Graph, shared, c.mask)
	}
	return c.pooled
}

// body is a head's way from what it reads to its answer: dropout and a hidden
// layer, both optional.
func (c *context) body(s *builder.Scope, h HeadConfig, x *builder.Value) *builder.Value {
	x = c.dropout(x, h.Dropout)
	if h.Hidden > 0 {
		x = c.dropout(c.Relu(nn.Dense(s.In("hidden"), x, h.Hidden)), h.Dropout)
	}
	return x
}

func outputs(t *schema.Task) []schema.Output {
	roles := []schema.Role{schema.Probabilities, schema.Label}
	if t.Type == schema.Regression {
		roles = []schema.Role{schema.Value}
	}
	var out []schema.Output
	for _, r := range roles {
		out = append(out, schema.Output{Role: r, Tensor: schema.OutputName(t.Name, r)})
	}
	return out
}

// Count is how many numbers a model learns: in the trunk, which all tasks
// share, and in each task's head.
type Count struct {
	Shared int
	Tasks  map[string]int
}

// Parameters counts what the model learns.
func (m *Model) Parameters() (Count, error) {
	b, err := m.Build(Training)
	if err != nil {
		return Count{}, err
	}
	c := Count{Tasks: map[string]int{}}
	for _, v := range b.Graph.Parameters() {
		p := v.Parameter()
		if task, ok := TaskOf(p.Name); ok {
			c.Tasks[task] += p.Size()
		} else {
			c.Shared += p.Size()
		}
	}
	return c, nil
}
