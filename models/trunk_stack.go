package models

import (
	"errors"
	"fmt"
	"slices"

	"espalier/builder"
	"espalier/setting"
)

// stack is the type of a trunk whose parts stand on top of each other.
const stack = "stack"

// completeStack completes the parts of a stack, and gives the trunk the width of the
// last and the number of all layers.
func (t *TrunkConfig) completeStack(given func(key string) bool, at string) error {
	switch {
	case len(t.Stack) == 0:
		return fmt.Errorf("the stack has no parts")
	case t.Type != "" && t.Type != stack:
		return fmt.Errorf("type is %q, but there is a stack", t.Type)
	}
	t.Type = stack
	if _, err := (setting.Binding{Options: append(WordOptions(), layerDropout), Given: given}).Complete(t); err != nil {
		return err
	}
	t.Stack = slices.Clone(t.Stack)
	t.Layers = 0
	width, reads := t.Embedding, t.Embedding
	if t.Characters.Type != "" {
		reads += t.Characters.Hidden
	}
	for i := range t.Stack {
		p, path := &t.Stack[i], fmt.Sprintf("stack.%d.", i)
		own := given
		if given != nil {
			own = func(key string) bool { return given(path + key) }
		}
		if err := p.completePart(t.around(width), reads, own, at+path); err != nil {
			if !errors.As(err, new(*setting.Error)) {
				return fmt.Errorf("part %d of the stack: %w", i+1, err)
			}
			return setting.In(path, err)
		}
		width, reads = p.Hidden, p.Hidden
		t.Layers += p.Layers
	}
	t.Hidden = width
	return nil
}

// around are the settings that those of a part of the stack follow, which reads
// states of a width.
func (t *TrunkConfig) around(width int64) setting.Values {
	return setting.Values{"width": width, "dropout": t.Dropout}
}

// LayerOptions are the settings of a part of a stack, whatever its type.
func LayerOptions() []setting.Option {
	return []setting.Option{
		{Key: "skip", Kind: setting.Flag, Default: false, Doc: "adds what the part reads, which must be as wide, to what it gives"},
	}
}

// completePart completes a part of a stack, which reads states of another width where
// words have characters, too.
func (t *TrunkConfig) completePart(around setting.Values, reads int64, given func(key string) bool, at string) error {
	of, err := trunkType(t.Type)
	switch {
	case t.Type == stack:
		return fmt.Errorf("a stack cannot be part of one")
	case err != nil:
		return err
	case of.Table:
		return fmt.Errorf("type %s is for tables, not for a stack", of.Name)
	case of.Own:
		return fmt.Errorf("type %s is a trunk of its own, not for a stack", of.Name)
	}
	b := setting.Binding{Options: append(LayerOptions(), of.Options...), Others: of.others(), Around: around}
	if err := t.complete(of, b, given, at); err != nil {
		return err
	}
	switch {
	case t.Layers < 1:
		return wrong("layers", "is %d, it must be at least 1", t.Layers)
	case t.Skip && t.Hidden != reads:
		return wrong("skip", "is to add what the part reads, which is %d wide, to what it gives, which is %d wide; make its hidden %d", reads, t.Hidden, reads)
	}
	return nil
}

// stack is the layers of all parts, each in a scope of its part. A part that
// adds what it reads to what it gives is one layer.
func (c *network) stack(t TrunkConfig) []layer {
	var all []layer
	for i, part := range t.Stack {
		layers := c.layers(part)
		if part.Skip {
			layers = []layer{c.skip(layers)}
		}
		for _, l := range layers {
			all = append(all, func(s *builder.Scope, x *builder.Value) *builder.Value {
				return l(s.In(fmt.Sprintf("part_%d", i)), x)
			})
		}
	}
	return all
}

// skip adds what the first of layers reads to what the last gives.
func (c *network) skip(layers []layer) layer {
	return func(s *builder.Scope, x *builder.Value) *builder.Value {
		steps := through(layers, s, x)
		return c.Add(x, steps[len(steps)-1])
	}
}
