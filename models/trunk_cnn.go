package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// cnn is a stack of residual convolutions over the sequence: each layer adds
// relu(conv(norm(x))) to its input. Padding is set to zero before every
// convolution, so that an answer does not depend on how far its row is padded.
func (c *context) cnn(t TrunkConfig) []layer {
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
