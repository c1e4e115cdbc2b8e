package pretrained

import (
	"slices"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/tensor"
)

// architecture is a family of encoders. Each stands in a file of its own.
type architecture struct {
	// kind is its name for people, modelTypes are the model_types of config.json.
	kind       string
	modelTypes []string
	// prefixes stand in front of the names of tensors in checkpoints of models with a
	// head, such as "bert."; those of the encoder alone have none.
	prefixes []string
	// read fills a configuration.
	read func(f *fields, c *Config)
	// embeddings makes hidden states of word vectors [batch, sequence, embedding].
	embeddings func(s *builder.Scope, in Input, c *Config, o Options) *builder.Value
	// layer is block i.
	layer func(s *builder.Scope, x, mask *builder.Value, i int, c *Config, o Options) *builder.Value
	// weights says which tensors of a checkpoint the parameters are.
	weights func(c *Config) []Weight
	// pooler are the tensors of the layer that pools, nil where it has none.
	pooler []Weight
}

// architectures is the table of all.
func architectures() []*architecture { return []*architecture{&bert, &roberta, &distilbert} }

func architectureOf(modelType string) *architecture {
	for _, a := range architectures() {
		if slices.Contains(a.modelTypes, modelType) {
			return a
		}
	}
	return nil
}

// ModelTypes returns the model_types of config.json that are supported.
func ModelTypes() []string {
	var types []string
	for _, a := range architectures() {
		types = append(types, a.modelTypes...)
	}
	return types
}

// Input is what an encoder reads.
type Input struct {
	// Words are word vectors [batch, sequence, embedding]: rows of the table
	// embedding/table.
	Words *builder.Value
	// Mask is 1 for tokens and 0 for padding, [batch, sequence].
	Mask *builder.Value
	// TokenTypes are int64 [batch, sequence]; nil: all are 0.
	TokenTypes *builder.Value
}

// Options say how an encoder is built.
type Options struct {
	// Trained arranges the graph for gradients and not for what runtimes recognise.
	Trained bool
	// Dropout and AttentionDropout are the shares that apply; 0 outside of training.
	Dropout, AttentionDropout float64
	// Frozen reports whether training leaves a part as it is: -1 for the embeddings,
	// else the number of a layer. Nil: it leaves none.
	Frozen func(part int) bool
	// Stored is float16 or bfloat16 of frozen weight matrices that are kept so; 0: the
	// graph's own type.
	Stored tensor.DType
	// Adapt adds to what layer i computes; nil: nothing.
	Adapt Adapter
	// Matrix returns the scope that the weight matrix of a part of a layer is in, where
	// that is not the part's own scope, as when a task has a matrix of its own; nil, of
	// the function or the scope: it is.
	Matrix func(layer int, part *builder.Scope) *builder.Scope
}

// Projections are the names of a layer's projections, which an [Adapter] may add to: of
// attention query, key, value and output, of the feed-forward layer intermediate and
// feedforward.
func Projections() []string {
	return []string{"query", "key", "value", "output", "intermediate", "feedforward"}
}

// Place says where a projection stands in a layer: in the columns of the weight matrix of
// a part, of which there are Of projections side by side; this one is At.
type Place struct {
	Part   string
	At, Of int
}

// weight is the name of that matrix in the scope of a trunk.
func (p Place) weight(layer int) string { return LayerName(layer) + "/" + p.Part + "/weight" }

// PlaceOf returns where one of [Projections] stands.
func PlaceOf(projection string) Place {
	return map[string]Place{
		"query": {"attention/in", 0, 3}, "key": {"attention/in", 1, 3}, "value": {"attention/in", 2, 3},
		"output": {"attention/out", 0, 1}, "intermediate": {"feedforward_in", 0, 1}, "feedforward": {"feedforward_out", 0, 1},
	}[projection]
}

// Adapter adds to a layer what fine-tuning learns in the place of its weights.
type Adapter interface {
	// Project returns what is added to the output of a projection of x [rows, in], with
	// so many features; nil: nothing.
	Project(layer int, projection string, x *builder.Value, features int64) *builder.Value
	// Residual returns what a part of the layer, attention or feedforward, is changed
	// to before it is added to the layer's input: h itself where nothing is changed.
	Residual(layer int, part string, h *builder.Value) *builder.Value
}

func (o Options) frozen(part int) bool { return o.Frozen != nil && o.Frozen(part) }

// Embed makes the hidden states that the first layer reads, [batch, sequence, hidden].
func (c *Config) Embed(s *builder.Scope, in Input, o Options) *builder.Value {
	return c.architecture.embeddings(s.In("embedding"), in, c, o)
}

// Layer makes the hidden states behind layer i, from 0, of those in front of it.
func (c *Config) Layer(s *builder.Scope, x, mask *builder.Value, i int, o Options) *builder.Value {
	return c.architecture.layer(s.In(LayerName(i)), x, mask, i, c, o)
}

// HasPooler reports whether encoders of the architecture have a layer that makes one
// vector of a text: tanh(W h + b) of the first token's state h.
func (c *Config) HasPooler() bool { return c.architecture.pooler != nil }

// Pool makes one vector of each text, [batch, hidden], of hidden states.
func (c *Config) Pool(s *builder.Scope, x *builder.Value, o Options) *builder.Value {
	first := nn.First(s.Graph, x)
	return s.Tanh(nn.DenseIn(s.In("pooler"), first, c.Hidden, nn.Weights{Frozen: o.frozen(c.Layers), Stored: o.Stored}))
}
