package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/setting"
)

// The recurrent types are stacks of LSTM or GRU layers, in both directions or
// forward only. With both, each direction has half of the hidden state.
var (
	lstm   = recurrent("lstm", "LSTM layers, forward only", nn.LSTM, false)
	gru    = recurrent("gru", "GRU layers, forward only", nn.GRU, false)
	bilstm = recurrent("bilstm", "LSTM layers in both directions", nn.LSTM, true)
	bigru  = recurrent("bigru", "GRU layers in both directions", nn.GRU, true)
)

// cell is a recurrent layer.
type cell func(s *builder.Scope, x, mask *builder.Value, o nn.RecurrentOptions) *builder.Value

func recurrent(name, doc string, of cell, both bool) TrunkType {
	return TrunkType{
		Name: name,
		Doc:  doc,
		Options: []setting.Option{
			hidden, depth(1, 1), layerDropout,
			{Key: "residual", Kind: setting.Flag, Default: false, Doc: "adds what a layer reads to what it gives, where both have one width"},
		},
		check: func(t *TrunkConfig, _ string) error {
			if both && t.Hidden%2 != 0 {
				return wrong("hidden", "is %d, it must be even: each direction of %s has half of it", t.Hidden, name)
			}
			return nil
		},
		layers: func(c *network, t TrunkConfig) []layer { return c.recurrent(t, of, both) },
	}
}

func (c *network) recurrent(t TrunkConfig, of cell, both bool) []layer {
	units := t.Hidden
	if both {
		units /= 2
	}
	layers := make([]layer, t.Layers)
	for i := range layers {
		layers[i] = func(s *builder.Scope, x *builder.Value) *builder.Value {
			y := of(s.In(fmt.Sprintf("layer_%d", i)), x, c.mask, nn.RecurrentOptions{
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
func (c *network) featureDropout(x *builder.Value, p float64) *builder.Value {
	if c.mode != Training || !c.config.Trunk.Variational {
		return c.dropout(x, p)
	}
	return nn.VariationalDropout(c.Graph, x, p)
}
