package pretrained

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// LayerName is the scope of layer i in that of the trunk.
func LayerName(i int) string { return fmt.Sprintf("layer_%d", i) }

// activations are those of feed-forward layers that are supported.
func activations() []string { return []string{"gelu", "gelu_new", "gelu_pytorch_tanh", "relu"} }

// embeddings adds positions and, where there are any, token types to word vectors,
// normalises them and brings them to the width of hidden states.
func embeddings(s *builder.Scope, in Input, c *Config, o Options) *builder.Value {
	w := nn.Weights{Frozen: o.frozen(-1), Stored: o.Stored}
	x := nn.PositionsFrom(s.In("positions"), in.Words, c.Positions, c.FirstPosition, w)
	if c.TokenTypes > 0 {
		x = nn.TokenTypes(s.In("token_types"), x, in.TokenTypes, c.TokenTypes, w)
	}
	x = nn.LayerNormIn(s.In("norm"), x, c.Epsilon, w)
	x = nn.Dropout(s.Graph, x, o.Dropout)
	if c.Embedding != c.Hidden {
		x = nn.DenseIn(s.In("project"), x, c.Hidden, w)
	}
	return x
}

// postNorm is a block that normalises what it adds up (Vaswani et al. 2017): attention,
// then a feed-forward layer, each added to what it reads.
func postNorm(s *builder.Scope, x, mask *builder.Value, i int, c *Config, o Options) *builder.Value {
	w := o.weights(i)
	adapt := func(projection string, x, y *builder.Value) *builder.Value {
		return o.adapt(s.Graph, i, projection, x, y)
	}
	h := nn.Attention(s.In("attention"), x, mask, nn.AttentionOptions{
		Heads: c.Heads, Dropout: o.AttentionDropout, Weights: w, Adapt: adapt,
	})
	h = o.residual(i, "attention", nn.Dropout(s.Graph, h, o.Dropout))
	x = nn.LayerNormIn(s.In("attention_norm"), s.Add(h, x), c.Epsilon, w)

	h = adapt("intermediate", x, nn.DenseIn(s.In("feedforward_in"), x, c.FeedForward, w))
	h = activate(s.Graph, h, c.Activation, o.Trained)
	h = adapt("feedforward", h, nn.DenseIn(s.In("feedforward_out"), h, c.Hidden, w))
	h = o.residual(i, "feedforward", nn.Dropout(s.Graph, h, o.Dropout))
	return nn.LayerNormIn(s.In("feedforward_norm"), s.Add(h, x), c.Epsilon, w)
}

// adapt adds to a projection y of x what the adapter makes of x.
func (o Options) adapt(g *builder.Graph, layer int, projection string, x, y *builder.Value) *builder.Value {
	if o.Adapt == nil || g.Err() != nil {
		return y
	}
	width, _ := y.Dim(-1).Size()
	if added := o.Adapt.Project(layer, projection, x, width); added != nil {
		return g.Add(y, added)
	}
	return y
}

// weights are the options of a layer's parameters.
func (o Options) weights(layer int) nn.Weights {
	w := nn.Weights{Frozen: o.frozen(layer), Stored: o.Stored}
	if o.Matrix != nil {
		w.Matrix = func(of *builder.Scope) *builder.Scope { return o.Matrix(layer, of) }
	}
	return w
}

func (o Options) residual(layer int, part string, h *builder.Value) *builder.Value {
	if o.Adapt == nil {
		return h
	}
	return o.Adapt.Residual(layer, part, h)
}

// activate applies the activation of a feed-forward layer.
func activate(g *builder.Graph, x *builder.Value, name string, trained bool) *builder.Value {
	switch {
	case name == "relu":
		return g.Relu(x)
	case name != "gelu":
		return nn.GeluTanh(g, x)
	case trained:
		return g.TrainedGelu(x)
	}
	return g.Gelu(x)
}
