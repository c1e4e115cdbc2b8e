package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

// mlp is the trunk of a table, a layer for each width: dense, normalised where
// that is asked for, rectified and, in training, partly dropped.
var mlp = TrunkType{
	Name:  "mlp",
	Doc:   "dense layers",
	Table: true,
	Options: []setting.Option{
		{Key: "hidden", Kind: setting.Whole, List: true, Single: true, Min: 1, Default: []int{128, 64}, Doc: "width of each layer; an empty list: no layers"},
		{Key: "norm", Kind: setting.Word, Words: []string{"none", "layer"}, Default: "none", Doc: "layer: layer normalisation in each layer, in front of its rectifier"},
		layerDropout,
	},
	finish: widths,
	layers: mlpLayers,
}

// widths gives a trunk of dense layers its number of layers, and the width of the
// last.
func widths(t *TrunkConfig) {
	t.Layers, t.Hidden = len(t.Widths), wordWidth
	for _, w := range t.Widths {
		t.Hidden = w
	}
}

func mlpLayers(c *network, t TrunkConfig) []layer {
	layers := make([]layer, len(t.Widths))
	for i, width := range t.Widths {
		layers[i] = func(s *builder.Scope, x *builder.Value) *builder.Value {
			s = s.In(fmt.Sprintf("dense_%d", i))
			x = nn.Dense(s, x, width)
			if t.Norm == "layer" {
				x = nn.LayerNorm(s.In("norm"), x)
			}
			return c.dropout(c.Relu(x), t.Dropout)
		}
	}
	return layers
}
