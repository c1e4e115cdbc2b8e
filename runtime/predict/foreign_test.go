package predict_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// foreign is a file without metadata, as other tools write them: x [n, 3] is
// handed out under the names and in the types of several kinds of heads.
func foreign(t testing.TB) []byte {
	t.Helper()
	value := func(name string, dtype tensor.DType, dims ...onnx.Dim) onnx.ValueInfo {
		return onnx.ValueInfo{Name: name, DType: dtype, HasShape: true, Shape: dims}
	}
	n, three, one := onnx.Dim{Name: "n"}, onnx.Dim{Known: true, Size: 3}, onnx.Dim{Known: true, Size: 1}
	slice := func(name string, from, to int64) []*onnx.Tensor {
		of := func(what string, v int64) *onnx.Tensor {
			return onnx.TensorOf(name+"/"+what, tensor.Must(tensor.Of([]int64{v}, 1)))
		}
		return []*onnx.Tensor{of("from", from), of("to", to), of("axis", 1)}
	}
	node := func(op, in, out string, attrs ...onnx.Attribute) *onnx.Node {
		return &onnx.Node{OpType: op, Inputs: strings.Fields(in), Outputs: []string{out}, Attributes: attrs}
	}
	m := &onnx.Model{IRVersion: 8, OpsetImports: []onnx.OperatorSetID{{Version: 17}}, Graph: &onnx.Graph{
		Name:   "foreign",
		Inputs: []onnx.ValueInfo{value("x", tensor.Float32, n, three)},
		Nodes: []*onnx.Node{
			node("Identity", "x", "logits"),
			node("Softmax", "x", "softmax", onnx.IntAttr("axis", -1)),
			node("ArgMax", "x", "best64", onnx.IntAttr("axis", -1), onnx.IntAttr("keepdims", 0)),
			node("Cast", "best64", "best", onnx.IntAttr("to", int64(tensor.Int32))),
			node("Slice", "x s/from s/to s/axis", "first"),
			node("Sigmoid", "first", "positive"),
			node("Cast", "first", "double", onnx.IntAttr("to", int64(tensor.Float64))),
			node("Sigmoid", "x", "each"),
		},
		Initializers: slice("s", 0, 1),
		Outputs: []onnx.ValueInfo{
			value("logits", tensor.Float32, n, three), value("softmax", tensor.Float32, n, three), value("best", tensor.Int32, n),
			value("positive", tensor.Float32, n, one), value("double", tensor.Float64, n, one), value("each", tensor.Float32, n, three),
		},
	}}
	data, err := onnx.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func foreignSchema() *schema.Schema {
	task := func(name string, kind schema.TaskType, labels string, outputs ...schema.Output) schema.Task {
		return schema.Task{Name: name, Type: kind, Labels: strings.Fields(labels), Outputs: outputs}
	}
	s := &schema.Schema{
		Version: schema.Version, Name: "foreign",
		Inputs: []schema.Input{{Name: "x", Type: schema.Numbers, Tensor: "x"}},
		Tasks: []schema.Task{
			task("torch", schema.Classification, "a b c", schema.Output{Role: schema.Logits, Tensor: "logits"}),
			task("sklearn", schema.Classification, "a b c", schema.Output{Role: schema.Probabilities, Tensor: "softmax"}, schema.Output{Role: schema.Label, Tensor: "best"}),
			task("keras", schema.Classification, "no yes", schema.Output{Role: schema.Probabilities, Tensor: "positive"}),
			task("tags", schema.MultiLabel, "a b c", schema.Output{Role: schema.Probabilities, Tensor: "each"}),
			task("price", schema.Regression, "", schema.Output{Role: schema.Value, Tensor: "double"}),
		},
	}
	s.Tasks[3].Thresholds = []float32{0.9, 0.5, 0.5}
	s.Tasks[4].Unit = "EUR"
	return s
}

// TestFilesOfOtherTools: what PyTorch, Keras and scikit-learn call their outputs
// is said in code, and the answers are as typed as those of our own files. The
// oracle is the arithmetic written out.
func TestFilesOfOtherTools(t *testing.T) {
	x := tensor.Must(tensor.Of([]float32{2, 0, -1, -3, 1, 1.5}, 2, 3))
	for name, e := range engines(t) {
		t.Run(name, func(t *testing.T) {
			p, err := predict.OpenBytes(foreign(t), predict.Options{Engine: e, Schema: foreignSchema()})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			got, err := p.PredictTensors(context.Background(), runtime.Named{Name: "x", Tensor: x})
			if err != nil {
				t.Fatal(err)
			}
			sigmoid := func(z float64) float32 { return float32(1 / (1 + math.Exp(-z))) }
			value := func(v float64) *float64 { return &v }
			var want []predict.Prediction
			for i, r := range [][]float64{{2, 0, -1}, {-3, 1, 1.5}} {
				sum := math.Exp(r[0]) + math.Exp(r[1]) + math.Exp(r[2])
				soft := []float32{float32(math.Exp(r[0]) / sum), float32(math.Exp(r[1]) / sum), float32(math.Exp(r[2]) / sum)}
				best := []string{"a", "c"}[i]
				yes := sigmoid(r[0])
				answer, sure := "yes", yes
				if i == 1 {
					answer, sure = "no", 1-yes
				}
				want = append(want, predict.Prediction{Tasks: []predict.Answer{
					{Task: "torch", Type: schema.Classification, Label: best, Probability: max(soft[0], soft[2]), Probabilities: soft},
					{Task: "sklearn", Type: schema.Classification, Label: best, Probability: max(soft[0], soft[2]), Probabilities: soft},
					{Task: "keras", Type: schema.Classification, Label: answer, Probability: sure, Probabilities: []float32{1 - yes, yes}},
					{Task: "tags", Type: schema.MultiLabel, Labels: [][]string{{"b"}, {"b", "c"}}[i], Probabilities: []float32{sigmoid(r[0]), sigmoid(r[1]), sigmoid(r[2])}},
					{Task: "price", Type: schema.Regression, Value: value(r[0]), Unit: "EUR"},
				}})
			}
			if diff := cmp.Diff(want, got, near...); diff != "" {
				t.Error(diff)
			}
			if _, err := p.Predict(context.Background(), "text"); err == nil || !strings.Contains(err.Error(), "the model does not read one text; use PredictTensors") {
				t.Errorf("got %v", err)
			}
			short := tensor.Must(tensor.New(tensor.Float32, 1, 3))
			_, err = p.PredictTensors(context.Background(), runtime.Named{Name: "x", Tensor: x}, runtime.Named{Name: "y", Tensor: short})
			if err == nil || !strings.Contains(err.Error(), `input "y" has 1 rows, "x" has 2`) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestTextByTheCallersOwnEncoding: a file of another tool that tags the words of
// a text, laid out by a function of the caller's.
func TestTextByTheCallersOwnEncoding(t *testing.T) {
	s := foreignSchema()
	s.Inputs = []schema.Input{{Name: "text", Type: schema.Text, Tensor: "x"}}
	s.Tasks = s.Tasks[:1]
	tokenizer, err := text.NewTokenizer("whitespace", text.Options{})
	if err != nil {
		t.Fatal(err)
	}
	encode := func(texts []string) ([]runtime.Named, [][]text.Token, error) {
		x := make([]float32, 3*len(texts))
		tokens := make([][]text.Token, len(texts))
		for i, s := range texts {
			tokens[i] = tokenizer.Tokenize(nil, s)
			x[3*i+len(tokens[i])] = 1
		}
		return []runtime.Named{{Name: "x", Tensor: tensor.Must(tensor.Of(x, int64(len(texts)), 3))}}, tokens, nil
	}
	p, err := predict.OpenBytes(foreign(t), predict.Options{Engine: gonum.New(), Schema: s, Encode: encode})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got, err := p.Predict(context.Background(), "", "one", "one two")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a", "b", "c"} {
		if got[i].Task("torch").Label != want || len(got[i].Tokens) != i {
			t.Errorf("%d words: %+v", i, got[i])
		}
	}
}

func TestSchemasThatDoNotFitTheFile(t *testing.T) {
	for want, change := range map[string]func(s *schema.Schema){
		`task "torch": the graph has no output "scores"`:                     func(s *schema.Schema) { s.Tasks[0].Outputs[0].Tensor = "scores" },
		`task "torch" has 2 labels, output "logits" has 3`:                   func(s *schema.Schema) { s.Tasks[0].Labels = []string{"a", "b"} },
		`task "torch" names no output`:                                       func(s *schema.Schema) { s.Tasks[0].Outputs = nil },
		`task "tags": there are 1 thresholds for 3 labels`:                   func(s *schema.Schema) { s.Tasks[3].Thresholds = []float32{1} },
		`task "sklearn": output "logits" has two roles`:                      func(s *schema.Schema) { s.Tasks[1].Outputs[1].Tensor = "logits" },
		"the schema given: schema version 0 is not one this program reads (": func(s *schema.Schema) { s.Version = 0 },
	} {
		s := foreignSchema()
		change(s)
		_, err := predict.OpenBytes(foreign(t), predict.Options{Engine: gonum.New(), Schema: s})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// TestElementsThatAreNotRead: an output whose elements cannot be what its role says is
// one that is not supported.
func TestElementsThatAreNotRead(t *testing.T) {
	x := tensor.Must(tensor.Of([]float32{2, 0, -1}, 1, 3))
	for want, outputs := range map[string][]schema.Output{
		`output "best": model is not supported by this engine: its elements are int32, float32 or float64 is read`:                   {{Role: schema.Probabilities, Tensor: "best"}},
		`output "double": model is not supported by this engine: its elements are float64, labels are int64, int32, bool or strings`: {{Role: schema.Label, Tensor: "double"}},
	} {
		s := foreignSchema()
		s.Tasks = s.Tasks[:1]
		s.Tasks[0].Outputs = outputs
		p, err := predict.OpenBytes(foreign(t), predict.Options{Engine: gonum.New(), Schema: s})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		_, err = p.PredictTensors(context.Background(), runtime.Named{Name: "x", Tensor: x})
		if !errors.Is(err, runtime.ErrUnsupported) || err.Error() != `predict: task "torch": `+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
