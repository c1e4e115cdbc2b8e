package pretrained

// roberta is RoBERTa (Liu et al. 2019) and XLM-R (Conneau et al. 2020): BERT whose
// positions begin behind the id of padding, and whose tokenizers are others.
var roberta = architecture{
	kind:       "RoBERTa",
	modelTypes: []string{"roberta", "xlm-roberta", "camembert"},
	prefixes:   []string{"roberta."},
	read: func(f *fields, c *Config) {
		readBERT(f, c)
		if _, given := f.values["pad_token_id"]; !given {
			c.Padding = 1
		}
		if _, given := f.values["layer_norm_eps"]; !given {
			c.Epsilon = 1e-5
		}
		c.FirstPosition = c.Padding + 1
	},
	embeddings: embeddings,
	layer:      postNorm,
	weights:    bertWeights,
	pooler:     linear("pooler", "pooler.dense"),
}
