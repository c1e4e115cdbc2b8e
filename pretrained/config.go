package pretrained

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"espalier/internal/nearest"
)

// The files of a folder that say what the model is and how texts become its ids.
const (
	ConfigFile    = "config.json"
	TokenizerFile = "tokenizer.json"
)

// maxConfig bounds the bytes of a config.json.
const maxConfig = 1 << 20

// Config is the shape of an encoder, read from a config.json.
type Config struct {
	// ModelType is the model_type of the file, such as "bert".
	ModelType string
	// Vocabulary is the number of rows of the word embeddings, Positions that of the
	// position embeddings, and TokenTypes that of the token types', 0 where the model
	// has none.
	Vocabulary, Positions, TokenTypes int64
	// Embedding is the width of word vectors, Hidden that of hidden states.
	Embedding, Hidden int64
	// Layers is the number of blocks, each with Heads attention heads and a
	// feed-forward layer that is FeedForward wide inside.
	Layers             int
	Heads, FeedForward int64
	// Activation is that of the feed-forward layer: gelu, gelu_new or relu.
	Activation string
	// Epsilon is that of layer normalisation.
	Epsilon float64
	// Dropout is the share of hidden values, AttentionDropout that of attention
	// weights that training sets to 0.
	Dropout, AttentionDropout float64
	// Padding is the id of padding.
	Padding int64
	// FirstPosition is the row of the position embeddings that a text's first token
	// reads.
	FirstPosition int64
	// Kind is the kind of the model's files as people know it, such as "BERT".
	Kind string
	// Pooling is how the encoder's makers make embeddings. It is not in config.json:
	// [ReadConfig] finds it, and [ParseConfig] takes the mean.
	Pooling Pooling

	architecture *architecture
	raw          []byte
}

// Longest is the most tokens of a text that there are positions for, special tokens
// included.
func (c *Config) Longest() int64 { return c.Positions - c.FirstPosition }

// JSON returns the config.json that the configuration was read from. The caller must
// not change it.
func (c *Config) JSON() []byte { return c.raw }

// ReadConfig reads the config.json of a folder.
func ReadConfig(dir string) (*Config, error) {
	content, err := readFile(dir, ConfigFile, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s; name the folder of a model in Hugging Face's format", dir, ConfigFile)
	}
	if err != nil {
		return nil, err
	}
	c, err := ParseConfig(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ConfigFile), err)
	}
	c.Pooling = ReadPooling(dir)
	return c, nil
}

// readFile reads a file of a folder that must not be larger than limit bytes.
func readFile(dir, name string, limit int64) ([]byte, error) {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, info.Size(), limit)
	}
	return os.ReadFile(path)
}

// ParseConfig reads a config.json.
func ParseConfig(content []byte) (*Config, error) {
	f := &fields{values: map[string]any{}}
	if err := json.Unmarshal(content, &f.values); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	modelType := f.text("model_type", "")
	if f.err != nil {
		return nil, f.err
	}
	a := architectureOf(modelType)
	if a == nil {
		known := ModelTypes()
		if modelType == "" {
			return nil, fmt.Errorf("it has no model_type; supported are %s", strings.Join(known, ", "))
		}
		return nil, fmt.Errorf("model_type is %q, which is not supported; supported are %s", modelType, nearest.List(known))
	}
	c := &Config{ModelType: modelType, architecture: a, raw: content, Kind: a.kind, Pooling: Pooling{Mode: MeanPooling}}
	a.read(f, c)
	if f.err != nil {
		return nil, f.err
	}
	return c, c.check()
}

// Largest sizes that are believed: a damaged or hostile file must not make graphs or
// tables that no machine holds.
const (
	maxWidth  = 1 << 16
	maxRows   = 1 << 22
	maxLayers = 1 << 10
)

func (c *Config) check() error {
	for _, s := range []struct {
		key       string
		value     int64
		least, to int64
	}{
		{"vocab_size", c.Vocabulary, 2, maxRows},
		{"max_position_embeddings", c.Positions, 1, maxRows},
		{"type_vocab_size", c.TokenTypes, 0, maxRows},
		{"embedding_size", c.Embedding, 1, maxWidth},
		{"hidden_size", c.Hidden, 1, maxWidth},
		{"num_hidden_layers", int64(c.Layers), 1, maxLayers},
		{"num_attention_heads", c.Heads, 1, maxWidth},
		{"intermediate_size", c.FeedForward, 1, maxWidth},
	} {
		if s.value < s.least || s.value > s.to {
			return fmt.Errorf("%s is %d, it must be between %d and %d", s.key, s.value, s.least, s.to)
		}
	}
	switch {
	case c.Hidden%c.Heads != 0:
		return fmt.Errorf("num_attention_heads is %d, which does not divide hidden_size, %d", c.Heads, c.Hidden)
	case !slices.Contains(activations(), c.Activation):
		return fmt.Errorf("hidden_act is %q; supported are %s", c.Activation, strings.Join(activations(), ", "))
	case !(c.Epsilon > 0 && c.Epsilon < 1):
		return fmt.Errorf("layer_norm_eps is %v, it must be above 0 and below 1", c.Epsilon)
	case !(c.Dropout >= 0 && c.Dropout < 1 && c.AttentionDropout >= 0 && c.AttentionDropout < 1):
		return fmt.Errorf("dropout is %v and of attention %v; both must be at least 0 and below 1", c.Dropout, c.AttentionDropout)
	case c.Padding < 0 || c.Padding >= c.Vocabulary:
		return fmt.Errorf("pad_token_id is %d, outside of the %d ids of vocab_size", c.Padding, c.Vocabulary)
	case c.Longest() < 1:
		return fmt.Errorf("max_position_embeddings is %d, which leaves no position behind the first, %d", c.Positions, c.FirstPosition)
	}
	return nil
}

// fields are the values of a config.json; the first that is of another type than it
// must be is err.
type fields struct {
	values map[string]any
	err    error
}

func (f *fields) wrong(key, want string) {
	if f.err == nil {
		f.err = fmt.Errorf("%s is %v, it must be %s", key, f.values[key], want)
	}
}

// whole returns a whole number; without one it is the fallback, and a negative
// fallback says that the file must have it.
func (f *fields) whole(key string, fallback int64) int64 {
	v, ok := f.values[key]
	if !ok || v == nil {
		if fallback < 0 && f.err == nil {
			f.err = fmt.Errorf("%s is missing", key)
		}
		return fallback
	}
	x, ok := v.(float64)
	if !ok || x != math.Trunc(x) || math.Abs(x) > 1<<40 {
		f.wrong(key, "a whole number")
		return 0
	}
	return int64(x)
}

// number returns a number, or the fallback.
func (f *fields) number(key string, fallback float64) float64 {
	v, ok := f.values[key]
	if !ok || v == nil {
		return fallback
	}
	x, ok := v.(float64)
	if !ok {
		f.wrong(key, "a number")
	}
	return x
}

// text returns a text, or the fallback.
func (f *fields) text(key, fallback string) string {
	v, ok := f.values[key]
	if !ok || v == nil {
		return fallback
	}
	x, ok := v.(string)
	if !ok {
		f.wrong(key, "a text")
	}
	return x
}

// refuse fails where a setting that changes what the model computes has another value
// than those that are supported, the first of which is that of files without it.
func (f *fields) refuse(key string, supported ...any) {
	v, ok := f.values[key]
	if !ok || v == nil || f.err != nil || slices.Contains(supported, v) {
		return
	}
	f.err = fmt.Errorf("%s is %v, which is not supported; supported is %v", key, v, supported[0])
}
