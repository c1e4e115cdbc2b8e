package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

// bag reads words one by one: hidden states are the word vectors, after as
// many dense layers as asked for. Sentence tasks pool them.
var bag = TrunkType{
	Name:    "bag",
	Doc:     "word vectors alone, or dense layers on each",
	Options: []setting.Option{hidden, depth(0, 0), layerDropout},
	layers:  bagLayers,
}

func bagLayers(c *network, t TrunkConfig) []layer {
	layers := make([]layer, t.Layers)
	for i := range layers {
		layers[i] = func(s *builder.Scope, x *builder.Value) *builder.Value {
			x = c.Relu(nn.Dense(s.In(fmt.Sprintf("dense_%d", i)), x, t.Hidden))
			return c.dropout(x, t.Dropout)
		}
	}
	return layers
}
