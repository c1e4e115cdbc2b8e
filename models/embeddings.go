package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/pretrained"
)

// Embeddings adds one vector of each text to a graph, [batch, hidden]: what the trunk
// says of it, before any head. Pooling is the encoder's own where the trunk was trained
// before, and the mean elsewhere. It fails where tasks have trunks, or upper layers, of
// their own, so that a text has no one embedding.
func (b *Built) Embeddings(p pretrained.Pooling) (*builder.Value, error) {
	switch {
	case b.mask == nil:
		return nil, fmt.Errorf("models: embeddings are of texts; the model reads a table")
	case b.states == nil:
		return nil, fmt.Errorf("models: a text has no one embedding where tasks have trunks or upper layers of their own (trunk.own_layers, sharing)")
	case p.Unsupported != "":
		return nil, fmt.Errorf("models: the folder of the trunk makes embeddings in a way that is not supported: %s", p.Unsupported)
	}
	g := b.Graph
	var x *builder.Value
	switch p.Mode {
	case pretrained.FirstPooling:
		x = nn.First(g, b.states)
	case pretrained.MaxPooling:
		x = nn.MaxPool(g, b.states, b.mask)
	case pretrained.MeanPooling, "":
		x = nn.MeanPool(g, b.states, b.mask)
	default:
		return nil, fmt.Errorf("models: embeddings are pooled by mean, first or max, not by %q", p.Mode)
	}
	if p.Normalize {
		// The floor is PyTorch's.
		length := g.Sqrt(g.ReduceSum(g.Mul(x, x), true, -1))
		x = g.Div(x, g.Max(length, g.Scalar(1e-12)))
	}
	return x, g.Err()
}

// Pooling says how embeddings of the model's texts are made.
func (m *Model) Pooling() pretrained.Pooling {
	if of := m.config.Trunk.Pretrained; of != nil {
		return of.Pooling
	}
	return pretrained.Pooling{Mode: pretrained.MeanPooling}
}
