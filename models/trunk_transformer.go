package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

// transformer is a stack of pre-norm blocks over word vectors. Positions are
// learned and added to the vectors, or turn queries and keys.
var transformer = TrunkType{
	Name: "transformer",
	Doc:  "blocks of self-attention",
	Options: []setting.Option{
		hidden, depth(2, 1),
		{Key: "heads", Kind: setting.Whole, Min: 1, Default: 4, Doc: "attention heads, which divide hidden"},
		{
			Key: "feedforward", Kind: setting.Whole, Min: 1, Doc: "inner width of a layer",
			From: func(of setting.Values) any { return 4 * of.Int("hidden") }, Follows: "4 times hidden",
		},
		{
			Key: "positions", Kind: setting.Word, Words: []string{"learned", "rotary"}, Default: "learned",
			Doc: "learned: a vector for each; rotary: queries and keys are turned, so that attention sees how far tokens are apart, in texts of any length",
		},
		{
			Key: "max_length", Kind: setting.Whole, Min: 1, Default: 512, Doc: "most tokens that there are learned positions for",
			Moot: func(of setting.Values) string {
				if of.Text("positions") == "rotary" {
					return "is for learned positions; rotary ones have no end"
				}
				return ""
			},
		},
		layerDropout,
	},
	check: checkAttention,
	longest: func(t *TrunkConfig) int64 {
		if t.Positions == "rotary" {
			return 0
		}
		return t.MaxLength
	},
	layers: transformerLayers,
}

func checkAttention(t *TrunkConfig, at string) error {
	each := t.Hidden / t.Heads
	switch {
	case each*t.Heads != t.Hidden:
		return wrong("heads", "is %d, which does not divide %shidden, %d", t.Heads, at, t.Hidden)
	case t.Positions == "rotary" && each%2 != 0:
		return wrong("heads", "is %d, which leaves each %d of %shidden; rotary positions turn pairs, so it must be even", t.Heads, each, at)
	}
	return nil
}

func transformerLayers(c *network, t TrunkConfig) []layer {
	first := project(t.Hidden)
	var rotation *nn.Rotation
	if t.Positions == "rotary" {
		rotation = nn.NewRotation(c.Graph, c.mask.Dim(1), t.Hidden/t.Heads)
	} else {
		first = first.then(func(s *builder.Scope, x *builder.Value) *builder.Value {
			return nn.Positions(s.In("positions"), x, t.MaxLength)
		})
	}
	layers := make([]layer, t.Layers)
	for i := range layers {
		layers[i] = func(s *builder.Scope, x *builder.Value) *builder.Value {
			return nn.TransformerBlock(s.In(fmt.Sprintf("block_%d", i)), x, c.mask, nn.BlockOptions{
				Heads: t.Heads, FeedForward: t.FeedForward, Dropout: c.trainingRate(t.Dropout), Rotation: rotation,
				Trained: c.mode != Inference,
			})
		}
	}
	return around(first, layers, norm)
}
