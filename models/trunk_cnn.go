package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

// cnn is a stack of residual convolutions over the sequence: each layer adds
// relu(conv(norm(x))) to its input. Padding is set to zero before every
// convolution, so that an answer does not depend on how far its row is padded.
var cnn = TrunkType{
	Name: "cnn",
	Doc:  "residual convolutions over the tokens",
	Options: []setting.Option{
		hidden, depth(2, 1),
		{Key: "kernel", Kind: setting.Whole, Min: 1, Default: 3, Valid: odd(", so that a text keeps its length"), Doc: "how many neighbouring tokens a layer sees, odd"},
		{Key: "dilations", Kind: setting.Whole, List: true, Min: 1, Doc: "steps between those tokens, one for each layer", Follows: "1 everywhere"},
		layerDropout,
	},
	check:  checkDilations,
	layers: cnnLayers,
}

func checkDilations(t *TrunkConfig, _ string) error {
	if len(t.Dilations) > 0 && len(t.Dilations) != t.Layers {
		return wrong("dilations", "has %d entries for %d layers", len(t.Dilations), t.Layers)
	}
	return nil
}

func cnnLayers(c *network, t TrunkConfig) []layer {
	real := c.Unsqueeze(c.mask, -1)
	layers := make([]layer, t.Layers)
	for i := range layers {
		dilation := int64(1)
		if len(t.Dilations) > 0 {
			dilation = t.Dilations[i]
		}
		layers[i] = func(s *builder.Scope, x *builder.Value) *builder.Value {
			in := s.In(fmt.Sprintf("conv_%d", i))
			h := c.Mul(nn.LayerNorm(in.In("norm"), x), real)
			h = c.Relu(nn.Conv1D(in, h, t.Hidden, t.Kernel, dilation))
			return c.Add(x, c.dropout(h, t.Dropout))
		}
	}
	return around(project(t.Hidden), layers, norm)
}
