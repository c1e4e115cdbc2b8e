package pretrained

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier/safetensors"
	"espalier/tensor"
)

const least = `{"model_type": "bert", "vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}`

// TestConfigurationsThatCannotBe: what is wrong is named, as the file names it.
func TestConfigurationsThatCannotBe(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"no JSON", least, "model", "not a JSON object"},
		{"no type", `"model_type": "bert", `, "", "it has no model_type; supported are bert, electra, roberta, xlm-roberta, camembert, distilbert"},
		{"unknown architecture", `"bert"`, `"mamba"`, `model_type is "mamba", which is not supported; supported are bert, electra, roberta, xlm-roberta, camembert, distilbert`},
		{"a size that is missing", `"hidden_size": 8, `, "", "hidden_size is missing"},
		{"a size of another type", `"vocab_size": 30`, `"vocab_size": "30"`, "vocab_size is 30, it must be a whole number"},
		{"a size that is no whole number", `"vocab_size": 30`, `"vocab_size": 30.5`, "vocab_size is 30.5, it must be a whole number"},
		{"a size that no machine holds", `"vocab_size": 30`, `"vocab_size": 30000000000`, "vocab_size is 30000000000, it must be between 2 and 4194304"},
		{"a negative size", `"num_hidden_layers": 2`, `"num_hidden_layers": -2`, "num_hidden_layers is -2, it must be between 1 and 1024"},
		{"heads that do not divide", `"num_attention_heads": 2`, `"num_attention_heads": 3`, "num_attention_heads is 3, which does not divide hidden_size, 8"},
		{"an activation", `}`, `, "hidden_act": "swish"}`, `hidden_act is "swish"; supported are gelu, gelu_new, gelu_pytorch_tanh, relu`},
		{"relative positions", `}`, `, "position_embedding_type": "relative_key"}`, "position_embedding_type is relative_key, which is not supported; supported is absolute"},
		{"a decoder", `}`, `, "is_decoder": true}`, "is_decoder is true, which is not supported; supported is false"},
		{"padding outside", `}`, `, "pad_token_id": 30}`, "pad_token_id is 30, outside of the 30 ids of vocab_size"},
		{"no positions", `"bert"`, `"roberta", "max_position_embeddings": 2`, "max_position_embeddings is 2, which leaves no position behind the first, 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseConfig([]byte(strings.Replace(least, c.from, c.to, 1)))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	if _, err := ReadConfig(t.TempDir()); err == nil || !strings.HasSuffix(err.Error(), "has no config.json; name the folder of a model in Hugging Face's format") {
		t.Error(err)
	}
}

// shapes are those of the parameters of the least configuration.
func shapes(c *Config) map[string]tensor.Shape {
	of := map[string]tensor.Shape{
		"embedding/table": {c.Vocabulary, c.Embedding}, "embedding/positions/table": {c.Positions, c.Embedding},
		"embedding/token_types/table": {c.TokenTypes, c.Embedding}, "embedding/norm/scale": {c.Embedding}, "embedding/norm/bias": {c.Embedding},
	}
	for i := range c.Layers {
		in := LayerName(i) + "/attention/in/"
		of[in+"weight"], of[in+"bias"] = tensor.Shape{c.Hidden, 3 * c.Hidden}, tensor.Shape{3 * c.Hidden}
	}
	return of
}

// TestCheckpointsThatDoNotFit: the first tensor that is missing, or of another shape or
// type than the configuration says, is named.
func TestCheckpointsThatDoNotFit(t *testing.T) {
	c, err := ParseConfig([]byte(least))
	if err != nil {
		t.Fatal(err)
	}
	whole := func() map[string]*tensor.Tensor {
		all := map[string]*tensor.Tensor{}
		for _, w := range c.Weights() {
			shape, ok := shapes(c)[w.Parameter]
			for _, name := range w.Tensors {
				if own := slices.Clone(shape); ok {
					own[len(own)-1] /= int64(len(w.Tensors))
					all[name] = tensor.Must(tensor.New(tensor.Float32, own...))
				}
			}
		}
		return all
	}
	const query = "encoder.layer.1.attention.self.query.weight"
	for _, x := range []struct {
		name   string
		change func(map[string]*tensor.Tensor)
		want   string
	}{
		{"whole", func(map[string]*tensor.Tensor) {}, ""},
		{"missing", func(all map[string]*tensor.Tensor) { delete(all, query) }, `the checkpoint has no tensor "` + query + `", which a model of type bert has; is the folder complete, and the one that its config.json describes?`},
		{"of another shape", func(all map[string]*tensor.Tensor) {
			all[query] = tensor.Must(tensor.New(tensor.Float32, 8, 4))
		}, `tensor "` + query + `" is [8,4], which is not what the sizes in config.json make it: 8 hidden, 16 in feed-forward layers, 30 ids, 512 positions`},
		{"of whole numbers", func(all map[string]*tensor.Tensor) {
			all[query] = tensor.Must(tensor.New(tensor.Int64, 8, 8))
		}, `tensor "` + query + `" in model.safetensors is of type I64, which weights cannot be; supported are F32, F16, BF16 and F64`},
	} {
		t.Run(x.name, func(t *testing.T) {
			all, dir := whole(), t.TempDir()
			x.change(all)
			f, err := os.Create(filepath.Join(dir, safetensors.WholeFile))
			if err == nil {
				err = safetensors.Write(f, &safetensors.File{Tensors: all})
			}
			if err == nil {
				err = f.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			folder, err := safetensors.OpenFolder(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer folder.Close()
			got := ""
			if err := c.Check(folder, shapes(c)); err != nil {
				got = err.Error()
			}
			if got != x.want {
				t.Errorf("got  %s\nwant %s", got, x.want)
			}
		})
	}
}

// FuzzConfig: no file makes reading panic, and what is accepted can be built.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(least))
	f.Add([]byte(`{"model_type": "distilbert", "vocab_size": 9, "dim": 4, "n_layers": 1, "n_heads": 2, "hidden_dim": 3}`))
	f.Add([]byte(`{"model_type": "xlm-roberta", "vocab_size": 9, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 3, "pad_token_id": 2}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := ParseConfig(content)
		if err != nil {
			return
		}
		if c.Longest() < 1 || c.Hidden%c.Heads != 0 || c.Padding >= c.Vocabulary {
			t.Errorf("%+v was accepted", c)
		}
	})
}
