package pretrained

import "fmt"

// bert is BERT (Devlin et al. 2019) and what has its layers: MiniLM (Wang et al. 2020),
// and the encoders of ELECTRA (Clark et al. 2020), whose word vectors may be narrower
// than their hidden states and which have no pooling layer.
var bert = architecture{
	kind:       "BERT",
	modelTypes: []string{"bert", "electra"},
	prefixes:   []string{"bert.", "electra."},
	read: func(f *fields, c *Config) {
		readBERT(f, c)
		c.FirstPosition = 0
	},
	embeddings: embeddings,
	layer:      postNorm,
	weights:    bertWeights,
	pooler:     linear("pooler", "pooler.dense"),
}

// readBERT reads the keys that BERT's config.json and its relatives' have.
func readBERT(f *fields, c *Config) {
	c.Vocabulary, c.Positions = f.whole("vocab_size", -1), f.whole("max_position_embeddings", 512)
	c.TokenTypes = f.whole("type_vocab_size", 2)
	c.Hidden = f.whole("hidden_size", -1)
	c.Embedding = f.whole("embedding_size", c.Hidden)
	c.Layers, c.Heads = int(f.whole("num_hidden_layers", -1)), f.whole("num_attention_heads", -1)
	c.FeedForward, c.Activation = f.whole("intermediate_size", -1), f.text("hidden_act", "gelu")
	c.Epsilon = f.number("layer_norm_eps", 1e-12)
	c.Dropout, c.AttentionDropout = f.number("hidden_dropout_prob", 0.1), f.number("attention_probs_dropout_prob", 0.1)
	c.Padding = f.whole("pad_token_id", 0)
	f.refuse("position_embedding_type", "absolute")
	f.refuse("is_decoder", false)
	f.refuse("add_cross_attention", false)
}

// bertWeights are the tensors as BERT's implementation names them, and RoBERTa's.
func bertWeights(c *Config) []Weight {
	w := []Weight{
		table("embedding", "embeddings.word_embeddings"),
		table("embedding/positions", "embeddings.position_embeddings"),
		table("embedding/token_types", "embeddings.token_type_embeddings"),
	}
	w = append(w, normalized("embedding/norm", "embeddings.LayerNorm")...)
	w = append(w, linear("embedding/project", "embeddings_project")...)
	for i := range c.Layers {
		own, from := LayerName(i)+"/", fmt.Sprintf("encoder.layer.%d.", i)
		self := from + "attention.self."
		w = append(w, linear(own+"attention/in", self+"query", self+"key", self+"value")...)
		w = append(w, linear(own+"attention/out", from+"attention.output.dense")...)
		w = append(w, normalized(own+"attention_norm", from+"attention.output.LayerNorm")...)
		w = append(w, linear(own+"feedforward_in", from+"intermediate.dense")...)
		w = append(w, linear(own+"feedforward_out", from+"output.dense")...)
		w = append(w, normalized(own+"feedforward_norm", from+"output.LayerNorm")...)
	}
	return w
}
