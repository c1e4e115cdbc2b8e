package predict_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/tensor"
)

// stars is what skl2onnx 1.20 makes of a LogisticRegression(C=100) that was fit
// to six numbers with the given classes, written out node by node: its label
// output has the classes themselves, in the order of probabilities.
func stars(t testing.TB, change func(m *onnx.Model), classes ...int64) []byte {
	t.Helper()
	n, one := onnx.Dim{Name: "n"}, onnx.Dim{Known: true, Size: 1}
	attrs := []onnx.Attribute{onnx.IntsAttr("classlabels_ints", classes), onnx.StringAttr("post_transform", "SOFTMAX"), onnx.IntAttr("multi_class", 1)}
	columns := int64(len(classes))
	if columns == 2 {
		attrs = append(attrs, onnx.FloatsAttr("coefficients", []float32{-5.65, 5.65}), onnx.FloatsAttr("intercepts", []float32{2, -2}))
	} else {
		attrs = append(attrs, onnx.FloatsAttr("coefficients", []float32{-5.653915, -0.0040170043, 5.657926}), onnx.FloatsAttr("intercepts", []float32{0.9462387, 3.7734544, -4.7196946}))
	}
	m := &onnx.Model{
		IRVersion: 10, ProducerName: "skl2onnx", OpsetImports: []onnx.OperatorSetID{{Domain: "ai.onnx.ml", Version: 1}, {Version: 22}},
		Graph: &onnx.Graph{
			Name:   "stars",
			Inputs: []onnx.ValueInfo{{Name: "X", DType: tensor.Float32, HasShape: true, Shape: []onnx.Dim{n, one}}},
			Nodes: []*onnx.Node{
				{OpType: "LinearClassifier", Domain: "ai.onnx.ml", Inputs: []string{"X"}, Outputs: []string{"label", "scores"}, Attributes: attrs},
				{OpType: "Normalizer", Domain: "ai.onnx.ml", Inputs: []string{"scores"}, Outputs: []string{"probabilities"}, Attributes: []onnx.Attribute{onnx.StringAttr("norm", "L1")}},
			},
			Outputs: []onnx.ValueInfo{
				{Name: "label", DType: tensor.Int64, HasShape: true, Shape: []onnx.Dim{n}},
				{Name: "probabilities", DType: tensor.Float32, HasShape: true, Shape: []onnx.Dim{n, {Known: true, Size: columns}}},
			},
		},
	}
	if change != nil {
		change(m)
	}
	data, err := onnx.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func starsSchema(outputs string, labels ...string) *schema.Schema {
	task := schema.Task{Name: "stars", Type: schema.Classification, Labels: labels}
	for _, o := range strings.Fields(outputs) {
		task.Outputs = append(task.Outputs, schema.Output{Role: schema.Role(o), Tensor: o})
	}
	return &schema.Schema{
		Version: schema.Version, Name: "stars", Tasks: []schema.Task{task},
		Inputs: []schema.Input{{Name: "x", Type: schema.Numbers, Tensor: "X"}},
	}
}

// hidden takes the classes out of sight: the label is computed from numbers that
// stand in no attribute and no initialiser.
func hidden(dtype tensor.DType) func(m *onnx.Model) {
	return func(m *onnx.Model) {
		m.Graph.Nodes[0].Outputs[0] = "class"
		m.Graph.Nodes = append(m.Graph.Nodes,
			&onnx.Node{OpType: "Abs", Inputs: []string{"class"}, Outputs: []string{"size"}},
			&onnx.Node{OpType: "Sign", Inputs: []string{"class"}, Outputs: []string{"sign"}},
			&onnx.Node{OpType: "Mul", Inputs: []string{"size", "sign"}, Outputs: []string{"same"}},
			&onnx.Node{OpType: "Cast", Inputs: []string{"same"}, Outputs: []string{"label"}, Attributes: []onnx.Attribute{onnx.IntAttr("to", int64(dtype))}})
		m.Graph.Outputs[0].DType = dtype
	}
}

// answers predicts the labels of some numbers, with their probabilities.
func answers(t testing.TB, e runtime.Engine, file []byte, s *schema.Schema, xs ...float32) (labels []string, probabilities []float32, err error) {
	t.Helper()
	p, err := predict.OpenBytes(file, predict.Options{Engine: e, Schema: s})
	if err != nil {
		return nil, nil, err
	}
	defer p.Close()
	got, err := p.PredictTensors(context.Background(), runtime.Named{Name: "X", Tensor: tensor.Must(tensor.Of(xs, int64(len(xs)), 1))})
	for i := range got {
		labels, probabilities = append(labels, got[i].Tasks[0].Label), append(probabilities, got[i].Tasks[0].Probability)
	}
	return labels, probabilities, err
}

// TestClassesOfOtherTools: a number in an output of labels stands for the label
// that spells it. The oracle is scikit-learn, which answers 1, 2 and 3 with
// probabilities of 1.000, 0.993 and 1.000.
func TestClassesOfOtherTools(t *testing.T) {
	for name, e := range engines(t) {
		for _, c := range []struct {
			file   []byte
			labels []string
			xs     []float32
			want   []string
		}{
			{stars(t, nil, 1, 2, 3), []string{"1", "2", "3"}, []float32{-2, 0.5, 3}, []string{"1", "2", "3"}},
			{stars(t, hidden(tensor.Int64), 1, 2, 3), []string{"1", "2", "3"}, []float32{-2, 0.5, 3}, []string{"1", "2", "3"}},
			{stars(t, hidden(tensor.Int32), 1, 2, 3), []string{"1", "2", "3"}, []float32{-2, 0.5, 3}, []string{"1", "2", "3"}},
			{stars(t, nil, 1, 2, 3), []string{"1.0", "2.0", "3.0"}, []float32{-2, 0.5, 3}, []string{"1.0", "2.0", "3.0"}},
			{stars(t, hidden(tensor.Int64), 1, 2, 3), []string{"01", "02", "03"}, []float32{-2, 0.5, 3}, []string{"01", "02", "03"}},
			{stars(t, nil, -1, 1), []string{"-1", "1"}, []float32{-2, 3}, []string{"-1", "1"}},
			{stars(t, hidden(tensor.Int64), -1, 1), []string{"-1", "1"}, []float32{-2, 3}, []string{"-1", "1"}},
			{stars(t, nil, 0, 1, 2), []string{"0", "1", "2"}, []float32{-2, 0.5, 3}, []string{"0", "1", "2"}},
			{stars(t, nil, 0, 1, 2), []string{"bad", "fair", "good"}, []float32{-2, 0.5, 3}, []string{"bad", "fair", "good"}},
			{stars(t, hidden(tensor.Int64), 0, 1, 2), []string{"bad", "fair", "good"}, []float32{-2, 0.5, 3}, []string{"bad", "fair", "good"}},
			{stars(t, nil, 0, 1, 2), []string{"0", "1", "many"}, []float32{-2, 0.5, 3}, []string{"0", "1", "many"}},
			{stars(t, hidden(tensor.Bool), 0, 1), []string{"no", "yes"}, []float32{-2, 3}, []string{"no", "yes"}},
			{stars(t, hidden(tensor.Bool), 0, 1), []string{"False", "True"}, []float32{-2, 3}, []string{"False", "True"}},
		} {
			labels, probabilities, err := answers(t, e, c.file, starsSchema("label probabilities", c.labels...), c.xs...)
			if diff := cmp.Diff(c.want, labels); diff != "" || err != nil {
				t.Errorf("%s: %q: error %v\n%s", name, c.labels, err, diff)
				continue
			}
			for i, p := range probabilities {
				if p < 0.99 {
					t.Errorf("%s: %q: %q has probability %v, the labels' probabilities are another's", name, c.labels, labels[i], p)
				}
			}
		}
	}
}

// TestClassesThatContradict: what names other classes than the file answers with
// is refused, when the file is opened where the graph tells.
func TestClassesThatContradict(t *testing.T) {
	both := "label probabilities"
	outside := "answers with class 3, which no label spells; labels such as"
	for _, c := range []struct {
		file []byte
		s    *schema.Schema
		x    float32
		want string
	}{
		{stars(t, nil, 1, 2, 3), starsSchema(both, "bad", "fair", "good"), 0, `task "stars" has the labels ["bad" "fair" "good"], the file's output "label" has the classes ["1" "2" "3"]; ` +
			"give the labels as the file has them, in its order, which is that of its probabilities"},
		{stars(t, nil, 1, 2, 3), starsSchema(both, "3", "2", "1"), 0, `the classes ["1" "2" "3"]`},
		{stars(t, nil, 1, 2, 3), starsSchema(both, "1", "2", "many"), 0, `the classes ["1" "2" "3"]`},
		{stars(t, nil, -1, 1), starsSchema(both, "0", "1"), 0, `the classes ["-1" "1"]`},
		{stars(t, nil, 0, 1, 2), starsSchema(both, "2", "1", "0"), 0, `the classes ["0" "1" "2"]`},
		{stars(t, hidden(tensor.Int64), 1, 2, 3), starsSchema(both, "0", "1", "2"), 3, outside},
		{stars(t, hidden(tensor.Int64), 1, 2, 3), starsSchema(both, "1", "2", "many"), 3, outside},
		{stars(t, hidden(tensor.Int64), 1, 2, 3), starsSchema(both, "1", "2", "many"), -2, "answers with class 1, which is label 0 of the list by its spelling, and by its place another;"},
		{stars(t, hidden(tensor.Int64), 1, 2, 3), starsSchema(both, "few", "2", "3"), -2, "answers with class 1, which no label spells"},
		{stars(t, hidden(tensor.Int64), 1, 2, 3), starsSchema(both, "bad", "fair", "good"), 3, "label 3 is outside of 3 labels"},
		{stars(t, hidden(tensor.Int64), -1, 1), starsSchema(both, "no", "yes"), -2, "label -1 is outside of 2 labels"},
	} {
		_, _, err := answers(t, gonum.New(), c.file, c.s, c.x)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got error %v, want one with %q", c.s.Tasks[0].Labels, err, c.want)
		}
	}
	// Without probabilities the order of labels says nothing.
	labels, _, err := answers(t, gonum.New(), stars(t, nil, 1, 2, 3), starsSchema("label", "3", "2", "1"), -2, 3)
	if diff := cmp.Diff([]string{"1", "3"}, labels); diff != "" || err != nil {
		t.Errorf("error %v\n%s", err, diff)
	}
}

// TestNumbersOfOurOwnFiles: our own files answer with places, also where labels
// are spelled as integers, and whoever gives the schema.
func TestNumbersOfOurOwnFiles(t *testing.T) {
	data := stars(t, func(m *onnx.Model) { hidden(tensor.Int64)(m); m.ProducerName = "espalier" }, 0, 1, 2)
	labels, _, err := answers(t, gonum.New(), data, starsSchema("label probabilities", "1", "2", "3"), -2, 0.5, 3)
	if diff := cmp.Diff([]string{"1", "2", "3"}, labels); diff != "" || err != nil {
		t.Errorf("error %v\n%s", err, diff)
	}
}

// chosen is the label output of a file whose classes stand in an initialiser:
// skl2onnx picks from them by ArrayFeatureExtractor.
func chosen(m *onnx.Model) {
	classes := m.Graph.Nodes[0].Attr("classlabels_ints").Ints
	m.Graph.Initializers = []*onnx.Tensor{onnx.TensorOf("classes", tensor.Must(tensor.Of(classes, int64(len(classes)))))}
	m.Graph.Nodes[0].Outputs[0] = "class"
	m.Graph.Nodes = append(m.Graph.Nodes,
		&onnx.Node{OpType: "ArgMax", Inputs: []string{"scores"}, Outputs: []string{"best"}, Attributes: []onnx.Attribute{onnx.IntAttr("axis", 1), onnx.IntAttr("keepdims", 0)}},
		&onnx.Node{OpType: "Cast", Inputs: []string{"classes"}, Outputs: []string{"numbers"}, Attributes: []onnx.Attribute{onnx.IntAttr("to", int64(tensor.Float32))}},
		&onnx.Node{OpType: "ArrayFeatureExtractor", Domain: "ai.onnx.ml", Inputs: []string{"numbers", "best"}, Outputs: []string{"row"}},
		&onnx.Node{OpType: "Cast", Inputs: []string{"row"}, Outputs: []string{"whole"}, Attributes: []onnx.Attribute{onnx.IntAttr("to", int64(tensor.Int64))}},
		&onnx.Node{OpType: "Flatten", Inputs: []string{"whole"}, Outputs: []string{"flat"}, Attributes: []onnx.Attribute{onnx.IntAttr("axis", 0)}},
		&onnx.Node{OpType: "Squeeze", Inputs: []string{"flat"}, Outputs: []string{"label"}})
}

// TestClassesInAnInitialiser: they are found behind the operator that picks from
// them.
func TestClassesInAnInitialiser(t *testing.T) {
	for name, e := range engines(t) {
		labels, _, err := answers(t, e, stars(t, chosen, 1, 2, 3), starsSchema("label probabilities", "1", "2", "3"), -2, 0.5, 3)
		if diff := cmp.Diff([]string{"1", "2", "3"}, labels); diff != "" || err != nil {
			t.Errorf("%s: error %v\n%s", name, err, diff)
		}
	}
	_, _, err := answers(t, gonum.New(), stars(t, chosen, 1, 2, 3), starsSchema("label probabilities", "3", "2", "1"), 0)
	if want := `the classes ["1" "2" "3"]`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one with %q", err, want)
	}
}

// TestLabelsThatNeitherApplyNorNot: a label of multilabel is 0 or 1.
func TestLabelsThatNeitherApplyNorNot(t *testing.T) {
	n, two := onnx.Dim{Name: "n"}, onnx.Dim{Known: true, Size: 2}
	shape := []onnx.Dim{n, two}
	data, err := onnx.Encode(&onnx.Model{
		IRVersion: 8, OpsetImports: []onnx.OperatorSetID{{Version: 17}},
		Graph: &onnx.Graph{
			Name: "several", Inputs: []onnx.ValueInfo{{Name: "X", DType: tensor.Float32, HasShape: true, Shape: shape}},
			Nodes: []*onnx.Node{
				{OpType: "Sigmoid", Inputs: []string{"X"}, Outputs: []string{"probabilities"}},
				{OpType: "Cast", Inputs: []string{"X"}, Outputs: []string{"label"}, Attributes: []onnx.Attribute{onnx.IntAttr("to", int64(tensor.Int64))}},
			},
			Outputs: []onnx.ValueInfo{{Name: "label", DType: tensor.Int64, HasShape: true, Shape: shape}, {Name: "probabilities", DType: tensor.Float32, HasShape: true, Shape: shape}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := starsSchema("label probabilities", "a", "b")
	s.Tasks[0].Type = schema.MultiLabel
	p, err := predict.OpenBytes(data, predict.Options{Engine: gonum.New(), Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got, err := p.PredictTensors(context.Background(), runtime.Named{Name: "X", Tensor: tensor.Must(tensor.Of([]float32{1, 0}, 1, 2))})
	if err != nil || !cmp.Equal(got[0].Tasks[0].Labels, []string{"a"}) {
		t.Errorf("got %+v, error %v", got, err)
	}
	_, err = p.PredictTensors(context.Background(), runtime.Named{Name: "X", Tensor: tensor.Must(tensor.Of([]float32{2, 0}, 1, 2))})
	if want := `output "label" has 2, 0 or 1 says whether a label applies`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one with %q", err, want)
	}
}
