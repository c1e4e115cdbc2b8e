package espalier_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier"
	"espalier/data"
	"espalier/models"
	"espalier/pretrained"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/safetensors"
	"espalier/tensor"
	"espalier/train"
	"espalier/train/balance"
	"espalier/train/sample"
)

// smallEncoder writes the folder of a BERT of two layers, with random weights, and
// returns its path and the weights.
func smallEncoder(t *testing.T) (dir string, weights map[string]*tensor.Tensor) {
	t.Helper()
	dir = t.TempDir()
	words := map[string]int{}
	for _, w := range strings.Fields("[PAD] [UNK] [CLS] [SEP] a b c d e ##a ##b ##c ##d ##e") {
		words[w] = len(words)
	}
	tokenizer, err := json.Marshal(map[string]any{
		"added_tokens": []map[string]any{
			{"id": 0, "content": "[PAD]", "special": true}, {"id": 2, "content": "[CLS]", "special": true}, {"id": 3, "content": "[SEP]", "special": true},
		},
		"normalizer":     map[string]any{"type": "BertNormalizer", "lowercase": true},
		"pre_tokenizer":  map[string]any{"type": "BertPreTokenizer"},
		"post_processor": map[string]any{"type": "BertProcessing", "sep": []any{"[SEP]", 3}, "cls": []any{"[CLS]", 2}},
		"model":          map[string]any{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "vocab": words},
	})
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`{"model_type": "bert", "vocab_size": %d, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
		"intermediate_size": 12, "max_position_embeddings": 16, "type_vocab_size": 2}`, len(words))
	of, err := pretrained.ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	weights = map[string]*tensor.Tensor{}
	r := rand.New(rand.NewPCG(5, 6))
	for _, w := range of.Weights() {
		for _, name := range w.Tensors {
			weights[name] = drawn(r, shapeOf(name, int64(len(words))))
		}
	}
	for name, content := range map[string][]byte{"config.json": []byte(config), "tokenizer.json": tokenizer} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, &safetensors.File{Tensors: weights}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "model.safetensors"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, weights
}

// shapeOf is the shape of a tensor of that BERT.
func shapeOf(name string, words int64) []int64 {
	switch {
	case strings.Contains(name, "word_embeddings"):
		return []int64{words, 8}
	case strings.Contains(name, "position_embeddings"):
		return []int64{16, 8}
	case strings.Contains(name, "token_type"):
		return []int64{2, 8}
	case strings.Contains(name, "LayerNorm"), strings.HasSuffix(name, ".bias") && !strings.Contains(name, "intermediate"):
		return []int64{8}
	case strings.HasSuffix(name, "intermediate.dense.bias"):
		return []int64{12}
	case strings.Contains(name, "intermediate"):
		return []int64{12, 8}
	case strings.Contains(name, "attention"), strings.Contains(name, "pooler"), strings.Contains(name, "project"):
		return []int64{8, 8}
	}
	return []int64{8, 12}
}

func drawn(r *rand.Rand, shape []int64) *tensor.Tensor {
	x := tensor.Must(tensor.New(tensor.Float32, shape...))
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(0.3 * r.NormFloat64())
	}
	return x
}

// encoderRecipe trains two tasks of texts and one of words on it.
func encoderRecipe(t *testing.T, dir string, set ...string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Parse("encoder.yaml", []byte(fmt.Sprintf(`
data:
  root: %q
  train: {format: tsv, file: d.tsv}
  valid: {format: tsv, file: d.tsv}
inputs: {text: {type: text}}
trunk: {type: pretrained, path: %q, dropout: 0, attention_dropout: 0}
tasks:
  topic: {type: classification}
  mood: {type: classification}
  tags: {type: tagging, scheme: bio}
train: {epochs: 1, epoch_steps: 3, batch: 8, optimizer: {lr: 0.01}}
`, dir, dir)))
	if err != nil {
		t.Fatal(err)
	}
	if r, err = r.With(set...); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("text\ttopic\tmood\ttags\n")
	d := rand.New(rand.NewPCG(1, 2))
	for range 24 {
		words, tags := make([]string, 1+d.IntN(5)), make([]string, 0)
		for i := range words {
			words[i] = strings.Repeat(string(rune('a'+d.IntN(5))), 1+d.IntN(2))
			tags = append(tags, []string{"O", "B-x"}[d.IntN(2)])
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", strings.Join(words, " "), words[0][:1], []string{"low", "high"}[len(words)%2], strings.Join(tags, " "))
	}
	if err := os.WriteFile(filepath.Join(dir, "d.tsv"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return r
}

// tunes are the ways to tune an encoder whose parameters differ most.
var tunes = []string{"all", "lora", "none"}

// TestEverySharingStructureOnAnEncoder: each begins with the folder's weights, in every
// copy, takes steps with finite losses, changes what is to learn and nothing else, and
// its file is the trainer's model.
func TestEverySharingStructureOnAnEncoder(t *testing.T) {
	engine := engines(t)[0]
	dir, weights := smallEncoder(t)
	for _, structure := range models.Structures() {
		for _, tune := range tunes {
			t.Run(structure.Name+", "+tune, func(t *testing.T) {
				set := []string{"trunk.tune=" + tune, "sharing.method=" + structure.Name}
				if structure.Copies && tune == "none" {
					_, err := encoderRecipe(t, dir).With(set...)
					if err == nil || !strings.Contains(err.Error(), "which gives tasks encoders of their own, but with tune none these stay alike") {
						t.Errorf("got %v", err)
					}
					return
				}
				r := encoderRecipe(t, dir, set...)
				run, err := espalier.Learn(r)
				if err != nil {
					t.Fatal(err)
				}
				trainer, err := run.Start(engine)
				if err != nil {
					t.Fatal(err)
				}
				copies := fromFolder(t, trainer.Parameters(), weights)
				if want := map[string]int{"soft": 3, "cross_stitch": 3, "adversarial": 4}[structure.Name]; copies != max(want, 1) {
					t.Errorf("there are %d copies of the encoder", copies)
				}
				before := map[string][]float32{}
				for name, x := range trainer.Parameters() {
					before[name] = slices.Clone(x.Float32s())
				}
				if err := trainer.Close(); err != nil {
					t.Fatal(err)
				}
				var log []string
				out := filepath.Join(t.TempDir(), "run")
				trained, outcome, err := espalier.Train(context.Background(), r, out, espalier.Options{
					Engine: engine, Log: func(f string, args ...any) { log = append(log, fmt.Sprintf(f, args...)) },
				})
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range outcome.Valid {
					if math.IsNaN(s.Loss) || math.IsInf(s.Loss, 0) {
						t.Errorf("the loss of %s is %v", s.Task, s.Loss)
					}
				}
				after, err := trained.Parameters()
				if err != nil {
					t.Fatal(err)
				}
				frozenKeep(t, tune, before, after)
				if said := strings.Contains(strings.Join(log, "\n"), fmt.Sprintf("sharing method %s has the encoder %d times", structure.Name, copies)); said != (copies > 1) {
					t.Errorf("%d copies, and the log says:\n%s", copies, strings.Join(log, "\n"))
				}
				if _, err := trained.Export(context.Background(), filepath.Join(t.TempDir(), "m.onnx"), espalier.ExportOptions{Engines: []runtime.Engine{engine}}); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// fromFolder holds the normalisation behind every first layer against the folder, and
// counts them.
func fromFolder(t *testing.T, values, weights map[string]*tensor.Tensor) int {
	t.Helper()
	copies := 0
	for name, x := range values {
		if !strings.HasSuffix(name, "layer_0/attention_norm/scale") {
			continue
		}
		copies++
		if !slices.Equal(x.Float32s(), weights["encoder.layer.0.attention.output.LayerNorm.weight"].Float32s()) {
			t.Errorf("%s is not the folder's", name)
		}
	}
	if !slices.Equal(values["trunk/embedding/table"].Float32s(), weights["embeddings.word_embeddings.weight"].Float32s()) {
		t.Error("the word embeddings are not the folder's")
	}
	return copies
}

// frozenKeep checks that of an encoder whose weights do not learn none has changed, and
// that adapters and heads have.
func frozenKeep(t *testing.T, tune string, before map[string][]float32, after map[string]*tensor.Tensor) {
	t.Helper()
	adapters, heads := 0, 0
	for name, x := range after {
		changed := !slices.Equal(before[name], x.Float32s())
		adapter := strings.Contains(name, "/lora/")
		weight := strings.Contains(name, "layer_") && !adapter || strings.HasPrefix(name, "trunk/embedding/")
		switch {
		case weight && changed && tune != "all":
			t.Errorf("%s is frozen and has changed", name)
		case adapter && changed:
			adapters++
		case strings.HasSuffix(name, "logits/weight") && changed:
			heads++
		}
	}
	if heads == 0 || (adapters > 0) != (tune == "lora") {
		t.Errorf("%d heads and %d adapters have learned", heads, adapters)
	}
}

// TestWhatTasksReadOfLayersIsForHardSharing says why.
func TestWhatTasksReadOfLayersIsForHardSharing(t *testing.T) {
	dir, _ := smallEncoder(t)
	for _, c := range [][]string{
		{"trunk.mix=true", "is mmoe, but with mix tasks read the trunk's layers; it is for method hard"},
		{"trunk.own_layers=1", "is mmoe, but own_layers gives tasks layers of their own; it is for method hard"},
	} {
		_, err := encoderRecipe(t, dir, "trunk.tune=lora").With("trunk.tune=lora", "sharing.method=mmoe", c[0])
		if err == nil || !strings.HasSuffix(err.Error(), "sharing.method "+c[1]) {
			t.Errorf("got %v", err)
		}
	}
}

// TestEveryBalancerAndSamplerOnAnEncoder: each takes steps that leave all numbers
// finite, at parameters and at the representation; what is frozen keeps its bits.
func TestEveryBalancerAndSamplerOnAnEncoder(t *testing.T) {
	engine := engines(t)[0]
	dir, _ := smallEncoder(t)
	for _, tune := range []string{"all", "lora"} {
		for _, m := range balance.Methods() {
			for _, at := range []string{"parameters", "representation"} {
				set := []string{"trunk.tune=" + tune, "train.balance.method=" + m.Name}
				if at == "representation" {
					set = append(set, "train.balance.at=representation")
					if _, err := encoderRecipe(t, dir).With(set...); err != nil {
						continue // it reads no gradients, or remembers them
					}
				}
				t.Run(fmt.Sprintf("%s, %s at %s", tune, m.Name, at), func(t *testing.T) { takesSteps(t, engine, dir, tune, set) })
			}
		}
	}
	for _, name := range sample.Methods() {
		set := []string{"train.epoch_steps=0", "train.sampling.method=" + name}
		switch name {
		case "cap":
			set = append(set, "train.sampling.cap=10")
		case "temperature":
			set = append(set, "train.sampling.temperature=2")
		case "weights":
			set = append(set, "train.sampling.weights={tags: 2}")
		}
		t.Run("sampler "+name, func(t *testing.T) { takesSteps(t, engine, dir, "lora", append(set, "trunk.tune=lora")) })
	}
}

// takesSteps trains an epoch.
func takesSteps(t *testing.T, engine runtime.Engine, dir, tune string, set []string) {
	t.Helper()
	r := encoderRecipe(t, dir, set...)
	run, err := espalier.Learn(r)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := run.Start(engine)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	before := map[string][]float32{}
	for name, x := range trainer.Parameters() {
		before[name] = slices.Clone(x.Float32s())
	}
	var d *data.Dataset
	if d, err = run.Data("train", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := trainer.Fit(context.Background(), d, d, train.Hooks{}); err != nil {
		t.Fatal(err)
	}
	for name, x := range trainer.Parameters() {
		for _, v := range x.Float32s() {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Fatalf("%s has %v", name, v)
			}
		}
	}
	frozenKeep(t, tune, before, trainer.Parameters())
}

// TestLayersThatTasksReadOfAnEncoder train and are exported with every part of it that
// learns or is kept.
func TestLayersThatTasksReadOfAnEncoder(t *testing.T) {
	engine := engines(t)[0]
	dir, _ := smallEncoder(t)
	for _, set := range [][]string{
		{"trunk.tune=none", "tasks.tags.layer=1", "tasks.tags.crf=true"},
		{"trunk.tune=none", "trunk.mix=true"},
		{"trunk.tune=top", "trunk.top=1", "tasks.tags.layer=1"},
		{"trunk.tune=lora", "trunk.own_layers=1", "tasks.tags.layer=1"},
		{"trunk.tune=none", "tasks.tags.layer=1", "tasks.topic.layer=1", "tasks.mood.layer=1"},
	} {
		run, _, err := espalier.Train(context.Background(), encoderRecipe(t, dir, set...), filepath.Join(t.TempDir(), "r"), espalier.Options{Engine: engine})
		if err != nil {
			t.Fatal(set, err)
		}
		if _, err := run.Export(context.Background(), filepath.Join(t.TempDir(), "m.onnx"), espalier.ExportOptions{Engines: []runtime.Engine{engine}}); err != nil {
			t.Error(set, err)
		}
	}
}
