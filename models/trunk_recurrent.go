package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// recurrent is a stack of LSTM or GRU layers, in both directions or forward
// only. With both, each direction has half of the hidden state.
func (c *context) recurrent(s *builder.Scope, x *builder.Value) *builder.Value {
	t := c.config.Trunk
	layer, both := nn.LSTM, t.Type == "bilstm" || t.Type == "bigru"
	if t.Type == "gru" || t.Type == "bigru" {
		layer = nn.GRU
	}
	units := t.Hidden
	if both {
		units /= 2
	}
	for i := range t.Layers {
		y := layer(s.In(fmt.Sprintf("layer_%d", i)), x, c.mask, nn.RecurrentOptions{
			Hidden: units, Bidirectional: both, Trained: c.mode != Inference,
		})
		y = c.featureDropout(y, t.Dropout)
		if t.Residual && c.Err() == nil && x.Shape().Equal(y.Shape()) {
			y = c.Add(x, y)
		}
		x = y
	}
	return x
}

// featureDropout is dropout whose mask, with variational dropout, is the same
// for all tokens of a row (Gal and Ghahramani 2016).
func (c *context) featureDropout(x *builder.Value, p float64) *builder.Value {
	if c.mode != Training || !c.config.Trunk.Variational {
		return c.dropout(x, p)
	}
	return nn.VariationalDropout(c.Graph, x, p)
}
