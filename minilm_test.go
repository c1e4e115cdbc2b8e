package espalier_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier"
	"espalier/examples/demo"
	"espalier/export"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/tensor"
)

// miniLM is MiniLM under the heads of the demonstration, which start at random, and its
// parameters.
func miniLM(t *testing.T, set ...string) (*espalier.Run, map[string]*tensor.Tensor, string) {
	t.Helper()
	folder := os.Getenv("ESPALIER_MINILM")
	if folder == "" {
		t.Skip("ESPALIER_MINILM names no folder of MiniLM; `make go-test` installs it")
	}
	root := t.TempDir()
	for _, name := range []string{"train.conll", "valid.conll", "test.conll"} {
		content, err := demo.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set = append([]string{"data.root=" + root, "inputs.text={type: text}", "trunk={type: pretrained, path: " + folder + "}"}, set...)
	r := demoRecipe(t, set...)
	r.FS = nil // the folder of MiniLM is not in it
	run, err := espalier.Learn(r)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := run.Start(engines(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trainer.Close() })
	return run, trainer.Parameters(), folder
}

// exported writes a file of MiniLM.
func exported(t *testing.T, run *espalier.Run, values map[string]*tensor.Tensor, o export.Options) string {
	t.Helper()
	m, err := export.Model(run.Model, values, run.Vocabulary, o)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := export.Write(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}

// sentences are texts of several lengths; the first three speak of one thing, the next
// two of another.
var sentences = []string{
	"The cat sat on the mat.", "A kitten is sitting on a rug.", "A cat lies on the carpet while it rains in the street.",
	"Shares of the bank fell by three percent.", "The bank's stock price dropped sharply on Monday.",
	"", "naïve café, Zürich: 12.5 % of don't-know's", "東京 is big",
}

func predicted(t *testing.T, path string, o predict.Options) []predict.Prediction {
	t.Helper()
	p, err := predict.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	answers, err := p.Predict(context.Background(), sentences...)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// TestTransformersNamesTakeTheTokenizersOwnOutput: what Hugging Face's tokenizers return
// for texts goes into the file as it is, under the names that other tools expect, and
// gives the probabilities of package predict, on whose side no Python stands. Predict runs
// such a file as one of ids alone.
func TestTransformersNamesTakeTheTokenizersOwnOutput(t *testing.T) {
	run, values, folder := miniLM(t)
	path := exported(t, run, values, export.Options{Names: export.NamesTransformers})
	const program = `
import json, sys, numpy as np, onnxruntime as ort, tokenizers
tokenizer = tokenizers.Tokenizer.from_file(sys.argv[2] + "/tokenizer.json")
tokenizer.enable_padding()
tokenizer.no_truncation()
batch = tokenizer.encode_batch(json.load(sys.stdin))
feed = {
    "input_ids": np.array([e.ids for e in batch]),
    "attention_mask": np.array([e.attention_mask for e in batch]),
    "token_type_ids": np.array([e.type_ids for e in batch]),
}
session = ort.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
outputs = session.run(None, feed)
print(json.dumps({o.name: x.tolist() for o, x in zip(session.get_outputs(), outputs) if o.name.endswith("_probabilities") and x.ndim == 2}))
`
	var python map[string][][]float32
	runPython(t, "ESPALIER_PYTHON", program, sentences, &python, path, folder)
	all := engines(t)
	want := predicted(t, exported(t, run, values, export.Options{}), predict.Options{Engine: all[0]})
	for _, e := range all {
		got := predicted(t, path, predict.Options{Engine: e})
		if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-5), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("predictions on %s: %s", e.Name(), diff)
		}
	}
	compared := 0
	for i := range want {
		for _, a := range want[i].Tasks {
			rows := python[schema.OutputName(a.Task, schema.Probabilities)]
			if len(rows) == 0 || sentences[i] == "" { // of no text only [CLS] and [SEP] are read
				continue
			}
			for label, p := range rows[i] {
				if got := a.Probabilities[label]; math.Abs(float64(got-p)) > 1e-5 {
					t.Errorf("%q, %s, label %d: %v here, %v from the tokenizer's output", sentences[i], a.Task, label, got, p)
				}
				compared++
			}
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

// runPython runs a program with a value as JSON on its input and decodes what it prints.
func runPython(t *testing.T, variable, program string, in, out any, args ...string) {
	t.Helper()
	python := os.Getenv(variable)
	if python == "" {
		t.Skipf("%s names no Python; `make go-test` installs one", variable)
	}
	content, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, append([]string{"-c", program}, args...)...)
	cmd.Stdin = strings.NewReader(string(content))
	var failed strings.Builder
	cmd.Stderr = &failed
	printed, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, failed.String())
	}
	if err := json.Unmarshal(printed, out); err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
}

// TestEmbeddingsAreThoseOfSentenceTransformers: the mean of PyTorch's hidden states over
// tokens, divided by its length, which is what MiniLM's folder says of itself. Sentences
// of one thing are nearer to each other than to those of another. A file that has the
// output gives the same predictions, and embeddings only to those who ask.
func TestEmbeddingsAreThoseOfSentenceTransformers(t *testing.T) {
	run, values, folder := miniLM(t)
	path := exported(t, run, values, export.Options{Embeddings: true})
	const program = `
import json, sys, torch, transformers
tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
model = transformers.AutoModel.from_pretrained(sys.argv[1]).eval()
batch = tokenizer(json.load(sys.stdin), padding=True, return_tensors="pt")
with torch.no_grad():
    states = model(**batch).last_hidden_state
mask = batch["attention_mask"].unsqueeze(-1).float()
mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
print(json.dumps(torch.nn.functional.normalize(mean, dim=1).tolist()))
`
	var want [][]float64
	runPython(t, "ESPALIER_PYTHON_TORCH", program, sentences, &want, folder)
	all := engines(t)
	plain := predicted(t, path, predict.Options{Engine: all[0]})
	for _, e := range all {
		got := predicted(t, path, predict.Options{Engine: e, Embeddings: true})
		far := 0.0
		for i := range got {
			for j, x := range got[i].Embedding {
				if sentences[i] != "" {
					far = max(far, math.Abs(float64(x)-want[i][j]))
				}
			}
			if len(got[i].Embedding) != 384 || plain[i].Embedding != nil {
				t.Errorf("%s: embedding %d has %d numbers, and %d where none is asked for", e.Name(), i, len(got[i].Embedding), len(plain[i].Embedding))
			}
		}
		t.Logf("%s: %.1e from sentence-transformers' recipe", e.Name(), far)
		if !(far <= 1e-5) {
			t.Errorf("%s: embeddings are %v from PyTorch's", e.Name(), far)
		}
		for i := range 5 {
			for j := range i {
				if c := cosine(got[i].Embedding, got[j].Embedding); (c > 0.35) != (i < 3 == (j < 3)) {
					t.Errorf("%s: %q and %q have cosine %v", e.Name(), sentences[i], sentences[j], c)
				}
			}
		}
		for i := range got {
			got[i].Embedding = nil
		}
		if diff := cmp.Diff(plain, got, cmpopts.EquateApprox(0, 1e-5), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("predictions beside embeddings on %s: %s", e.Name(), diff)
		}
	}
	_, err := predict.Open(exported(t, run, values, export.Options{}), predict.Options{Engine: all[0], Embeddings: true})
	if err == nil || !strings.HasSuffix(err.Error(), "predict: the file has no output of embeddings; export it with --embeddings") {
		t.Errorf("got %v", err)
	}
}

func cosine(a, b []float32) float64 {
	dot := 0.0
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
	}
	return dot // both have length 1
}
