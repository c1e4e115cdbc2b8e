package export_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	binding "github.com/yalue/onnxruntime_go"

	"espalier/export"
	"espalier/export/verify"
	"espalier/models"
	"espalier/onnx"
	"espalier/pretrained"
	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
	"espalier/text"
)

// encoderFixture is a small BERT with random weights under the two heads of the fixture.
func encoderFixture(t testing.TB, o setting.Values) (*models.Model, map[string]*tensor.Tensor, *text.Vocabulary) {
	t.Helper()
	c, err := pretrained.ParseConfig([]byte(`{"model_type": "bert", "vocab_size": 22, "hidden_size": 8, "num_hidden_layers": 3,
		"num_attention_heads": 2, "intermediate_size": 12, "max_position_embeddings": 64}`))
	if err != nil {
		t.Fatal(err)
	}
	m, values, words := fixtureOf(t, models.TrunkConfig{Type: models.PretrainedTrunk, Path: "encoder", Pretrained: c, Options: o})
	shake(values)
	return m, values, words
}

// encoderOf is the same encoder under so many tasks that choose one of two labels.
func encoderOf(t testing.TB, tasks int) (*models.Model, map[string]*tensor.Tensor, *text.Vocabulary) {
	t.Helper()
	m, _, words := encoderFixture(t, nil)
	s := *m.Schema()
	s.Tasks = nil
	for i := range tasks {
		s.Tasks = append(s.Tasks, schema.Task{Name: fmt.Sprint("task", i), Type: schema.Classification, Labels: []string{"a", "b"}})
	}
	m, err := models.NewText(&s, models.Config{Trunk: m.Config().Trunk})
	if err != nil {
		t.Fatal(err)
	}
	return m, parametersOf(t, m), words
}

// shake moves parameters from where they start: changes start at 0, which would hide them.
func shake(values map[string]*tensor.Tensor) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		x := values[name].Float32s()
		for i := range x {
			x[i] += float32(0.3 * r.NormFloat64())
		}
	}
}

// written writes the files of an export and returns their paths, the model's first.
func written(t testing.TB, m *models.Model, values map[string]*tensor.Tensor, words *text.Vocabulary, o export.Options) []string {
	t.Helper()
	file, adapters, err := export.Files(m, values, words, o)
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{filepath.Join(t.TempDir(), "m.onnx")}
	if err := export.Write(paths[0], file); err != nil {
		t.Fatal(err)
	}
	for _, a := range adapters {
		at := a.AdapterPath(paths[0])
		if err := export.WriteAdapter(at, a.Content); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, at)
	}
	return paths
}

func everyTarget(own int) setting.Values {
	return setting.Values{"tune": "lora", "targets": pretrained.Projections(), "rank": 2, "alpha": 3.0, "own_layers": own}
}

// withoutAdapters fails for a file that has nodes or parameters of adapters.
func withoutAdapters(t *testing.T, path string, same int) {
	t.Helper()
	m := decoded(t, path)
	for _, i := range m.Graph.Initializers {
		if strings.Contains(i.Name, "lora") {
			t.Errorf("%s is in the file", i.Name)
		}
	}
	if n := len(m.Graph.Nodes); n != same {
		t.Errorf("%d nodes; the same encoder that never had adapters has %d", n, same)
	}
}

func decoded(t testing.TB, path string) *onnx.Model {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Decode(data, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLowRankChangesMergedOrInFilesAnswerAsTrained: for changes that tasks share and for
// those of one task each, answers of a file with merged weights and of one with files of
// adapters are those of the graph that was trained, on both engines.
func TestLowRankChangesMergedOrInFilesAnswerAsTrained(t *testing.T) {
	both := bothEngines(t)
	for _, own := range []int{0, 2, 3} {
		m, values, words := encoderFixture(t, everyTarget(own))
		kept := written(t, m, values, words, export.Options{Adapters: export.AdaptersKept})[0]
		reference, err := both[1].OpenFile(kept, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		trained := func(ctx context.Context, in []runtime.Named) ([]runtime.Named, error) {
			out := []runtime.Named{}
			for _, o := range reference.Outputs() {
				out = append(out, runtime.Named{Name: o.Name})
			}
			return out, reference.Run(ctx, in, out)
		}
		merged := written(t, m, values, words, export.Options{})
		files := written(t, m, values, words, export.Options{Adapters: export.AdaptersFiles})
		if want := map[int]int{0: 2, 2: 4, 3: 3}[own]; len(files) != want {
			t.Errorf("own %d: files are %v, want %d", own, files, want)
		}
		for _, paths := range [][]string{merged, files} {
			report, err := verify.File(context.Background(), paths[0], verify.Options{Engines: both, Reference: trained, Adapters: paths[1:]})
			if err != nil || !report.OK() || len(report.Engines) != 2 {
				t.Errorf("own %d: verification of %v: %v\n%v", own, paths, err, report)
			}
		}
		if own == 0 {
			plain, plainValues, _ := encoderFixture(t, nil)
			withoutAdapters(t, merged[0], len(decoded(t, written(t, plain, plainValues, words, export.Options{})[0]).Graph.Nodes))
		}
		want := answersOf(t, kept, both[1])
		for _, e := range both {
			answers := answersWith(t, files[0], e, files[1:])
			if diff := cmp.Diff(want, answers, cmpopts.EquateApprox(0, 1e-5), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("own %d: predictions with adapters on %s: %s", own, e.Name(), diff)
			}
			if cmp.Equal(answers, answersWith(t, files[0], e, nil), cmpopts.EquateApprox(0, 1e-3), cmpopts.EquateEmpty()) {
				t.Errorf("own %d: the file gives the same answers without its adapters", own)
			}
		}
		accepts(t, []string{kept, merged[0], files[0]})
	}
}

func answersWith(t *testing.T, path string, e runtime.Engine, adapters []string) []predict.Prediction {
	t.Helper()
	p, err := predict.Open(path, predict.Options{Engine: e, Adapters: adapters})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	answers, err := p.Predict(context.Background(), optionTexts...)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// TestONNXRuntimeActivatesOurAdapters: ONNX Runtime's own reader knows every parameter of
// our files, and runs with them as active adapters answer as the merged file, in Python
// and in Go; without them they answer as the trunk without changes.
func TestONNXRuntimeActivatesOurAdapters(t *testing.T) {
	both := bothEngines(t)
	m, values, words := encoderFixture(t, everyTarget(1))
	merged := written(t, m, values, words, export.Options{})[0]
	files := written(t, m, values, words, export.Options{Adapters: export.AdaptersFiles})
	ids := []int64{2, 3, 4, 5, 6, 7, 0, 0}
	want := probabilities(t, both[0], merged, ids)

	const program = `
import json, sys, numpy as np, onnxruntime as ort
model, adapters = sys.argv[1], sys.argv[2:]
ids = np.array([[2, 3, 4, 5], [6, 7, 0, 0]], np.int64)
quiet = ort.SessionOptions()
quiet.log_severity_level = 3 # it warns of inputs with a default
session = ort.InferenceSession(model, quiet, providers=["CPUExecutionProvider"])
options, shapes, loaded = ort.RunOptions(), {}, []
for path in adapters:
    for name, value in ort.AdapterFormat.read_adapter(path).get_parameters().items():
        shapes[name] = value.shape()
    loaded.append(ort.LoraAdapter())
    loaded[-1].Load(path)
    options.add_active_adapter(loaded[-1])
run = lambda o: session.run(["topic_probabilities"], {"ids": ids}, o)[0].ravel().tolist()
print(json.dumps({"shapes": shapes, "with": run(options), "without": run(None), "inputs": [i.name for i in session.get_inputs()]}))
`
	out, err := exec.Command(os.Getenv("ESPALIER_PYTHON"), append([]string{"-c", program}, files...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var python struct {
		Shapes        map[string][]int64
		With, Without []float32
		Inputs        []string
	}
	if err := json.Unmarshal(out, &python); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	shapes := map[string][]int64{}
	for name, v := range values {
		if models.IsLowRank(name) {
			shapes[name] = v.Shape()
		}
	}
	if diff := cmp.Diff(shapes, python.Shapes); diff != "" {
		t.Errorf("ONNX Runtime reads other parameters: %s", diff)
	}
	if diff := cmp.Diff([]string{"ids"}, python.Inputs); diff != "" {
		t.Errorf("inputs that must be given: %s", diff)
	}
	near := cmpopts.EquateApprox(0, 1e-5)
	if diff := cmp.Diff(want, python.With, near); diff != "" {
		t.Errorf("Python, with adapters: %s", diff)
	}
	if diff := cmp.Diff(probabilities(t, both[0], files[0], ids), python.Without, near); diff != "" || cmp.Equal(want, python.Without, cmpopts.EquateApprox(0, 1e-3)) {
		t.Errorf("Python, without adapters: %s", diff)
	}
	if diff := cmp.Diff(want, activated(t, files, ids), near); diff != "" {
		t.Errorf("Go, with adapters: %s", diff)
	}
}

// probabilities are those of the topics of two texts of four tokens.
func probabilities(t *testing.T, e runtime.Engine, path string, ids []int64) []float32 {
	t.Helper()
	s, err := e.OpenFile(path, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := []runtime.Named{{Name: "topic_probabilities"}}
	in := []runtime.Named{{Name: models.IDs, Tensor: tensor.Must(tensor.Of(ids, 2, 4))}}
	if err := s.Run(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	return out[0].Tensor.Float32s()
}

// activated are probabilities by the binding's own session, with active adapters.
func activated(t *testing.T, files []string, ids []int64) []float32 {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in, err := binding.NewTensor(binding.NewShape(2, 4), ids)
	must(err)
	defer in.Destroy()
	out, err := binding.NewEmptyTensor[float32](binding.NewShape(2, 3))
	must(err)
	defer out.Destroy()
	s, err := binding.NewAdvancedSession(files[0], []string{models.IDs}, []string{"topic_probabilities"}, []binding.Value{in}, []binding.Value{out}, nil)
	must(err)
	defer s.Destroy()
	o, err := binding.NewRunOptions()
	must(err)
	defer o.Destroy()
	for _, path := range files[1:] {
		a, err := binding.NewLoraAdapter(path)
		must(err)
		defer a.Destroy()
		must(o.AddActiveLoraAdapter(a))
	}
	must(s.RunWithOptions(o))
	return append([]float32{}, out.GetData()...)
}

func TestAdaptersThatDoNotFit(t *testing.T) {
	m, values, words := encoderFixture(t, nil)
	_, err := export.Model(m, values, words, export.Options{Adapters: "files"})
	if err == nil || err.Error() != "export: there is nothing to put into files of adapters: the model has no low-rank changes (tune: lora) of a pretrained trunk's weights" {
		t.Errorf("got %v", err)
	}
	if _, err = export.Model(m, values, words, export.Options{Adapters: "drop"}); err == nil || err.Error() != `export: adapters "drop" are not one of merge, keep, files` {
		t.Errorf("got %v", err)
	}
	lora, loraValues, _ := encoderFixture(t, everyTarget(0))
	files := written(t, lora, loraValues, words, export.Options{Adapters: export.AdaptersFiles})
	merged := written(t, lora, loraValues, words, export.Options{})
	_, err = predict.Open(merged[0], predict.Options{Engine: bothEngines(t)[1], Adapters: files[1:]})
	if err == nil || !strings.Contains(err.Error(), `the adapter has a parameter "trunk/layer_0/lora/`) || !strings.Contains(err.Error(), "it belongs to another model, or the model was exported with its adapters merged") {
		t.Errorf("got %v", err)
	}
	other := everyTarget(0)
	other["targets"] = []string{"intermediate"}
	wide, wideValues, _ := encoderFixture(t, other)
	for name, v := range wideValues {
		if strings.HasSuffix(name, "lora/intermediate/up/weight") {
			wideValues[name] = tensor.Must(tensor.Of(v.Float32s()[:2*11], 2, 11))
		}
	}
	if _, err := export.Model(wide, wideValues, words, export.Options{}); err == nil || !strings.Contains(err.Error(), "layer_0/feedforward_in/weight with their low-rank changes: the parameters have no trunk/layer_0/lora/intermediate/down/weight [8, rank] and trunk/layer_0/lora/intermediate/up/weight [rank, 12]") {
		t.Errorf("got %v", err)
	}
}
