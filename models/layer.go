package models

import (
	"espalier/builder"
	"espalier/builder/nn"
)

// layer is a step of a trunk from one hidden state to the next; s is the
// trunk's scope. A trunk is a list of them, for structures that have several
// trunks, or read one, layer by layer.
type layer func(s *builder.Scope, x *builder.Value) *builder.Value

// through takes x through layers and returns what each gives.
func through(layers []layer, s *builder.Scope, x *builder.Value) []*builder.Value {
	out := make([]*builder.Value, len(layers))
	for i, l := range layers {
		x = l(s, x)
		out[i] = x
	}
	return out
}

// around makes first a part of the first layer and last one of the last.
func around(first layer, layers []layer, last layer) []layer {
	if len(layers) == 0 {
		return []layer{first.then(last)}
	}
	n := len(layers) - 1
	layers[0] = first.then(layers[0])
	layers[n] = layers[n].then(last)
	return layers
}

func (l layer) then(next layer) layer {
	return func(s *builder.Scope, x *builder.Value) *builder.Value { return next(s, l(s, x)) }
}

// project brings hidden states to a width where they have another.
func project(width int64) layer {
	return func(s *builder.Scope, x *builder.Value) *builder.Value {
		if x.Dim(-1).Is(width) {
			return x
		}
		return nn.Dense(s.In("project"), x, width)
	}
}

// norm ends a trunk of residual layers.
func norm(s *builder.Scope, x *builder.Value) *builder.Value { return nn.LayerNorm(s.In("norm"), x) }
