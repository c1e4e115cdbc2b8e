package pretrained

import "fmt"

// distilbert is DistilBERT (Sanh et al. 2019): BERT with half of the layers, without
// token types and without a pooling layer.
var distilbert = architecture{
	kind:       "DistilBERT",
	modelTypes: []string{"distilbert"},
	prefixes:   []string{"distilbert."},
	read: func(f *fields, c *Config) {
		c.Vocabulary, c.Positions = f.whole("vocab_size", -1), f.whole("max_position_embeddings", 512)
		c.Hidden = f.whole("dim", -1)
		c.Embedding = c.Hidden
		c.Layers, c.Heads = int(f.whole("n_layers", -1)), f.whole("n_heads", -1)
		c.FeedForward, c.Activation = f.whole("hidden_dim", -1), f.text("activation", "gelu")
		c.Epsilon = 1e-12 // its implementation has no setting for it
		c.Dropout, c.AttentionDropout = f.number("dropout", 0.1), f.number("attention_dropout", 0.1)
		c.Padding = f.whole("pad_token_id", 0)
	},
	embeddings: embeddings,
	layer:      postNorm,
	weights:    distilbertWeights,
}

func distilbertWeights(c *Config) []Weight {
	w := []Weight{
		table("embedding", "embeddings.word_embeddings"),
		table("embedding/positions", "embeddings.position_embeddings"),
	}
	w = append(w, normalized("embedding/norm", "embeddings.LayerNorm")...)
	for i := range c.Layers {
		own, from := LayerName(i)+"/", fmt.Sprintf("transformer.layer.%d.", i)
		w = append(w, linear(own+"attention/in", from+"attention.q_lin", from+"attention.k_lin", from+"attention.v_lin")...)
		w = append(w, linear(own+"attention/out", from+"attention.out_lin")...)
		w = append(w, normalized(own+"attention_norm", from+"sa_layer_norm")...)
		w = append(w, linear(own+"feedforward_in", from+"ffn.lin1")...)
		w = append(w, linear(own+"feedforward_out", from+"ffn.lin2")...)
		w = append(w, normalized(own+"feedforward_norm", from+"output_layer_norm")...)
	}
	return w
}
