package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// recurrent is a stack of LSTM or GRU layers, in both directions or forward
// only. With both, each direction has half of the hidden state.
func (c *context) recurrent(t TrunkConfig) []layer {
	cell, both := nn.LSTM, t.Type == "bilstm" || t.Type == "bigru"
	if t.Type == "gru" || t.Type == "bigru" {
		cell = nn.GRU
	}
	units := t.Hidden
	if both {
		units /= 2
	}
	layers := make([]layer, t.Layers)
	for i := range layers {
		layers[i] = func(s *builder.Scope, x *builder.Value) *builder.Value {
			y := cell(s.In(fmt.Sprintf("layer_%d", i)), x, c.mask, nn.RecurrentOptions{
				Hidden: units, Bidirectional: both, Trained: c.mode != Inference,
			})
			y = c.featureDropout(y, t.Dropout)
			if t.Residual && c.Err() == nil && x.Shape().Equal(y.Shape()) {
				y = c.Add(x, y)
			}
			return y
		}
	}
	return layers
}

// featureDropout is dropout whose mask, with variational dropout, is the same
// for all tokens of a row (Gal and Ghahramani 2016).
func (c *context) featureDropout(x *builder.Value, p float64) *builder.Value {
	if c.mode != Training || !c.config.Trunk.Variational {
		return c.dropout(x, p)
	}
	return nn.VariationalDropout(c.Graph, x, p)
}
