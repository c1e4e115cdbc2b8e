//go:build cgo

package foreign

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// heads is the mapping that tells what a file's tensors are: the same three
// labels and a price, from PyTorch's logits or Keras's probabilities.
func heads(role schema.Role, kind, price string) *schema.Schema {
	return &schema.Schema{
		Version: schema.Version, Name: "foreign",
		Inputs: []schema.Input{{Name: "numbers", Type: schema.Numbers, Tensor: "x"}},
		Tasks: []schema.Task{
			{Name: "kind", Type: schema.Classification, Labels: []string{"a", "b", "c"}, Outputs: []schema.Output{{Role: role, Tensor: kind}}},
			{Name: "price", Type: schema.Regression, Unit: "EUR", Outputs: []schema.Output{{Role: schema.Value, Tensor: price}}},
		},
	}
}

// TestTypedAnswersOfTwoHeads: with a mapping in code, models with two heads of
// PyTorch and Keras answer as our own do, on both engines. The oracle is the
// frameworks' own numbers.
func TestTypedAnswersOfTwoHeads(t *testing.T) {
	for name, s := range map[string]*schema.Schema{
		"torch_two_heads_dynamo": heads(schema.Logits, "kind", "price"),
		"torch_two_heads_script": heads(schema.Logits, "kind", "price"),
		"keras_two_heads":        heads(schema.Probabilities, "", ""), // Keras names outputs by numbers
	} {
		m := read(t, name)
		for engine, e := range engines(t) {
			t.Run(name+"/"+engine, func(t *testing.T) {
				if name == "keras_two_heads" {
					s = heads(schema.Probabilities, outputOfWidth(t, m, 3), outputOfWidth(t, m, 1))
				}
				p, err := predict.Open(m.path, predict.Options{Engine: e, Schema: s})
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				for _, run := range m.Runs {
					x := unpacked(t, run.Inputs["x"])
					got, err := p.PredictTensors(context.Background(), runtime.Named{Name: "x", Tensor: x})
					if err != nil {
						t.Fatal(err)
					}
					scores := unpacked(t, run.Outputs[s.Tasks[0].Outputs[0].Tensor]).Float32s()
					prices := unpacked(t, run.Outputs[s.Tasks[1].Outputs[0].Tensor]).Float32s()
					for i, g := range got {
						best := 0
						for j := range 3 {
							if scores[3*i+j] > scores[3*i+best] {
								best = j
							}
						}
						if want := s.Tasks[0].Labels[best]; g.Task("kind").Label != want {
							t.Errorf("row %d is %q, the framework says %q", i, g.Task("kind").Label, want)
						}
						if v := g.Task("price").Value; v == nil || math.Abs(*v-float64(prices[i])) > absolute+relative*math.Abs(float64(prices[i])) {
							t.Errorf("row %d costs %v, the framework says %v", i, v, prices[i])
						}
					}
				}
			})
		}
	}
}

func unpacked(t *testing.T, p packed) *tensor.Tensor {
	t.Helper()
	x, err := p.tensor()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// outputOfWidth finds an output by its last dimension.
func outputOfWidth(t *testing.T, m *model, width int64) string {
	t.Helper()
	for name, p := range m.Runs[0].Outputs {
		if p.Shape[len(p.Shape)-1] == width {
			return name
		}
	}
	t.Fatalf("%s has no output of width %d", m.Name, width)
	return ""
}

// TestTextIntoScikitLearn: a pipeline of scikit-learn that starts from texts is
// asked with texts, by an encoding that hands them on.
func TestTextIntoScikitLearn(t *testing.T) {
	m := read(t, "sklearn_tfidf")
	s := &schema.Schema{
		Version: schema.Version, Name: "feelings",
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: "text"}},
		Tasks: []schema.Task{{
			Name: "feeling", Type: schema.Classification, Labels: []string{"bad", "good"},
			Outputs: []schema.Output{{Role: schema.Label, Tensor: "label"}, {Role: schema.Probabilities, Tensor: "probabilities"}},
		}},
	}
	encode := func(texts []string) ([]runtime.Named, [][]text.Token, error) {
		x, err := tensor.Of(texts, int64(len(texts)))
		return []runtime.Named{{Name: "text", Tensor: x}}, make([][]text.Token, len(texts)), err
	}
	for name, e := range engines(t) {
		if lacking[m.Name] != nil && name == "gonum" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p, err := predict.Open(m.path, predict.Options{Engine: e, Schema: s, Encode: encode})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			for _, run := range m.Runs {
				got, err := p.Predict(context.Background(), unpacked(t, run.Inputs["text"]).Strings()...)
				if err != nil {
					t.Fatal(err)
				}
				for i, want := range unpacked(t, run.Outputs["label"]).Strings() {
					if got[i].Task("feeling").Label != want {
						t.Errorf("text %d feels %q, scikit-learn says %q", i, got[i].Task("feeling").Label, want)
					}
				}
			}
		})
	}
}

// TestPredictorOfMaps: a predictor says before it runs anything that an output is
// no tensor, and what to do.
func TestPredictorOfMaps(t *testing.T) {
	m := read(t, "sklearn_zipmap")
	s := heads(schema.Probabilities, "output_probability", "")
	s.Tasks = s.Tasks[:1]
	for name, e := range engines(t) {
		_, err := predict.Open(m.path, predict.Options{Engine: e, Schema: s})
		want := `output "output_probability" is a sequence, not a tensor; export it as one, which skl2onnx does with zipmap=False`
		if !errors.Is(err, runtime.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
