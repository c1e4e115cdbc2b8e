package export_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/export"
	"espalier/export/verify"
	"espalier/models"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// fixture is a model with two heads, its parameters and its vocabulary.
func fixture(t *testing.T) (*models.Model, map[string]*tensor.Tensor, *text.Vocabulary) {
	t.Helper()
	return fixtureOf(t, models.TrunkConfig{Type: "cnn", Embedding: 6, Layers: 1})
}

func fixtureOf(t testing.TB, trunk models.TrunkConfig) (*models.Model, map[string]*tensor.Tensor, *text.Vocabulary) {
	t.Helper()
	counter := text.NewCounter()
	for i := range 20 {
		counter.Add(fmt.Sprint("w", i))
	}
	words := counter.Build(1, 0)
	m, err := models.NewText(&schema.Schema{
		Version: schema.Version, Name: "fixture",
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: models.IDs, VocabularySize: words.Size()}},
		Tasks: []schema.Task{
			{Name: "topic", Type: schema.Classification, Labels: []string{"a", "b", "c"}},
			{Name: "tags", Type: schema.Tagging, Labels: []string{"O", "X"}},
		},
	}, models.Config{Trunk: trunk})
	if err != nil {
		t.Fatal(err)
	}
	return m, parametersOf(t, m), words
}

// parametersOf are those that training starts from.
func parametersOf(t testing.TB, m *models.Model) map[string]*tensor.Tensor {
	t.Helper()
	b, err := m.Build(models.Inference)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]*tensor.Tensor{}
	for _, v := range b.Graph.Parameters() {
		x := make([]float32, v.Parameter().Size())
		v.Parameter().Fill(x, 1)
		values[v.Name()] = tensor.Must(tensor.Of(x, v.Parameter().Shape...))
	}
	return values
}

func TestFileExplainsItself(t *testing.T) {
	m, values, words := fixture(t)
	file, err := export.Model(m, values, words, export.Options{Training: map[string]int{"seed": 7}})
	if err != nil {
		t.Fatal(err)
	}
	if file.IRVersion != 8 || !cmp.Equal(file.OpsetImports, []onnx.OperatorSetID{{Version: 17}}) {
		t.Errorf("IR %d, operator sets %v", file.IRVersion, file.OpsetImports)
	}
	var outputs []string
	for _, o := range file.Graph.Outputs {
		outputs = append(outputs, o.Name)
	}
	if diff := cmp.Diff([]string{"topic_probabilities", "topic_label", "tags_probabilities", "tags_label"}, outputs); diff != "" {
		t.Error(diff)
	}
	description, _ := file.MetadataValue(schema.Key)
	s, err := schema.Decode([]byte(description))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.Schema(), s); diff != "" {
		t.Error(diff)
	}
	compressed, _ := file.MetadataValue(schema.KeyVocabulary)
	hash, _ := file.MetadataValue(schema.KeyVocabularyHash)
	if v, err := text.FromCompressed(compressed, hash); err != nil || v.Hash() != words.Hash() {
		t.Errorf("vocabulary: %v", err)
	}
	if how, _ := file.MetadataValue(schema.KeyTraining); how != `{"seed":7}` {
		t.Errorf("training is %s", how)
	}
	for _, n := range file.Graph.Nodes {
		if n.OpType == "Identity" || n.OpType == "Dropout" {
			t.Errorf("node %s (%s) does nothing", n.Name, n.OpType)
		}
	}
}

func TestHeadsThatAreLeftOutLeaveNothing(t *testing.T) {
	m, values, words := fixture(t)
	whole, err := export.Model(m, values, words, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	part, err := export.Model(m, values, words, export.Options{Heads: []string{"tags"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(part.Graph.Outputs) != 2 || len(part.Graph.Initializers) >= len(whole.Graph.Initializers) {
		t.Errorf("%d outputs, %d of %d initialisers", len(part.Graph.Outputs), len(part.Graph.Initializers), len(whole.Graph.Initializers))
	}
	for _, i := range part.Graph.Initializers {
		if strings.HasPrefix(i.Name, "head/topic/") {
			t.Errorf("%s is in the file", i.Name)
		}
	}
	_, err = export.Model(m, values, words, export.Options{Heads: []string{"mood"}})
	if err == nil || err.Error() != `unknown task "mood" in --heads; the model has topic, tags` {
		t.Errorf("got %v", err)
	}
}

func TestParametersMustBeThere(t *testing.T) {
	m, values, words := fixture(t)
	const name = "head/topic/logits/bias"
	delete(values, name)
	_, err := export.Model(m, values, words, export.Options{})
	if err == nil || err.Error() != `export: parameter "head/topic/logits/bias" has no value` {
		t.Errorf("got %v", err)
	}
	values[name] = tensor.Must(tensor.Of([]float32{1}, 1))
	_, err = export.Model(m, values, words, export.Options{})
	if err == nil || !strings.Contains(err.Error(), `parameter "head/topic/logits/bias" is float32[3], its elements are float32[1]`) {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, change func(values map[string]*tensor.Tensor)) string {
	t.Helper()
	m, values, words := fixture(t)
	if change != nil {
		change(values)
	}
	file, err := export.Model(m, values, words, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := export.Write(path, file); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSameModelGivesSameBytes(t *testing.T) {
	a, err := os.ReadFile(write(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(write(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the bytes differ")
	}
}

// TestVerifyFindsADifference: a file whose parameters are not the trainer's is
// found out, and one whose are passes.
func TestVerifyFindsADifference(t *testing.T) {
	reference, err := gonum.New().OpenFile(write(t, nil), runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reference.Close()
	answers := func(ctx context.Context, in []runtime.Named) ([]runtime.Named, error) {
		var out []runtime.Named
		for _, o := range reference.Outputs() {
			out = append(out, runtime.Named{Name: o.Name})
		}
		return out, reference.Run(ctx, in, out)
	}
	options := verify.Options{Engines: []runtime.Engine{gonum.New()}, Reference: answers}
	same, err := verify.File(context.Background(), write(t, nil), options)
	if err != nil || !same.OK() || len(same.Outputs) != 4 || len(same.Shapes) != 9 {
		t.Errorf("the same file: %v\n%s", err, same.Table())
	}
	other := write(t, func(values map[string]*tensor.Tensor) { values["head/topic/logits/bias"].Float32s()[0] += 1e-3 })
	report, err := verify.File(context.Background(), other, options)
	if err != nil || report.OK() {
		t.Errorf("a file with another bias passes: %v\n%s", err, report.Table())
	}
	for _, o := range report.Outputs {
		if differs := o.Absolute > verify.Bound; differs != (o.Name == "topic_probabilities") {
			t.Errorf("%s differs by %v", o.Name, o.Absolute)
		}
	}
	broken := errors.New("broken")
	options.Reference = func(context.Context, []runtime.Named) ([]runtime.Named, error) { return nil, broken }
	if _, err := verify.File(context.Background(), other, options); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, err := verify.File(context.Background(), other, verify.Options{}); err == nil || err.Error() != "verify: no engine is given" {
		t.Errorf("got %v", err)
	}
}
