package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// cnn is a stack of residual convolutions over the sequence: each layer adds
// relu(conv(norm(x))) to its input. Padding is set to zero before every
// convolution, so that an answer does not depend on how far its row is padded.
func (c *context) cnn(s *builder.Scope, x *builder.Value) *builder.Value {
	t := c.config.Trunk
	if !x.Dim(-1).Is(t.Hidden) {
		x = nn.Dense(s.In("project"), x, t.Hidden)
	}
	real := c.Unsqueeze(c.mask, -1)
	for i := range t.Layers {
		layer := s.In(fmt.Sprintf("conv_%d", i))
		dilation := int64(1)
		if len(t.Dilations) > 0 {
			dilation = t.Dilations[i]
		}
		h := c.Mul(nn.LayerNorm(layer.In("norm"), x), real)
		h = c.Relu(nn.Conv1D(layer, h, t.Hidden, t.Kernel, dilation))
		x = c.Add(x, c.dropout(h, t.Dropout))
	}
	return nn.LayerNorm(s.In("norm"), x)
}
