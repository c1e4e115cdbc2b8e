package export_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/export"
	"espalier/export/verify"
	"espalier/models"
	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
	"espalier/text"
)

// TestOtherNamesAndEmbeddingsAnswerTheSame: names, embeddings and other options together,
// for a trunk of ours, which has no token types, and for an encoder, which has.
func TestOtherNamesAndEmbeddingsAnswerTheSame(t *testing.T) {
	both := bothEngines(t)
	m, values, words := fixture(t)
	encoder, encoderValues, encoderWords := encoderFixture(t, nil)
	var files []string
	for _, c := range []struct {
		model  *models.Model
		values map[string]*tensor.Tensor
		inputs []string
		o      export.Options
	}{
		{m, values, []string{"input_ids", "attention_mask"}, export.Options{Names: "transformers", Labels: "strings", Embeddings: true}},
		{encoder, encoderValues, []string{"input_ids", "attention_mask", "token_type_ids"}, export.Options{Names: "transformers", Embeddings: true, Batch: 2, Length: 9}},
		{encoder, encoderValues, []string{"ids"}, export.Options{Names: "espalier", Embeddings: true, Opset: 21}},
	} {
		w := words
		if c.model == encoder {
			w = encoderWords
		}
		plain := written(t, c.model, c.values, w, export.Options{})[0]
		path := written(t, c.model, c.values, w, c.o)[0]
		files = append(files, path)
		var inputs []string
		for _, in := range decoded(t, path).Graph.Inputs {
			inputs = append(inputs, in.Name)
		}
		if diff := cmp.Diff(c.inputs, inputs); diff != "" {
			t.Errorf("inputs: %s", diff)
		}
		want := answersOf(t, plain, both[1])
		for _, e := range both {
			if diff := cmp.Diff(want, answersOf(t, path, e), cmpopts.EquateApprox(0, 1e-5), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%v on %s: %s", c.inputs, e.Name(), diff)
			}
			p, err := predict.Open(path, predict.Options{Engine: e, Tasks: []string{"topic"}, Embeddings: true})
			if err != nil {
				t.Fatal(err)
			}
			answers, err := p.Predict(context.Background(), optionTexts...)
			if err != nil {
				t.Fatal(err)
			}
			if size := p.Schema().Embeddings.Size; len(answers[0].Embedding) != size || len(p.Session().Outputs()) != 3 {
				t.Errorf("an embedding has %d numbers of %d, the session %d outputs", len(answers[0].Embedding), size, len(p.Session().Outputs()))
			}
			p.Close()
		}
		report, err := verify.File(context.Background(), path, verify.Options{Engines: both})
		if err != nil || !report.OK() || report.Outputs[len(report.Outputs)-1].Name != schema.EmbeddingsTensor {
			t.Errorf("verification: %v\n%v", err, report)
		}
	}
	accepts(t, files)
}

func failed(m *models.Model, values map[string]*tensor.Tensor, words *text.Vocabulary, o export.Options) error {
	_, err := export.Model(m, values, words, o)
	return err
}

func TestNamesAndEmbeddingsThatCannotBe(t *testing.T) {
	m, values, words := fixture(t)
	own, ownValues, ownWords := encoderFixture(t, setting.Values{"tune": "lora", "own_layers": 1})
	table, tableValues := tableFixture(t)
	for _, c := range []struct {
		err  error
		want string
	}{
		{failed(m, values, words, export.Options{Names: "optimum"}), `export: names "optimum" are not one of espalier, transformers`},
		{failed(m, values, words, export.Options{Names: "transformers", Input: "text"}), "export: a file that reads raw text has no ids whose names could be those of transformers; use --input ids"},
		{failed(table, tableValues, nil, export.Options{Names: "transformers"}), "export: the names of transformers are those of a text; the model reads a table"},
		{failed(table, tableValues, nil, export.Options{Embeddings: true}), "export: models: embeddings are of texts; the model reads a table"},
		{failed(own, ownValues, ownWords, export.Options{Embeddings: true}), "export: models: a text has no one embedding where tasks have trunks or upper layers of their own (trunk.own_layers, sharing)"},
	} {
		if c.err == nil || !strings.HasPrefix(c.err.Error(), c.want) {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
}

// TestTheTrunkStandsOnceForAllHeads: every task adds the one product of its head, and the
// encoder's are there once, whatever the number of tasks.
func TestTheTrunkStandsOnceForAllHeads(t *testing.T) {
	products := func(tasks int) (n int) {
		m, values, words := encoderOf(t, tasks)
		file, err := export.Model(m, values, words, export.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range file.Graph.Nodes {
			if node.OpType == "MatMul" || node.OpType == "Gemm" {
				n++
			}
		}
		return n
	}
	// Each of 3 layers multiplies by 4 matrices, and scores and mixes in attention; the
	// mean over tokens is a product, too.
	const trunk = 3*(4+2) + 1
	for _, tasks := range []int{1, 3, 6, 12} {
		if got, want := products(tasks), trunk+tasks; got != want {
			t.Errorf("%d tasks: %d products, want %d", tasks, got, want)
		}
	}
}

// TestONNXRuntimeFusesTheEncoder: of GELU and of layer normalisation one operator each is
// left of the graph that ONNX Runtime runs, every dense layer is one product with its
// bias, and the product of queries and keys takes the transposition and the scale in.
func TestONNXRuntimeFusesTheEncoder(t *testing.T) {
	m, values, words := encoderFixture(t, nil)
	path, cache := written(t, m, values, words, export.Options{})[0], t.TempDir()
	s, err := bothEngines(t)[0].OpenFile(path, runtime.Options{Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	optimized, err := filepath.Glob(filepath.Join(cache, "*"))
	if err != nil || len(optimized) != 1 {
		t.Fatalf("%v, %v", optimized, err)
	}
	got := map[string]int{}
	for _, n := range decoded(t, optimized[0]).Graph.Nodes {
		got[n.OpType]++
	}
	const layers, heads = 3, 2
	for op, want := range map[string]int{
		"Gelu": layers, "Erf": 0, "LayerNormalization": 2*layers + 1, "FusedMatMul": layers, "Gemm": 4*layers + heads,
		"MatMul": layers + 1, "Softmax": layers + heads,
	} {
		if got[op] != want {
			t.Errorf("%d of %s, want %d; the graph has %v", got[op], op, want, got)
		}
	}
}
