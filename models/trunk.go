package models

import (
	"cmp"
	"fmt"
	"slices"

	"espalier/setting"
)

// TrunkType declares one type of trunk. Each stands in a file of its own
// (trunk_*.go), which says all that is to be known of the type.
type TrunkType struct {
	// Name is what [TrunkConfig].Type asks for.
	Name string
	// Doc says in one line what it is, Source where it is from.
	Doc, Source string
	// Table: it reads the columns of a table, and not words.
	Table bool
	// Own: it has none of the settings that other trunks share, nor can it be part of a
	// stack.
	Own bool
	// Options are its own settings.
	Options []setting.Option

	// check reports what cannot be of several settings together, as a
	// [setting.Error]. Names of other settings in its text begin with at.
	check func(t *TrunkConfig, at string) error
	// finish sets what follows from the type's settings; nil: nothing does.
	finish func(t *TrunkConfig)
	// Longest is the most tokens that it can read, 0: any number; nil: any number.
	longest func(t *TrunkConfig) int64
	// layers build the trunk.
	layers func(c *network, t TrunkConfig) []layer
}

// trunkTypes is the table of all types: those that read words, the default first,
// and those that read a table.
func trunkTypes() []*TrunkType {
	return []*TrunkType{&bag, &cnn, &bilstm, &bigru, &lstm, &gru, &transformer, &pretrainedTrunk, &mlp}
}

// TrunkTypes returns the types of trunks that read words, or those that read a table;
// the default is the first.
func TrunkTypes(table bool) []TrunkType {
	var of []TrunkType
	for _, t := range trunkTypes() {
		if t.Table == table {
			of = append(of, *t)
		}
	}
	return of
}

// trunkType returns the type of a name, the first for none.
func trunkType(name string) (*TrunkType, error) {
	var names []string
	for _, t := range trunkTypes() {
		if t.Name == name || name == "" {
			return t, nil
		}
		if !t.Table {
			names = append(names, t.Name)
		}
	}
	return nil, oneOf("type", name, names...)
}

// others are the options of the other types that read the same.
func (t *TrunkType) others() []setting.Option {
	var options []setting.Option
	for _, other := range trunkTypes() {
		if other.Table == t.Table && other != t && !other.Own {
			options = append(options, other.Options...)
		}
	}
	return options
}

// WordOptions are the settings of every trunk that reads words, whatever its type.
func WordOptions() []setting.Option {
	return []setting.Option{
		{Key: "embedding", Kind: setting.Whole, Min: 1, Default: wordWidth, Doc: "width of word vectors"},
		{Key: "pooling", Kind: setting.Word, Words: []string{"mean", "max", "attention"}, Default: "mean", Doc: "how the tokens' vectors become one, for tasks that need one of a text"},
		embeddingDropout,
		{Key: "variational", Kind: setting.Flag, Default: false, Doc: "dropout takes the same features of all tokens of a text, in recurrent layers and word vectors (Gal and Ghahramani 2016)"},
	}
}

// TableOptions are the settings of every trunk that reads a table.
func TableOptions() []setting.Option { return []setting.Option{embeddingDropout} }

// wordWidth is the default width of word vectors.
const wordWidth = 64

// The options that several types have.
var (
	embeddingDropout = setting.Option{Key: "embedding_dropout", Kind: setting.Share, Default: 0.0, Doc: "share of the values of word vectors, or of all that a trunk reads of a table, that a training step sets to 0"}
	hidden           = setting.Option{
		Key: "hidden", Kind: setting.Whole, Min: 1, Doc: "width of hidden states",
		From:    func(of setting.Values) any { return cmp.Or(of.Int("width"), of.Int("embedding")) },
		Follows: "the width of what it reads",
	}
	layerDropout = setting.Option{
		Key: "dropout", Kind: setting.Share, Doc: "share of hidden values that a training step sets to 0 in the layers",
		From: func(of setting.Values) any { return of.Number("dropout") }, Follows: "0; in a stack that of the trunk",
	}
)

// depth is the number of layers.
func depth(standard, least int) setting.Option {
	return setting.Option{Key: "layers", Kind: setting.Whole, Min: float64(least), Default: standard, Doc: "number of layers"}
}

// Complete fills in defaults and reports the first setting that cannot be, as a
// [setting.Error]. given says which settings were given, as "hidden" and
// "stack.0.hidden"; nil: those that are not zero. at stands in front of the settings
// that a message names.
func (t *TrunkConfig) Complete(given func(key string) bool, at string) error {
	if len(t.Stack) > 0 || t.Type == stack {
		return t.completeStack(given, at)
	}
	of, err := trunkType(t.Type)
	if err != nil {
		return err
	}
	if len(t.Widths) > 0 && !of.Table {
		return fmt.Errorf("widths are of a trunk that reads a table, not of %s", of.Name)
	}
	return t.complete(of, t.binding(of), given, at)
}

// binding are the settings of a trunk of one encoder.
func (t *TrunkConfig) binding(of *TrunkType) setting.Binding {
	if of.Own {
		return setting.Binding{Options: of.Options, Around: t.configured()}
	}
	options := WordOptions()
	if of.Table {
		options = TableOptions()
	}
	return setting.Binding{Options: append(options, of.Options...), Others: of.others()}
}

// Explicit returns complete settings in a form that keeps them where zero means the
// default. What follows from other settings is left out, and what only trunks of the
// other kind read.
func (t TrunkConfig) Explicit() TrunkConfig {
	of, err := trunkType(t.Type)
	if len(t.Stack) > 0 {
		parts := slices.Clone(t.Stack)
		for i := range parts {
			if part, err := trunkType(parts[i].Type); err == nil {
				setting.Binding{Options: part.Options, Around: t.around(t.Embedding)}.Explicit(&parts[i])
			}
		}
		setting.Only(append(WordOptions(), layerDropout), &t)
		t.Stack = parts
		return t
	}
	if err != nil {
		return t
	}
	b := t.binding(of)
	b.Explicit(&t)
	if !of.Table && !of.Own {
		b.Options = append(b.Options, b.Others...)
	}
	setting.Only(b.Options, &t)
	t.Type = of.Name
	return t
}

// complete completes an encoder.
func (t *TrunkConfig) complete(of *TrunkType, b setting.Binding, given func(key string) bool, at string) error {
	t.Type, b.Given = of.Name, given
	if of.Own && t.Pretrained == nil {
		return errNoConfig
	}
	if _, err := b.Complete(t); err != nil {
		return err
	}
	if of.finish != nil {
		of.finish(t)
	}
	if of.check == nil {
		return nil
	}
	return of.check(t, at)
}

// depth is the number of the trunk's layers that a head can read behind: a part of a
// stack that adds what it reads is one.
func (t *TrunkConfig) depth() int {
	n := t.Layers
	for _, p := range t.Stack {
		if p.Skip {
			n -= p.Layers - 1
		}
	}
	return n
}

// Longest is the most tokens that the trunk can read; 0: any number.
func (t *TrunkConfig) Longest() int64 {
	least := int64(0)
	for _, p := range t.Stack {
		if n := p.Longest(); n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if of, err := trunkType(t.Type); err == nil && of.longest != nil && len(t.Stack) == 0 {
		return of.longest(t)
	}
	return least
}

// odd is the check of the width of a window that must have a middle.
func odd(reason string) func(value any) error {
	return func(value any) error {
		if n, ok := value.(int64); ok && n%2 == 0 {
			return fmt.Errorf("is %d, it must be odd%s", n, reason)
		}
		return nil
	}
}

// wrong is an error of a setting.
func wrong(key, format string, args ...any) error {
	return &setting.Error{Key: key, Err: fmt.Errorf(format, args...)}
}
