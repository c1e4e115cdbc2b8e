package export_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/export"
	"espalier/export/verify"
	"espalier/models"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/runtime/predict"
	"espalier/tensor"
)

func bothEngines(t testing.TB) []runtime.Engine {
	t.Helper()
	if os.Getenv(ort.LibraryVariable) == "" {
		t.Fatalf("%s is not set: run `make env`, which fetches the library, and test with `make test`", ort.LibraryVariable)
	}
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return []runtime.Engine{e, gonum.New()}
}

// variant writes the fixture in some way.
func variant(t *testing.T, o export.Options, external int) (path string, m *onnx.Model) {
	t.Helper()
	model, values, words := fixture(t)
	m, err := export.Model(model, values, words, o)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "m.onnx")
	if external > 0 {
		_, err = export.WriteExternal(path, m, external)
	} else {
		err = export.Write(path, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path, m
}

var optionTexts = []string{"w1 w2 w3", "", "w4 other w5 w6 w7 w8", "w9"}

func answersOf(t *testing.T, path string, e runtime.Engine) []predict.Prediction {
	t.Helper()
	return answersWith(t, path, e, nil)
}

// TestEveryOptionGivesTheSameAnswers on both engines, through package predict,
// and passes verification. The official checker accepts each.
func TestEveryOptionGivesTheSameAnswers(t *testing.T) {
	whole := t // its folders outlive the cases
	plain, _ := variant(t, export.Options{}, 0)
	both := bothEngines(t)
	want := answersOf(t, plain, both[1])
	var files []string
	for name, c := range map[string]struct {
		o        export.Options
		external int
	}{
		"opset 17":            {o: export.Options{Opset: 17}},
		"opset 18":            {o: export.Options{Opset: 18}},
		"opset 19":            {o: export.Options{Opset: 19}},
		"opset 20":            {o: export.Options{Opset: 20}},
		"opset 21":            {o: export.Options{Opset: 21}},
		"opset 22":            {o: export.Options{Opset: 22}},
		"fixed batch":         {o: export.Options{Batch: 3}},
		"fixed length":        {o: export.Options{Length: 9}},
		"fixed":               {o: export.Options{Batch: 1, Length: 6}},
		"strings":             {o: export.Options{Labels: "strings"}},
		"half":                {o: export.Options{Half: true}},
		"metadata":            {o: export.Options{Author: "A. Person", License: "Apache-2.0", Description: "a test"}},
		"external":            {external: 100},
		"external and half":   {o: export.Options{Half: true}, external: 1},
		"text":                {o: export.Options{Input: "text"}},
		"text, ids":           {o: export.Options{Input: "text", Labels: "ids"}},
		"text, fixed batch":   {o: export.Options{Input: "text", Batch: 3}},
		"text, opset 20":      {o: export.Options{Input: "text", Opset: 20}},
		"strings, fixed, 18":  {o: export.Options{Labels: "strings", Batch: 2, Length: 8, Opset: 18}, external: 64},
		"one task, fixed, 21": {o: export.Options{Batch: 2, Opset: 21, Heads: []string{"topic", "tags"}}},
	} {
		t.Run(name, func(t *testing.T) {
			path, _ := variant(whole, c.o, c.external)
			if c.o.Input == "" {
				files = append(files, path)
			}
			bound := 1e-5
			if c.o.Half {
				bound = 2e-2
			}
			for _, e := range both {
				if diff := cmp.Diff(want, answersOf(t, path, e), cmpopts.EquateApprox(0, bound), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s:\n%s", e.Name(), diff)
				}
			}
			report, err := verify.File(context.Background(), path, verify.Options{Engines: both})
			if err != nil || !report.OK() || len(report.Missing) > 0 {
				t.Errorf("verification: %v\n%v", err, report)
			}
		})
	}
	accepts(t, files)
}

// TestOldOperatorSets: a model without LayerNormalization goes down to 14.
func TestOldOperatorSets(t *testing.T) {
	m, values, words := fixtureOf(t, models.TrunkConfig{Type: "bag", Embedding: 6})
	var files []string
	for _, opset := range []int{14, 15, 16} {
		file, err := export.Model(m, values, words, export.Options{Opset: opset})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "m.onnx")
		if err := export.Write(path, file); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
		report, err := verify.File(context.Background(), path, verify.Options{Engines: bothEngines(t)})
		if err != nil || !report.OK() || report.Opsets["ai.onnx"] != int64(opset) {
			t.Errorf("%d: %v\n%v", opset, err, report)
		}
	}
	accepts(t, files)
}

// accepts has the official checker read files, with strict shape inference.
func accepts(t *testing.T, files []string) {
	t.Helper()
	python := os.Getenv("ESPALIER_PYTHON")
	if python == "" {
		t.Fatal("ESPALIER_PYTHON is not set: run `make env`, and test with `make test`")
	}
	const program = `
import sys, onnx
for f in sys.argv[1:]:
    onnx.checker.check_model(f, full_check=True)
    onnx.shape_inference.infer_shapes(onnx.load(f), check_type=True, strict_mode=True, data_prop=True)
`
	if out, err := exec.Command(python, append([]string{"-c", program}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTensorsInASecondFileStandAtPages(t *testing.T) {
	path, m := variant(t, export.Options{}, 100)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	back, err := onnx.Decode(data, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	end := int64(0)
	for i, x := range back.Graph.Initializers {
		if (len(x.External) > 0) != (len(m.Graph.Initializers[i].Raw) >= 100 && x.DType == tensor.Float32) {
			t.Errorf("%s of %d bytes: external is %v", x.Name, len(m.Graph.Initializers[i].Raw), x.External)
		}
		if len(x.External) == 0 {
			continue
		}
		moved++
		pairs := map[string]string{}
		for _, p := range x.External {
			pairs[p.Key] = p.Value
		}
		offset, err := strconv.ParseInt(pairs["offset"], 10, 64)
		if err != nil || offset%4096 != 0 || offset < end || filepath.Base(pairs["location"]) != pairs["location"] {
			t.Errorf("%s is at %v", x.Name, pairs)
		}
		end = offset + int64(len(m.Graph.Initializers[i].Raw))
	}
	if moved == 0 {
		t.Error("no tensor was moved")
	}
	if err := onnx.LoadExternal(back, filepath.Dir(path), 1<<30); err != nil {
		t.Fatal(err)
	}
	for i, x := range back.Graph.Initializers {
		if diff := cmp.Diff(m.Graph.Initializers[i], x, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s:\n%s", x.Name, diff)
		}
	}
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(names) != 2 {
		t.Errorf("files %v, %v", names, err)
	}
}

// TestFilesBeyondTheLimitGoInTwo: what one file cannot hold goes into two by itself, and
// answers the same; what it can hold does not.
func TestFilesBeyondTheLimitGoInTwo(t *testing.T) {
	m, values, words := encoderFixture(t, nil)
	file, err := export.Model(m, values, words, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, i := range file.Graph.Initializers {
		total += int64(len(i.Raw))
	}
	both := bothEngines(t)
	whole, parted := filepath.Join(t.TempDir(), "m.onnx"), filepath.Join(t.TempDir(), "m.onnx")
	if data, err := export.Save(whole, file, 0, total); err != nil || data != "" {
		t.Errorf("within the limit: %q, %v", data, err)
	}
	data, err := export.Save(parted, file, 0, total-1)
	if err != nil || data == "" {
		t.Fatalf("beyond the limit: %q, %v", data, err)
	}
	if info, err := os.Stat(filepath.Join(filepath.Dir(parted), data)); err != nil || info.Size() == 0 {
		t.Errorf("%s: %v", data, err)
	}
	want := answersOf(t, whole, both[1])
	for _, e := range both {
		if diff := cmp.Diff(want, answersOf(t, parted, e), cmpopts.EquateApprox(0, 1e-5), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", e.Name(), diff)
		}
	}
}

func TestHalfIsHalfTheSize(t *testing.T) {
	size := func(m *onnx.Model) (n int) {
		for _, i := range m.Graph.Initializers {
			n += len(i.Raw)
		}
		return n
	}
	_, whole := variant(t, export.Options{}, 0)
	_, halved := variant(t, export.Options{Half: true}, 0)
	if a, b := size(whole), size(halved); float64(b) > 0.65*float64(a) {
		t.Errorf("parameters take %d bytes, %d as float16", a, b)
	}
}

func TestMetadataHasItsPlaces(t *testing.T) {
	_, m := variant(t, export.Options{Author: "A. Person", License: "Apache-2.0", Description: "a test"}, 0)
	author, _ := m.MetadataValue("model_author")
	license, _ := m.MetadataValue("model_license")
	if author != "A. Person" || license != "Apache-2.0" || m.Doc != "a test" {
		t.Errorf("author %q, license %q, description %q", author, license, m.Doc)
	}
}

func TestOptionsThatDoNotFit(t *testing.T) {
	m, values, words := fixture(t)
	for want, o := range map[string]export.Options{
		`export: labels "names" are not one of ids, strings`:                                         {Labels: "names"},
		"export: operator set 16 has no LayerNormalization, which this model needs; use 17 or newer": {Opset: 16},
		"export: operator set 13 is not one of 14 to 22":                                             {Opset: 13},
		"export: operator set 23 is not one of 14 to 22":                                             {Opset: 23},
		"export: batch -1 and length 0: neither may be negative":                                     {Batch: -1},
		"export: a file that reads text cannot be fixed to a length: how many tokens a text":         {Input: "text", Length: 3},
	} {
		if _, err := export.Model(m, values, words, o); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if _, _, err := export.Triton("r", "a/b", &onnx.Model{}); err == nil || !strings.Contains(err.Error(), `"a/b" cannot be a model's name in Triton`) {
		t.Errorf("got %v", err)
	}
}

// TestTritonNamesEveryInputAndOutput in the dimensions that its documentation
// asks for: without the batch where Triton chooses it, with 1 for none.
func TestTritonNamesEveryInputAndOutput(t *testing.T) {
	for _, c := range []struct {
		o    export.Options
		want string
	}{
		{export.Options{}, `name: "m"
backend: "onnxruntime"
max_batch_size: 64
input [
  { name: "ids" data_type: TYPE_INT64 dims: [ -1 ] }
]
output [
  { name: "topic_probabilities" data_type: TYPE_FP32 dims: [ 3 ] },
  { name: "topic_label" data_type: TYPE_INT64 dims: [ 1 ] reshape { shape: [ ] } },
  { name: "tags_probabilities" data_type: TYPE_FP32 dims: [ -1, 2 ] },
  { name: "tags_label" data_type: TYPE_INT64 dims: [ -1 ] }
]
dynamic_batching { }
`},
		{export.Options{Input: "text", Batch: 1, Heads: []string{"topic"}}, `name: "m"
backend: "onnxruntime"
max_batch_size: 0
input [
  { name: "text" data_type: TYPE_STRING dims: [ 1 ] }
]
output [
  { name: "tokens" data_type: TYPE_STRING dims: [ 1, -1 ] },
  { name: "topic_probabilities" data_type: TYPE_FP32 dims: [ 1, 3 ] },
  { name: "topic_label" data_type: TYPE_STRING dims: [ 1 ] }
]
`},
	} {
		_, m := variant(t, c.o, 0)
		dir := t.TempDir()
		path, config, err := export.Triton(dir, "m", m)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, config); diff != "" {
			t.Error(diff)
		}
		if err := export.WriteTritonConfig(path, config); err != nil {
			t.Fatal(err)
		}
		if err := export.Write(path, m); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"m/config.pbtxt", "m/1/model.onnx"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestReportSaysWhatWasChecked in its table.
func TestReportSaysWhatWasChecked(t *testing.T) {
	path, _ := variant(t, export.Options{Opset: 18}, 100)
	report, err := verify.File(context.Background(), path, verify.Options{Engines: bothEngines(t), Longest: 5})
	if err != nil {
		t.Fatal(err)
	}
	if report.Inferred != 4*9*2 || report.Data == 0 || report.Opsets["ai.onnx"] != 18 {
		t.Errorf("%+v", report)
	}
	for _, want := range []string{
		fmt.Sprint(report.Bytes+report.Data, " bytes"), "well formed for IR 8, ai.onnx 18; 72 output shapes as declared; bound 1e-05", "tags_probabilities",
	} {
		if !strings.Contains(report.Table(), want) {
			t.Errorf("%q is not in\n%s", want, report.Table())
		}
	}
}
