//go:build cgo

package foreign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/tensor"
)

// folderVariable names the folder that make.py wrote.
const folderVariable = "ESPALIER_FOREIGN_DIR"

// The tolerances of every comparison with a framework's own answers.
const (
	relative = 1e-4
	absolute = 1e-5
)

// lacking lists the models that the pure-Go engine refuses, and the operators
// that it names.
var lacking = map[string][]string{
	"sklearn_svm":                {"ai.onnx.ml.SVMClassifier"},
	"sklearn_zipmap":             {"ai.onnx.ml.ZipMap"},
	"torch_embedding_bag_dynamo": {"ai.onnx.ConcatFromSequence", "ai.onnx.SequenceEmpty", "ai.onnx.SequenceInsert"},
}

// names are the models that make.py makes: one that is missing is a failure.
var names = []string{
	"keras_attention", "keras_conv", "keras_lstm", "keras_two_heads",
	"sklearn_boosted_classes", "sklearn_boosted_two", "sklearn_boosting", "sklearn_forest", "sklearn_forest_two", "sklearn_linear_svm", "sklearn_logistic",
	"sklearn_logistic_two", "sklearn_mlp", "sklearn_onehot", "sklearn_ridge", "sklearn_svm",
	"sklearn_tfidf", "sklearn_tfidf_lower", "sklearn_tree", "sklearn_zipmap",
	"torch_embedding_bag_dynamo", "torch_embedding_bag_script", "torch_gru_dynamo", "torch_gru_script", "torch_lstm_dynamo", "torch_lstm_script",
	"torch_text_cnn_dynamo", "torch_text_cnn_script", "torch_transformer_dynamo", "torch_transformer_script", "torch_two_heads_dynamo", "torch_two_heads_script",
}

// model is a file with what its framework answers.
type model struct {
	Name       string
	Exporter   string
	About      string
	NotATensor string `json:"not_a_tensor"`
	Runs       []struct{ Inputs, Outputs map[string]packed }

	path string
}

// packed is a tensor as make.py writes it.
type packed struct {
	DType string
	Shape []int64
	Data  json.RawMessage
}

func (p packed) tensor() (*tensor.Tensor, error) {
	switch p.DType {
	case "float32":
		return unpack[float32](p)
	case "float64":
		return unpack[float64](p)
	case "int32":
		return unpack[int32](p)
	case "int64":
		return unpack[int64](p)
	case "string":
		return unpack[string](p)
	}
	return nil, fmt.Errorf("no tensor is read from elements of type %q", p.DType)
}

// unpack reads elements; null is not a number.
func unpack[T tensor.Element](p packed) (*tensor.Tensor, error) {
	var data []*T
	if err := json.Unmarshal(p.Data, &data); err != nil {
		return nil, err
	}
	out := make([]T, len(data))
	for i, v := range data {
		if v != nil {
			out[i] = *v
		} else if f, ok := any(&out[i]).(*float32); ok {
			*f = float32(math.NaN())
		} else {
			return nil, fmt.Errorf("element %d is null", i)
		}
	}
	return tensor.Of(out, p.Shape...)
}

// folder returns the folder of the models.
func folder(t testing.TB) string {
	t.Helper()
	f := os.Getenv(folderVariable)
	if f == "" {
		t.Skipf("%s names no folder of models that other frameworks have exported: run `make foreign`, which needs PyTorch, Keras and scikit-learn and installs them", folderVariable)
	}
	return f
}

func read(t testing.TB, name string) *model {
	t.Helper()
	path := filepath.Join(folder(t), name)
	data, err := os.ReadFile(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	m := &model{path: path + ".onnx"}
	if err := json.Unmarshal(data, m); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

func engines(t testing.TB) map[string]runtime.Engine {
	t.Helper()
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]runtime.Engine{"ort": e, "gonum": gonum.New()}
}

// verdict is what became of a model on an engine; docs/interop.md shows it.
type verdict struct {
	Name     string  `json:"name"`
	Exporter string  `json:"exporter"`
	About    string  `json:"about"`
	Engine   string  `json:"engine"`
	Runs     bool    `json:"runs"`
	Reason   string  `json:"reason,omitempty"` // why not, or why not all of it
	Largest  float64 `json:"largest"`          // absolute difference from the framework
	Relative float64 `json:"relative"`         // the tolerances
	Absolute float64 `json:"absolute"`
}

// TestFrameworksAgree: every model gives what its framework gives, at each size,
// on each engine that has its operators; the pure-Go engine refuses the others
// before it runs anything.
func TestFrameworksAgree(t *testing.T) {
	root := folder(t)
	files, err := filepath.Glob(filepath.Join(root, "*.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		found = append(found, strings.TrimSuffix(filepath.Base(f), ".onnx"))
	}
	if diff := cmp.Diff(names, found); diff != "" {
		t.Fatalf("the models in %s are not those expected (-expected +there):\n%s", root, diff)
	}
	var verdicts []verdict
	for _, name := range names {
		m := read(t, name)
		for _, engine := range []string{"ort", "gonum"} {
			t.Run(name+"/"+engine, func(t *testing.T) {
				v := verdict{Name: name, Exporter: m.Exporter, About: m.About, Engine: engine, Relative: relative, Absolute: absolute}
				m.check(t, engines(t)[engine], &v)
				verdicts = append(verdicts, v)
			})
		}
	}
	if t.Failed() || len(verdicts) != 2*len(names) { // of a run of some models no page is written
		return
	}
	data, err := json.MarshalIndent(verdicts, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "verdicts.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (m *model) check(t *testing.T, e runtime.Engine, v *verdict) {
	s, err := e.OpenFile(m.path, runtime.Options{})
	if lacks := lacking[m.Name]; e.Name() == "gonum" && lacks != nil {
		v.Reason = "no kernel for " + strings.Join(lacks, ", ")
		m.checkRefusal(t, e, lacks, err)
		return
	}
	if e.Name() == "ort" && m.Name == "sklearn_tfidf_lower" {
		v.Reason = "agrees where the system has the locale en_US.UTF-8, by which it changes letters' case"
		if err != nil && strings.Contains(err.Error(), "locale") {
			return
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	v.Runs = true
	for i, run := range m.Runs {
		var in, out []runtime.Named
		for _, info := range s.Inputs() {
			p, ok := run.Inputs[info.Name]
			if !ok {
				t.Fatalf("the framework was given no %q", info.Name)
			}
			x, err := p.tensor()
			if err != nil {
				t.Fatal(err)
			}
			in = append(in, runtime.Named{Name: info.Name, Tensor: x})
		}
		for name := range run.Outputs {
			out = append(out, runtime.Named{Name: name})
		}
		if err := s.Run(context.Background(), in, out); err != nil {
			t.Fatalf("run %d: %v", i, err)
		}
		for _, o := range out {
			want, err := run.Outputs[o.Name].tensor()
			if err != nil {
				t.Fatal(err)
			}
			difference, err := compare(o.Tensor, want)
			if err != nil {
				t.Errorf("run %d, output %q: %v", i, o.Name, err)
			}
			v.Largest = max(v.Largest, difference)
		}
	}
	if m.NotATensor != "" {
		v.Reason = "agrees but for an output that is " + m.NotATensor + ", which `zipmap=False` exports as a tensor"
		m.checkOthers(t, s)
	}
}

// checkRefusal expects an error that names what is missing.
func (m *model) checkRefusal(t *testing.T, e runtime.Engine, lacks []string, err error) {
	t.Helper()
	if !errors.Is(err, runtime.ErrUnsupported) {
		t.Fatalf("got %v, want an error that the engine lacks %v", err, lacks)
	}
	for _, op := range lacks {
		if !strings.Contains(err.Error(), op) {
			t.Errorf("the error does not name %s: %v", op, err)
		}
	}
	data, err := onnx.ReadFile(m.path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Unsupported(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lacks, got); diff != "" {
		t.Errorf("the engine lacks other operators (-expected +got):\n%s", diff)
	}
}

// checkOthers expects that an output which is no tensor says what to do.
func (m *model) checkOthers(t *testing.T, s runtime.Session) {
	t.Helper()
	x, err := m.Runs[0].Inputs["x"].tensor()
	if err != nil {
		t.Fatal(err)
	}
	err = s.Run(context.Background(), []runtime.Named{{Name: "x", Tensor: x}}, []runtime.Named{{Name: "output_probability"}})
	if !errors.Is(err, runtime.ErrUnsupported) || !strings.Contains(err.Error(), "zipmap=False") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
}

// compare returns the largest difference. Integers and strings must be equal, and
// so must types, except that a framework's numbers may be wider than its file's.
func compare(got, want *tensor.Tensor) (float64, error) {
	if !slices.Equal(got.Shape(), want.Shape()) {
		return 0, fmt.Errorf("the shape is %v, the framework's %v", got.Shape(), want.Shape())
	}
	if want.DType() == tensor.String {
		if diff := cmp.Diff(want.Strings(), got.Strings()); diff != "" {
			return 0, fmt.Errorf("-framework +here:\n%s", diff)
		}
		return 0, nil
	}
	g, w := numbers(got), numbers(want)
	if len(g) != len(w) || got.DType().IsFloat() != want.DType().IsFloat() {
		return 0, fmt.Errorf("got %v, the framework has %v", got, want)
	}
	var largest float64
	for i := range g {
		d := math.Abs(g[i] - w[i])
		largest = max(largest, d)
		if got.DType().IsFloat() && !(d <= absolute+relative*math.Abs(w[i])) || !got.DType().IsFloat() && d != 0 {
			return largest, fmt.Errorf("element %d is %v, the framework's %v", i, g[i], w[i])
		}
	}
	return largest, nil
}

func numbers(t *tensor.Tensor) []float64 {
	switch d := t.Any().(type) {
	case []float32:
		return widened(d)
	case []int64:
		return widened(d)
	case []int32:
		return widened(d)
	case []float64:
		return d
	}
	return nil
}

func widened[T float32 | int32 | int64](xs []T) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = float64(x)
	}
	return out
}
