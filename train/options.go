package train

import "espalier/setting"

// Options are the settings of training that belong to no part of it.
func Options() []setting.Option {
	return []setting.Option{
		{Key: "epochs", Kind: setting.Whole, Min: 1, Default: 10, Doc: "how often the training data is gone through"},
		{Key: "epoch_steps", Kind: setting.Whole, Default: 0, Doc: "steps of an epoch, after which the model is validated; passes follow one another, each in an order of its own; 0: one pass over the training data"},
		{Key: "batch", Kind: setting.Whole, Min: 1, Default: 32, Doc: "most examples in a batch, which is a step where accumulate is 1"},
		{Key: "max_tokens", Kind: setting.Whole, Default: 0, Doc: "most tokens in a batch, padding included; 0: no limit"},
		{Key: "accumulate", Kind: setting.Whole, Min: 1, Default: 1, Doc: "batches whose gradients are added up for one step, as one large batch has them, in the memory of a small one"},
		{Key: "clip_norm", Default: 0.0, Doc: "limit of the norm of all gradients together (Pascanu et al. 2013); 0: none"},
		{Key: "average", Kind: setting.Share, Default: 0.0, Doc: "decay per step of a moving average of the parameters, such as 0.999, which is what is validated and kept; 0: none"},
		{Key: "patience", Kind: setting.Whole, Default: 0, Doc: "epochs without improvement after which training stops; 0: never"},
		{Key: "recompute", Kind: setting.Flag, Default: false, Doc: "keeps of each layer of the trunk only what it reads, and computes the rest again for the backward pass: less memory for more time, the same numbers"},
		{Key: "threads", Kind: setting.Whole, Default: 0, Doc: "threads that the engine may use; 0: all cores"},
	}
}

// WordDropout is the setting of [Config].WordDropout.
func WordDropout() setting.Option {
	return setting.Option{Key: "word_dropout", Kind: setting.Share, Default: 0.0, Doc: "share of words that a training step reads as unknown"}
}

// RareWordDropout is the setting of [Config].RareWordDropout.
func RareWordDropout() setting.Option {
	return setting.Option{Key: "rare_word_dropout", Default: 0.0, Doc: "the alpha by which a training step reads a word that stands n times in the training data as unknown, with a probability of alpha/(alpha+n); 0: never"}
}
