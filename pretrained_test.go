package espalier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier"
	"espalier/internal/smallencoder"
	"espalier/pretrained/peft"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/tensor"
	"espalier/train"
)

// writeEncoder writes the files of a small encoder into a folder.
func writeEncoder(t *testing.T, folder string) {
	t.Helper()
	if err := smallencoder.Write(folder, 1); err != nil {
		t.Fatal(err)
	}
}

// encoderData writes the folder of a small encoder and data for two tasks, and returns
// a recipe with settings of the trunk.
func encoderData(t *testing.T) (dir string, read func(trunk string, more ...string) *recipe.Recipe) {
	t.Helper()
	dir = t.TempDir()
	folder := filepath.Join(dir, "encoder")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	writeEncoder(t, folder)
	var text, tags, topic strings.Builder
	for i := range 120 {
		who := string(rune('a' + i%26))
		if i%2 == 0 {
			fmt.Fprintf(&text, "play the %s song , not a book\n", who)
			fmt.Fprintln(&tags, "O O B-name O O O O O")
			fmt.Fprintln(&topic, "music")
		} else {
			fmt.Fprintf(&text, "book a table for %s%s !\n", who, who)
			fmt.Fprintln(&tags, "O O O O B-name O")
			fmt.Fprintln(&topic, "food")
		}
	}
	for name, content := range map[string]*strings.Builder{"text": &text, "tags": &tags, "topic": &topic} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, func(trunk string, more ...string) *recipe.Recipe {
		t.Helper()
		r, err := recipe.Parse("r.yaml", []byte(fmt.Sprintf(`
data:
  root: %s
  train: {format: lines, files: {text: text, tags: tags, topic: topic}}
  test: {format: lines, files: {text: text, tags: tags, topic: topic}}
inputs:
  text: {type: text}
trunk: {type: pretrained, path: "%s"%s}
tasks:
  topic: {type: classification}
  tags: {type: tagging, scheme: bio}
train: {epochs: 2, batch: 16, optimizer: {lr: 0.01}}
`, dir, folder, trunk)))
		if err == nil {
			r, err = r.With(more...)
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// TestPretrainedTrunksFromRecipeToAnswers: whatever of the encoder learns, a run is
// trained, needs its folder no more, and its file answers as the trainer does.
func TestPretrainedTrunksFromRecipeToAnswers(t *testing.T) {
	all := engines(t)
	for _, trunk := range []string{
		"", ", tune: top, top: 1", ", tune: none", ", tune: lora, rank: 2", ", tune: lora, targets: [query, key, output, intermediate, feedforward], own_layers: 1",
		", tune: adapter, bottleneck: 4, own_layers: 2, adapter_dropout: 0.1", ", mix: true, pooling: first", ", pooling: pooler",
	} {
		t.Run(strings.TrimPrefix(trunk, ", "), func(t *testing.T) {
			dir, read := encoderData(t)
			run, outcome, err := espalier.Train(context.Background(), read(trunk), filepath.Join(dir, "run"), espalier.Options{Engine: all[0]})
			if err != nil {
				t.Fatal(err)
			}
			if s := outcome.Test; len(s) != 2 || math.IsNaN(s[0].Metrics["accuracy"]) {
				t.Errorf("test: %+v", s)
			}
			if err := os.RemoveAll(filepath.Join(dir, "encoder")); err != nil {
				t.Fatal(err)
			}
			if run, err = espalier.OpenRun(run.Dir); err != nil {
				t.Fatal(err)
			}
			if _, err := run.Export(context.Background(), filepath.Join(dir, "model.onnx"), espalier.ExportOptions{Engines: all}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPretrainedRunsResumeToTheSameBytes: a run that was stopped ends with the parameters
// of one that was not.
func TestPretrainedRunsResumeToTheSameBytes(t *testing.T) {
	e := engines(t)[0]
	dir, read := encoderData(t)
	r := read(", tune: lora, own_layers: 1, adapter_dropout: 0.2")
	whole, _, err := espalier.Train(context.Background(), r, filepath.Join(dir, "whole"), espalier.Options{Engine: e})
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	_, _, err = espalier.Train(context.Background(), r, filepath.Join(dir, "stopped"), espalier.Options{Engine: e, Hooks: train.Hooks{Epoch: func(train.Epoch) error { return stop }}})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	resumed, _, err := espalier.Train(context.Background(), r, filepath.Join(dir, "stopped"), espalier.Options{Engine: e, Resume: true})
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(whole.Dir, "parameters.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(resumed.Dir, "parameters.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the parameters differ")
	}
}

// TestAdaptersOfPEFT: what LoRA has learned is written for PEFT; another run can go on
// with it, or merge it, and both start with the answers of the first.
func TestAdaptersOfPEFT(t *testing.T) {
	e := engines(t)[0]
	dir, read := encoderData(t)
	r := read(", tune: lora, rank: 3, alpha: 6, targets: [query, key, value, output, intermediate, feedforward]")
	run, _, err := espalier.Train(context.Background(), r, filepath.Join(dir, "run"), espalier.Options{Engine: e})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "adapter")
	if err := run.WriteAdapter(out, ""); err != nil {
		t.Fatal(err)
	}
	values, err := run.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	want := probabilitiesOf(t, e, run, values)
	for _, trunk := range []string{", tune: lora, peft: " + out, ", tune: none, peft: " + out, ", peft: " + out} {
		again, err := espalier.Learn(read(trunk))
		if err != nil {
			t.Fatal(err)
		}
		tr, err := again.Start(e)
		if err != nil {
			t.Fatal(err)
		}
		start := tr.Parameters()
		for name, v := range values {
			if strings.HasPrefix(name, "head/") {
				copy(start[name].Float32s(), v.Float32s())
			}
		}
		got := probabilitiesOf(t, e, again, start)
		for name, x := range want {
			for i, w := range x {
				if math.Abs(float64(got[name][i]-w)) > 1e-5 {
					t.Fatalf("%s: %s[%d] is %v, the first run says %v", trunk, name, i, got[name][i], w)
				}
			}
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
	// One of another model is refused before anything is trained.
	a, err := peft.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	a.Targets = nil
	a.Modules["encoder.layer.7.attention.self.query"] = a.Modules["encoder.layer.0.attention.self.query"]
	if err := peft.Write(out, a); err != nil {
		t.Fatal(err)
	}
	_, err = espalier.Learn(read(", tune: none, peft: " + out))
	const refused = "trunk.peft cannot be used: the adapter is of another base model"
	if err == nil || !strings.Contains(err.Error(), refused) || !strings.Contains(err.Error(), "encoder.layer.7.attention.self.query") {
		t.Errorf("got %v, want %s", err, refused)
	}
	if err := run.WriteAdapter(out, "nobody"); err == nil || !strings.Contains(err.Error(), `there is no task "nobody"; there are [topic tags]`) {
		t.Error(err)
	}
}

// TestFoldersThatDoNotFit: what is wrong with an encoder's folder is an error before
// anything is trained or written.
func TestFoldersThatDoNotFit(t *testing.T) {
	e := engines(t)[0]
	for _, c := range []struct {
		name   string
		change func(folder string) error
		want   string
	}{
		{"no weights", func(f string) error { return os.Remove(filepath.Join(f, "model.safetensors")) }, "model.safetensors"},
		{"no tokenizer", func(f string) error { return os.Remove(filepath.Join(f, "tokenizer.json")) }, "tokenizer.json: no such file"},
		{"another size", func(f string) error {
			return edit(filepath.Join(f, "config.json"), `"intermediate_size": 24`, `"intermediate_size": 32`)
		}, "which is not what the sizes in config.json make it"},
		{"more layers", func(f string) error {
			return edit(filepath.Join(f, "config.json"), `"num_hidden_layers": 2`, `"num_hidden_layers": 3`)
		}, `the checkpoint has no tensor "encoder.layer.2.attention.self.query.weight"`},
		{"a tokenizer of another model", func(f string) error {
			return edit(filepath.Join(f, "tokenizer.json"), `"##z":`, `"other": 200, "##z":`)
		}, "the tokenizer has ids to 200, but the word embeddings"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, read := encoderData(t)
			r := read("")
			if err := c.change(filepath.Join(dir, "encoder")); err != nil {
				t.Fatal(err)
			}
			if fresh, err := r.With("train.epochs=1"); err == nil { // reads config.json anew
				r = fresh
			}
			_, _, err := espalier.Train(context.Background(), r, filepath.Join(dir, "run"), espalier.Options{Engine: e})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if _, err := os.Stat(filepath.Join(dir, "run")); err == nil {
				t.Error("a run was begun")
			}
		})
	}
}

// edit replaces a text in a file, which must have it.
func edit(path, from, to string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Contains(content, []byte(from)) {
		return fmt.Errorf("%s does not have %s", path, from)
	}
	return os.WriteFile(path, bytes.Replace(content, []byte(from), []byte(to), 1), 0o644)
}

// probabilitiesOf are a model's probabilities for a batch of ids, with parameters.
func probabilitiesOf(t *testing.T, e runtime.Engine, run *espalier.Run, values map[string]*tensor.Tensor) map[string][]float32 {
	t.Helper()
	tr, err := train.New(run.Model, e, run.Recipe.Training())
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if err := tr.SetParameters(values); err != nil {
		t.Fatal(err)
	}
	ids := tensor.Must(tensor.Of([]int64{2, 10, 11, 12, 20, 3, 2, 13, 15, 30, 3, 0}, 2, 6))
	out, err := tr.Answers(context.Background(), []runtime.Named{{Name: "ids", Tensor: ids}})
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string][]float32{}
	for _, o := range out {
		if strings.HasSuffix(o.Name, "_probabilities") {
			answers[o.Name] = o.Tensor.Float32s()
		}
	}
	return answers
}

// TestTheExampleOfAPretrainedTrunk: the recipe is read, and its model is built on the
// real encoder.
func TestTheExampleOfAPretrainedTrunk(t *testing.T) {
	folder := os.Getenv("ESPALIER_MINILM")
	if folder == "" {
		t.Skip("ESPALIER_MINILM names no model; `make env` installs one")
	}
	content, err := os.ReadFile("examples/pretrained/snips.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const path = ".env/minilm/model"
	if !bytes.Contains(content, []byte(path)) {
		t.Fatalf("the recipe does not name %s", path)
	}
	r, err := recipe.Parse("snips.yaml", bytes.Replace(content, []byte(path), []byte(folder), 1))
	if err != nil {
		t.Fatal(err)
	}
	if of := r.Trunk; of.Hidden != 384 || of.Layers != 6 || of.Longest() != 512 {
		t.Errorf("%+v", of)
	}
}
