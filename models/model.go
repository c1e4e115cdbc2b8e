// Package models turns a schema and a configuration into graphs: a shared
// trunk and one head per task. A trunk is one file (trunk_*.go), a task type
// is one file (head_*.go).
package models

import (
	"fmt"
	"slices"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/pretrained"
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
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

// Config sizes a model. A zero field takes the default that the part declares which it
// belongs to; where 0 itself is meant, it stands in Options, as {"l2": 0.0}.
type Config struct {
	Trunk TrunkConfig
	// Sharing says how tasks share it.
	Sharing SharingConfig
	// Heads configures tasks by name; a task that is not named has defaults.
	Heads map[string]HeadConfig
	// Inputs configures the inputs of a tabular model by name.
	Inputs map[string]InputConfig
	// Freeze reports which parameters, by name, training leaves as they are given; nil:
	// those that parts of the model freeze themselves.
	Freeze func(name string) bool
}

// TrunkConfig sizes the shared trunk. [TrunkTypes], [WordOptions] and [TableOptions]
// declare its settings.
type TrunkConfig struct {
	Type      string `key:"type"`      // one of TrunkTypes
	Embedding int64  `key:"embedding"` // width of word vectors
	Hidden    int64  `key:"hidden"`    // width of hidden states
	// Widths are those of the layers of a trunk of a table. Nil is the default, an
	// empty list that is not nil is no layers.
	Widths []int64 `key:"hidden,many"`
	Norm   string  `key:"norm"`
	Layers int     `key:"layers"`
	// Kernel and Dilations are those of convolutions.
	Kernel    int64   `key:"kernel"`
	Dilations []int64 `key:"dilations,omitempty"`
	// Heads, FeedForward, Positions and MaxLength are those of a transformer.
	Heads       int64  `key:"heads"`
	FeedForward int64  `key:"feedforward"`
	Positions   string `key:"positions"`
	MaxLength   int64  `key:"max_length"`
	// Pooling makes one vector of a text.
	Pooling string `key:"pooling"`
	// Dropout applies in and after layers, EmbeddingDropout to word vectors.
	Dropout          float64 `key:"dropout"`
	EmbeddingDropout float64 `key:"embedding_dropout"`
	// Variational drops the same features of all tokens of a row, in recurrent
	// layers and word vectors.
	Variational bool `key:"variational"`
	// Residual adds a recurrent layer's input to its output where both have
	// one width.
	Residual bool `key:"residual"`
	// Stack are encoders on top of each other, in place of Type. A part has the
	// settings of its type and those that LayerOptions declares; its width is that of
	// the part before and its dropout the trunk's where it does not say otherwise.
	Stack []TrunkConfig `key:"stack,omitempty"`
	// Skip adds what a part of a stack reads to what it gives.
	Skip bool `key:"skip"`
	// Frozen keeps word vectors as they are given: training takes no gradient
	// of them.
	Frozen bool
	// Characters adds features of each word's characters to its vector.
	Characters CharacterConfig
	// Path is the folder of a pretrained encoder, and Pretrained its configuration.
	Path       string `key:"path"`
	Pretrained *pretrained.Config
	// Options are settings by key: those that have no field, and those whose 0 is
	// meant.
	Options setting.Values
}

// CharacterConfig sizes what reads the characters of words. [CharacterTypes] declare
// its settings.
type CharacterConfig struct {
	Type      string  `key:"type"`      // one of CharacterTypes; "": words only
	Embedding int64   `key:"embedding"` // width of character vectors
	Hidden    int64   `key:"hidden"`    // features of a word
	Kernel    int64   `key:"kernel"`
	Dropout   float64 `key:"dropout"` // of character vectors
}

// HeadConfig sizes one task's head. [Heads] declare its settings.
type HeadConfig struct {
	// Reads names tasks whose probabilities this head reads beside the trunk's
	// hidden states, as slots that depend on the intent do (Goo et al. 2018).
	// Gradients flow back through them.
	Reads []string `key:"reads,omitempty"`
	// Balanced weighs labels inversely to their counts in the training data;
	// ClassWeights gives factors by label. LabelSmoothing and Focal are those
	// of nn.LossOptions. A CRF has none of them.
	Balanced       bool               `key:"balanced"`
	ClassWeights   map[string]float64 `key:"class_weights,omitempty"`
	LabelSmoothing float64            `key:"label_smoothing"`
	Focal          float64            `key:"focal"`
	// CRF makes tagging choose the labels of a text together, by a linear-chain
	// conditional random field.
	CRF bool `key:"crf"`
	// Hidden is the width of a layer between trunk and answer; 0: none. Of a
	// relation it is that of the vectors of the two tokens.
	Hidden int64 `key:"hidden"`
	// Dropout applies to what the head reads.
	Dropout float64 `key:"dropout"`
	// Layer is the layer of the trunk whose output the head reads, from 1; 0: the last.
	Layer int `key:"layer,omitempty"`
	// Threshold is the probability from which on the labels of multilabel and
	// relation apply, before a trainer chooses others.
	Threshold float64
	// Options are settings by key: those that have no field, and those whose 0 is
	// meant.
	Options setting.Values
}

// TaskGraph is a task's part of a graph.
type TaskGraph struct {
	Name string
	// Labels is the input "<task>_labels": int64 [batch] or [batch, sequence],
	// nn.Missing where there is none; float32 [batch] for regression. Nil in
	// Inference.
	Labels *builder.Value
	// Pairs is the input "<task>_pairs" of a relation: int64 [pairs, 2], numbers
	// of tokens in [batch, sequence]. Its labels are int64 [pairs, labels], 0 or 1.
	Pairs *builder.Value
	// Present is the input "<task>_present" of a regression: float32 [batch], 1
	// where there is a label.
	Present *builder.Value
	// Loss is the mean over Count present labels; scalars. Nil in Inference.
	Loss, Count *builder.Value
	// Outputs are the answers, named as in the schema. Nil in Training.
	Outputs []builder.Output
	// features are the probabilities that other heads may read: [batch, labels]
	// or [batch, sequence, labels].
	features *builder.Value
}

// Built is a model as a graph.
type Built struct {
	Graph *builder.Graph
	IDs   *builder.Value // input "ids", int64 [batch, sequence], padded with the schema's Padding; nil for a table
	// Characters is the input "characters", int64 [batch, sequence,
	// characters], 0 is padding; nil where the model reads none.
	Characters *builder.Value
	// Mask is, where the graph reads which ids are tokens, that input: int64 [batch,
	// sequence], 0 is padding. TokenTypes are the numbers of segments, int64 [batch,
	// sequence], where the graph reads them.
	Mask, TokenTypes *builder.Value
	// WordStarts is the input "word_starts", int64 [batch, sequence], 1 for a word's
	// first piece; nil where the model does not read it.
	WordStarts *builder.Value
	// Columns are a table's inputs, in the schema's order: numbers [batch], NaN
	// where there is none, and ids of values, int64 [batch].
	Columns []*builder.Value
	// Shared is the one value through which what tasks share reaches them, but
	// for the parameters of a shared pooling: with hard sharing what all heads
	// read, hidden states [batch, sequence, hidden]. It is nil with structures
	// in which several values do, which train finds.
	Shared *builder.Value
	Tasks  []TaskGraph
	// Blocks are the layers of the trunk, of each trunk where there are several.
	Blocks []Block
	// Penalty is a scalar that training adds to the losses: the sharing
	// structure's. Nil where it has none, and outside Training.
	Penalty *builder.Value
	// changed are the matrices that low-rank changes are merged into.
	changed []changed
	// states are what the trunk's last layer gives for all tasks, nil where tasks have
	// several; mask is that of tokens, nil for a table.
	states, mask *builder.Value
}

// Block is a layer of a trunk, by what it reads and gives.
type Block struct{ In, Out *builder.Value }

// Inputs are the inputs of the graph that carry what the model reads: ids of tokens,
// ids of characters, which pieces begin words, columns.
func (b *Built) Inputs() []*builder.Value {
	var in []*builder.Value
	for _, v := range append([]*builder.Value{b.IDs, b.Mask, b.TokenTypes, b.Characters, b.WordStarts}, b.Columns...) {
		if v != nil {
			in = append(in, v)
		}
	}
	return in
}

// Model is a model before it is a graph. It is immutable and safe for
// concurrent use.
type Model struct {
	schema *schema.Schema
	config Config
	reader reader // of its inputs
	order  []int  // of building the heads: one that reads others after them
	// adapters is what inference graphs make of low-rank changes.
	adapters Adapters
}

func copyOf(s *schema.Schema) *schema.Schema {
	own := *s
	own.Inputs = append([]schema.Input{}, s.Inputs...)
	own.Tasks = append([]schema.Task{}, s.Tasks...)
	for i := range own.Tasks {
		if task.Of(own.Tasks[i].Type) != nil { // else it is refused soon
			own.Tasks[i].Outputs = task.Outputs(&own.Tasks[i])
		}
	}
	return &own
}

// finish makes a model of a schema that names its tensors.
func finish(own *schema.Schema, c Config, r reader) (*Model, error) {
	if err := task.Check(own); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	m := &Model{schema: own, config: c, reader: r}
	if err := m.config.complete(own); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	var err error
	if m.order, err = headOrder(own, m.config.Heads); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	return m, nil
}

// try builds the graphs that differ most.
func (m *Model) try() error {
	for _, mode := range []Mode{Training, Inference} {
		if _, err := m.Build(mode); err != nil {
			return err
		}
	}
	return nil
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
	return m.build(mode, float, func(g *builder.Graph) (Front, error) { return m.reader.inputs(g, m.schema.Inputs), nil })
}

// Front is what the model reads: int64 [batch, sequence] and, where the schema
// has them, characters [batch, sequence, characters] and word starts [batch,
// sequence]; or a table's columns, as in [Built]. Without a mask padding is told by
// its id, and without token types they are 0.
type Front struct {
	IDs, Characters, WordStarts *builder.Value
	Mask, TokenTypes            *builder.Value
	Columns                     []*builder.Value
}

// BuildOn makes the inference graph on a front that computes what the model
// reads, in place of inputs that carry it.
func (m *Model) BuildOn(front func(g *builder.Graph) (Front, error)) (*Built, error) {
	return m.build(Inference, tensor.Float32, front)
}

func (m *Model) build(mode Mode, float tensor.DType, front func(g *builder.Graph) (Front, error)) (*Built, error) {
	g := builder.New(graphName(m.schema.Name), builder.Options{Float: float, Freeze: m.config.Freeze})
	f, err := front(g)
	if err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	b := &Built{Graph: g, IDs: f.IDs, Characters: f.Characters, Mask: f.Mask, TokenTypes: f.TokenTypes, WordStarts: f.WordStarts, Columns: f.Columns}
	c := &network{
		Graph: g, mode: mode, config: m.config, tasks: m.schema.TaskNames(),
		pooled: map[*builder.Value]*builder.Value{}, features: map[string]*builder.Value{},
	}
	if mode == Inference {
		c.merging = m.adapters
	}
	if c.merging == MergeAdapters {
		c.changing = &changing{c: c}
	}
	trunk := g.Scope("trunk")
	x := m.reader.read(c, trunk, b, m.schema.Inputs)
	states := c.share(trunk, x, c.noted(c.layers(m.config.Trunk)))
	b.Shared, b.Blocks = c.shared, c.blocks
	b.Tasks = make([]TaskGraph, len(m.schema.Tasks))
	for _, i := range m.order {
		t := &m.schema.Tasks[i]
		b.Tasks[i] = c.head(g.Scope("head/"+t.Name), t, states[i])
		c.features[t.Name] = b.Tasks[i].features
	}
	if c.after != nil {
		c.after(b.Tasks)
	}
	b.Penalty = c.penalty
	b.states, b.mask = c.states, c.mask
	if c.changing != nil {
		b.changed = c.changing.all
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

// network is what trunks and heads know about the graph they add to.
type network struct {
	*builder.Graph
	mode   Mode
	config Config
	tasks  []string       // their names
	mask   *builder.Value // [batch, sequence], 1 for tokens; nil for a model of whole examples
	// tokenTypes are int64 [batch, sequence]; nil where all are 0.
	tokenTypes *builder.Value
	// words are the words that tokens are pieces of; nil where tokens are words, and
	// where nothing asks for them.
	words *nn.Words
	// encoding is the scope of the pretrained trunk, or of the copy of it, whose layer is
	// being built.
	encoding *builder.Scope
	// adapting is the task whose own layers of a pretrained trunk are being built.
	adapting string
	// merging is what becomes of low-rank changes; changing, if it is not nil,
	// collects the matrices that they are merged into.
	merging  Adapters
	changing *changing
	// pooled are the vectors of hidden states, made when the first head that
	// reads the states asks for them.
	pooled map[*builder.Value]*builder.Value
	// shared and penalty are those of Built.
	shared, penalty *builder.Value
	// states are what the last layer of a trunk that all tasks share gives; nil where
	// tasks have layers of their own.
	states *builder.Value
	// after is what a sharing structure adds when all heads are built; nil: nothing.
	after func(tasks []TaskGraph)
	// blocks are those of Built.
	blocks []Block
	// features are the probabilities of the tasks built so far.
	features map[string]*builder.Value
}

// dropout applies in training only.
func (c *network) dropout(x *builder.Value, p float64) *builder.Value {
	if c.mode != Training {
		return x
	}
	return nn.Dropout(c.Graph, x, p)
}

// trainingRate is p in training and 0 elsewhere, for layers that drop out
// inside.
func (c *network) trainingRate(p float64) float64 {
	if c.mode != Training {
		return 0
	}
	return p
}

// layers are what encodes the vectors of words.
func (c *network) layers(t TrunkConfig) []layer {
	if len(t.Stack) > 0 {
		return c.stack(t)
	}
	of, err := trunkType(t.Type)
	if err != nil {
		c.Fail("trunk", nil, err)
		return nil
	}
	return of.layers(c, t)
}

// noted makes layers note what they read and give.
func (c *network) noted(layers []layer) []layer {
	all := make([]layer, len(layers))
	for i, l := range layers {
		all[i] = func(s *builder.Scope, x *builder.Value) *builder.Value {
			y := l(s, x)
			if y != x {
				c.blocks = append(c.blocks, Block{x, y})
			}
			return y
		}
	}
	return all
}

// head adds one task, which reads hidden states.
func (c *network) head(s *builder.Scope, t *schema.Task, states *builder.Value) TaskGraph {
	h, of := c.config.Heads[t.Name], headOf(t.Type)
	if of == nil {
		c.Fail("head", nil, fmt.Errorf("no head answers tasks of type %q", t.Type))
		return TaskGraph{Name: t.Name}
	}
	return of.build(c, s, t, h, states)
}

// ofTokens makes a head of one that reads the hidden states of all tokens.
func ofTokens(build func(*network, *builder.Scope, *schema.Task, HeadConfig, *builder.Value) TaskGraph) buildHead {
	return func(c *network, s *builder.Scope, t *schema.Task, h HeadConfig, states *builder.Value) TaskGraph {
		return build(c, s, t, h, c.withAnswers(s, h, states))
	}
}

// ofExamples makes a head of one that reads one vector of a text or of a table's row.
func ofExamples(build func(*network, *builder.Scope, *schema.Task, HeadConfig, *builder.Value) TaskGraph) buildHead {
	return func(c *network, s *builder.Scope, t *schema.Task, h HeadConfig, states *builder.Value) TaskGraph {
		return build(c, s, t, h, c.withAnswers(s, h, c.sentence(states)))
	}
}

// withAnswers adds to x what the tasks that a head reads have answered: each
// projected to the width of x, a text's answer to all of its tokens, and the
// mean of tokens' answers to a text.
func (c *network) withAnswers(s *builder.Scope, h HeadConfig, x *builder.Value) *builder.Value {
	for _, name := range h.Reads {
		f := c.features[name]
		if c.Err() != nil || f == nil {
			return x
		}
		width, _ := x.Dim(-1).Size()
		if f.Rank() == 3 && x.Rank() == 2 {
			f = nn.MeanPool(c.Graph, f, c.mask)
		}
		p := nn.Dense(s.In("reads_"+name), f, width)
		if p.Rank() < x.Rank() {
			p = c.Unsqueeze(p, 1)
		}
		x = c.Add(x, p)
	}
	return x
}

// sentence is the one vector of hidden states that sentence tasks read.
func (c *network) sentence(states *builder.Value) *builder.Value {
	if c.mask == nil {
		return states // of whole examples
	}
	if p := c.pooled[states]; p != nil {
		return p
	}
	var p *builder.Value
	switch c.config.Trunk.Pooling {
	case "max":
		p = nn.MaxPool(c.Graph, states, c.mask)
	case "attention":
		p = nn.AttentionPool(c.Scope("trunk/pool"), states, c.mask)
	case "first":
		p = nn.First(c.Graph, states)
	case "pooler":
		p = c.pooler(states)
	default:
		p = nn.MeanPool(c.Graph, states, c.mask)
	}
	c.pooled[states] = p
	return p
}

// body is a head's way from what it reads to its answer: dropout and a hidden
// layer, both optional.
func (c *network) body(s *builder.Scope, h HeadConfig, x *builder.Value) *builder.Value {
	x = c.dropout(x, h.Dropout)
	if h.Hidden > 0 {
		x = c.dropout(c.Relu(nn.Dense(s.In("hidden"), x, h.Hidden)), h.Dropout)
	}
	return x
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
		if p.Frozen {
			continue
		}
		if task, ok := TaskOf(p.Name); ok {
			c.Tasks[task] += p.Size()
		} else {
			c.Shared += p.Size()
		}
	}
	return c, nil
}

// Alone counts what a model of each task by itself would learn: the trunk, as
// hard sharing has it, and the task's head, which then reads no other. A relation
// needs the head of its entities beside its own.
func (m *Model) Alone() (map[string]int, error) {
	alone := map[string]int{}
	for _, t := range m.schema.Tasks {
		s, c := *m.schema, m.config
		s.Tasks, c.Heads, c.Sharing = nil, map[string]HeadConfig{}, SharingConfig{} // hard
		for _, name := range m.schema.WithEntities([]string{t.Name}) {
			h := m.config.Heads[name]
			h.Reads = slices.DeleteFunc(slices.Clone(h.Reads), func(read string) bool { return read != t.Entities })
			s.Tasks, c.Heads[name] = append(s.Tasks, *m.schema.Task(name)), h
		}
		one := &Model{schema: &s, config: c, reader: m.reader}
		var err error
		if one.order, err = headOrder(&s, c.Heads); err != nil {
			return nil, err
		}
		count, err := one.Parameters()
		if err != nil {
			return nil, err
		}
		alone[t.Name] = count.Shared
		for _, n := range count.Tasks {
			alone[t.Name] += n
		}
	}
	return alone, nil
}
