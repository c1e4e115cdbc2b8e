// Package pretrained reads encoders that were trained before, from folders in Hugging
// Face's format: config.json, *.safetensors and tokenizer.json. It builds an encoder's
// graph from its configuration and gives the graph's parameters the values of the
// folder.
//
// An architecture is one file: which model_types it is of, how its config.json is
// read, which tensors of a checkpoint are which parameters, and what of its layers is
// its own. Blocks that several have are in block.go. The reference for what each
// computes is the implementation in Hugging Face's transformers, with which the tests
// compare hidden states, gradients and training.
//
// Parameters have these names in the scope of a trunk:
//
//	embedding/table               [vocabulary, embedding]  word embeddings
//	embedding/positions/table    [positions, embedding]
//	embedding/token_types/table  [token types, embedding]
//	embedding/norm/...           scale and bias [embedding]
//	embedding/project/...        weight [embedding, hidden] and bias, where the widths differ
//	layer_0/attention/in/...      weight [hidden, 3 hidden]: queries, keys, values
//	layer_0/attention/out/...     weight [hidden, hidden]
//	layer_0/attention_norm/...
//	layer_0/feedforward_in/...    weight [hidden, feed-forward]
//	layer_0/feedforward_out/...   weight [feed-forward, hidden]
//	layer_0/feedforward_norm/...
//	pooler/...                    weight [hidden, hidden] and bias, where the trunk pools so
//
// Weights are [in, out] here and [out, in] in checkpoints.
package pretrained
