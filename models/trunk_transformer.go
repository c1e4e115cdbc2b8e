package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// transformer is a stack of pre-norm blocks over word vectors. Positions are
// learned and added to the vectors, or turn queries and keys.
func (c *context) transformer(t TrunkConfig) []layer {
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
