package models

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/pretrained"
	"espalier/setting"
	"espalier/tensor"
)

// PretrainedTrunk is the type of a trunk that was trained before.
const PretrainedTrunk = "pretrained"

// pretrainedTrunk is an encoder that was trained before (package pretrained). Its sizes
// are those of its folder. What of it learns is the setting tune.
var pretrainedTrunk = TrunkType{
	Name: PretrainedTrunk,
	Doc:  "an encoder that was trained before, from a folder in Hugging Face's format",
	Own:  true,
	Options: []setting.Option{
		{Key: "path", Kind: setting.Text, Required: true, Doc: "the folder, relative to the current directory; a run keeps copies of its config.json and tokenizer.json"},
		{
			Key: "tune", Kind: setting.Word, Words: []string{"all", "top", "lora", "adapter", "none"}, Default: "all",
			Doc: "what of the encoder learns: all of it; its top layers; low-rank changes of its weights (Hu et al. 2022); bottlenecks behind its layers (Houlsby et al. 2019); nothing, so that only heads learn",
		},
		{Key: "top", Kind: setting.Whole, Min: 1, Default: 2, Moot: unlessTuned("top"), Doc: "how many layers learn with tune top"},
		{Key: "rank", Kind: setting.Whole, Min: 1, Default: 8, Moot: unlessTuned("lora"), Doc: "inner width of low-rank changes"},
		{Key: "alpha", Open: true, Default: 16.0, Moot: unlessTuned("lora"), Doc: "low-rank changes are multiplied by alpha/rank"},
		{
			Key: "targets", Kind: setting.Word, List: true, Words: pretrained.Projections(), Default: []string{"query", "value"}, Moot: unlessTuned("lora"),
			Doc: "which of a layer's weights get low-rank changes: of attention query, key, value and output, of the feed-forward layer intermediate and feedforward",
		},
		{Key: "bottleneck", Kind: setting.Whole, Min: 1, Default: 64, Moot: unlessTuned("adapter"), Doc: "inner width of the bottlenecks"},
		{Key: "peft", Kind: setting.Text, Doc: "folder of a LoRA adapter in the format of Hugging Face's PEFT that the encoder starts with: with tune lora it goes on learning and says rank, alpha and targets, else it is merged into the weights"},
		{Key: "adapter_dropout", Kind: setting.Share, Default: 0.0, Moot: unlessTuned("lora", "adapter"), Doc: "share of the values that low-rank changes and bottlenecks read which a training step sets to 0"},
		{
			Key: "own_layers", Kind: setting.Whole, Default: 0, Moot: unlessTuned("lora", "adapter"),
			Doc: "in so many layers from the top, each task has low-rank changes or bottlenecks of its own; the layers below are computed once for all tasks, these once a task; 0: all tasks share them",
		},
		{Key: "pooling", Kind: setting.Word, Words: []string{"mean", "max", "attention", "first", "pooler"}, Default: "mean", Doc: "how the tokens' states become one, for tasks that need one of a text: first: the state of the first token, which is [CLS] or <s>; pooler: the encoder's own layer on that state"},
		{Key: "mix", Kind: setting.Flag, Default: false, Doc: "each task reads a learned mix of the states behind all layers, and not only of the last (Peters et al. 2018)"},
		{
			Key: "frozen_weights", Kind: setting.Word, Words: []string{"float32", "float16", "bfloat16"}, Default: "float32", Moot: unlessTuned("top", "lora", "adapter", "none"),
			Doc: "type that training keeps the frozen weight matrices of layers in; products are of float32 all the same. Weights are rounded once, when training starts, and files have the rounded ones",
		},
		{
			Key: "features", Kind: setting.Word, Words: []string{"memory", "file", "none"}, Moot: unlessTuned("top", "none"),
			From: func(of setting.Values) any {
				if of.Text("tune") == "none" {
					return "memory"
				}
				return "none"
			}, Follows: "memory with tune none, else none",
			Doc: "where to keep what the frozen part of the encoder makes of each example, so that it is computed once and not in every epoch; there is no dropout in that part then; none: it is computed in every step",
		},
		{
			Key: "dropout", Kind: setting.Share, Doc: "share of hidden values that a training step sets to 0",
			From: func(of setting.Values) any { return of.Number("config.dropout") }, Follows: "that of config.json",
		},
		{
			Key: "attention_dropout", Kind: setting.Share, Doc: "share of attention weights that a training step sets to 0",
			From: func(of setting.Values) any { return of.Number("config.attention_dropout") }, Follows: "that of config.json",
		},
	},
	check:   checkPretrained,
	finish:  sizePretrained,
	longest: func(t *TrunkConfig) int64 { return t.MaxLength },
	layers:  pretrainedLayers,
}

// TokenTypes reports whether the model's trunk tells the segments of a text apart.
func (m *Model) TokenTypes() bool {
	of := m.config.Trunk.Pretrained
	return of != nil && of.TokenTypes > 0
}

// unlessTuned says that a setting is for some values of tune alone.
func unlessTuned(by ...string) func(of setting.Values) string {
	return func(of setting.Values) string {
		if slices.Contains(by, of.Text("tune")) {
			return ""
		}
		return fmt.Sprintf("is for tune %s, not for %s", strings.Join(by, " and "), of.Text("tune"))
	}
}

// sizePretrained takes sizes from the configuration.
func sizePretrained(t *TrunkConfig) {
	c := t.Pretrained
	t.Embedding, t.Hidden, t.Layers, t.MaxLength = c.Embedding, c.Hidden, c.Layers, c.Longest()
	t.Frozen = t.Frozen || t.tune() != "all"
}

func checkPretrained(t *TrunkConfig, _ string) error {
	c := t.Pretrained
	switch top, own := int(t.Options.Int("top")), int(t.Options.Int("own_layers")); {
	case t.tune() == "top" && top > c.Layers:
		return wrong("top", "is %d, and the encoder has %d layers", top, c.Layers)
	case own > c.Layers:
		return wrong("own_layers", "is %d, and the encoder has %d layers", own, c.Layers)
	case t.Pooling == "pooler" && !c.HasPooler():
		return wrong("pooling", "is pooler, but encoders of type %s have no layer for it; choose mean or first", c.ModelType)
	}
	return nil
}

// checkPretrained reports what a structure cannot do with a pretrained trunk.
func (o *SharingConfig) checkPretrained(of *Structure, t *TrunkConfig) error {
	switch {
	case t.Pretrained == nil:
	case of.Copies && t.tune() == "none":
		return wrong("method", "is %s, which gives tasks encoders of their own, but with tune none these stay alike; choose another method or tune", o.Method)
	case of != &hard && t.Options.Int("own_layers") > 0:
		return wrong("method", "is %s, but own_layers gives tasks layers of their own; it is for method %s", o.Method, hard.Name)
	case of != &hard && t.Options.Flag("mix"):
		return wrong("method", "is %s, but with mix tasks read the trunk's layers; it is for method %s", o.Method, hard.Name)
	}
	return nil
}

// errNoConfig says what a library's user has to do.
var errNoConfig = errors.New("type pretrained needs the configuration of an encoder; set TrunkConfig.Pretrained to what pretrained.ReadConfig returns")

// configured are the values of the configuration that defaults follow from.
func (t *TrunkConfig) configured() setting.Values {
	if t.Pretrained == nil {
		return nil
	}
	return setting.Values{"config.dropout": t.Pretrained.Dropout, "config.attention_dropout": t.Pretrained.AttentionDropout}
}

// tune is what of a pretrained trunk learns.
func (t *TrunkConfig) tune() string { return t.Options.Text("tune") }

// fixed reports whether training leaves a part of a pretrained trunk as it is: -1 for
// the embeddings, the number of a layer, and the number of layers for the pooling layer.
func (t *TrunkConfig) fixed(part int) bool {
	switch t.tune() {
	case "all":
		return false
	case "top":
		return part < t.Pretrained.Layers-int(t.Options.Int("top"))
	}
	return true
}

// stored is the type that frozen weight matrices are kept in, 0 for float32.
func (t *TrunkConfig) stored() tensor.DType {
	switch t.Options.Text("frozen_weights") {
	case "float16":
		return tensor.Float16
	case "bfloat16":
		return tensor.BFloat16
	}
	return tensor.Undefined
}

// KeepsFeatures reports whether training keeps what the frozen part of the trunk makes of
// each example. There is no dropout in that part then.
func (m *Model) KeepsFeatures() bool { return m.config.Trunk.FeaturesIn() != "none" }

// FeaturesIn says where training keeps what the frozen part of the trunk makes of each
// example: memory, file or none.
func (t *TrunkConfig) FeaturesIn() string {
	if t.Pretrained == nil {
		return "none"
	}
	return cmp.Or(t.Options.Text("features"), "none")
}

// encoder are the options that a part of a pretrained trunk is built with.
func (c *network) encoder(t *TrunkConfig, part int) pretrained.Options {
	o := pretrained.Options{
		Trained: c.mode != Inference, Frozen: t.fixed,
		Dropout: c.trainingRate(t.Dropout), AttentionDropout: c.trainingRate(t.Options.Number("attention_dropout")),
	}
	if c.mode != Inference {
		o.Stored = t.stored()
	}
	if t.fixed(part) && t.FeaturesIn() != "none" {
		o.Dropout, o.AttentionDropout = 0, 0
	}
	switch t.tune() {
	case "lora":
		if c.changing != nil {
			c.changing.t, o.Matrix = t, c.changing.matrix
		} else {
			o.Adapt = &lora{c, t}
		}
	case "adapter":
		o.Adapt = &bottlenecks{c, t}
	}
	return o
}

func pretrainedLayers(c *network, t TrunkConfig) []layer {
	of := t.Pretrained
	layers := make([]layer, of.Layers)
	for i := range layers {
		layers[i] = func(s *builder.Scope, x *builder.Value) *builder.Value {
			c.encoding = s
			return of.Layer(s, x, c.mask, i, c.encoder(&t, i))
		}
	}
	layers[0] = layer(func(s *builder.Scope, x *builder.Value) *builder.Value {
		return of.Embed(s, pretrained.Input{Words: x, Mask: c.mask, TokenTypes: c.tokenTypes}, c.encoder(&t, -1))
	}).then(layers[0])
	return layers
}

// pooler is the vector of texts that the encoder's own pooling layer makes.
func (c *network) pooler(states *builder.Value) *builder.Value {
	t := &c.config.Trunk
	return t.Pretrained.Pool(c.Scope("trunk"), states, c.encoder(t, t.Pretrained.Layers))
}

// adapterScope is where layer i's adapters have their parameters: in the trunk, in the
// copy of it that is built, or in the task that the layer is computed for.
func (c *network) adapterScope(t *TrunkConfig, i int, kind string) *builder.Scope {
	s := c.encoding
	if c.ownAdapter(t, i) {
		s = c.Scope("head/" + c.adapting)
	}
	return s.In(pretrained.LayerName(i)).In(kind)
}

// ownAdapter reports whether layer i, as it is being built, has adapters of one task.
func (c *network) ownAdapter(t *TrunkConfig, i int) bool {
	return c.adapting != "" && i >= t.Pretrained.Layers-int(t.Options.Int("own_layers"))
}

// lora adds B A x alpha/rank to projections of x (Hu et al. 2022). A starts as PyTorch's
// linear layers do and B at 0, as in PEFT.
type lora struct {
	c *network
	t *TrunkConfig
}

func (l *lora) Project(i int, projection string, x *builder.Value, features int64) *builder.Value {
	t, c := l.t, l.c
	if !slices.Contains(t.Options.Texts("targets"), projection) {
		return nil
	}
	x = c.dropout(x, t.Options.Number("adapter_dropout"))
	scale := t.scale()
	if c.merging == SplitAdapters {
		scale = 1
	}
	return nn.LowRankProduct(c.adapterScope(t, i, "lora").In(projection), x, t.Options.Int("rank"), features, scale)
}

func (l *lora) Residual(_ int, _ string, h *builder.Value) *builder.Value { return h }

// bottlenecks add a small network behind attention and behind the feed-forward layer
// (Houlsby et al. 2019).
type bottlenecks struct {
	c *network
	t *TrunkConfig
}

func (b *bottlenecks) Project(int, string, *builder.Value, int64) *builder.Value { return nil }

func (b *bottlenecks) Residual(i int, part string, h *builder.Value) *builder.Value {
	s := b.c.adapterScope(b.t, i, "adapter").In(part)
	width, _ := h.Dim(-1).Size()
	return b.c.Add(h, nn.Bottleneck(s, b.c.dropout(h, b.t.Options.Number("adapter_dropout")), b.t.Options.Int("bottleneck"), width))
}
