package models_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/models"
	"espalier/schema"
	"espalier/tensor"
)

// recurrentModel has a recurrent trunk and a tagging task whose labels are
// chosen together.
func recurrentModel(t *testing.T, trunk models.TrunkConfig) *models.Model {
	t.Helper()
	d := description()
	d.Tasks[2].Scheme = "bio"
	if trunk.Characters.Type != "" {
		d.Inputs[0].Characters = &schema.Characters{Alphabet: "abcdefghij", MaxLength: 6}
	}
	m, err := models.NewText(d, models.Config{Trunk: trunk, Heads: map[string]models.HeadConfig{"tags": {CRF: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sentences are three rows of different lengths with all labels.
func sentences(characters bool) map[string]*tensor.Tensor {
	in := ids([]int64{2, 3, 4, 5, 11}, []int64{5, 6, 7}, []int64{8})
	in["topic_labels"] = tensor.Must(tensor.Of([]int64{0, -1, 2}, 3))
	in["mood_labels"] = tensor.Must(tensor.Of([]int64{0, 1, 1}, 3))
	in["tags_labels"] = tensor.Must(tensor.Of([]int64{0, 1, 2, 2, 0, 1, 2, 0, -1, -1, 1, -1, -1, -1, -1}, 3, 5))
	in["score_labels"] = tensor.Must(tensor.Of([]float32{1, 2, 3}, 3))
	in["score_present"] = tensor.Must(tensor.Of([]float32{1, 0, 1}, 3))
	if characters {
		x := tensor.Must(tensor.New(tensor.Int64, 3, 5, 4))
		for i := range x.Int64s() {
			if id := in["ids"].Int64s()[i/4]; id != 0 && i%4 < int(id)%4+1 {
				x.Int64s()[i] = (id+int64(i))%10 + 2
			}
		}
		in[models.Characters] = x
	}
	return in
}

// TestRecurrentModelsAgree: both engines give the same answers, losses and
// gradients of recurrent models with a CRF; the file's recurrent operators and
// the Scans that train give the same answers, too.
func TestRecurrentModelsAgree(t *testing.T) {
	for name, trunk := range map[string]models.TrunkConfig{
		"lstm":               {Type: "lstm", Embedding: 6, Hidden: 5},
		"bilstm, two layers": {Type: "bilstm", Embedding: 6, Hidden: 8, Layers: 2, Residual: true, Pooling: "max"},
		"gru":                {Type: "gru", Embedding: 6, Hidden: 7, Pooling: "attention"},
		"bigru":              {Type: "bigru", Embedding: 6, Hidden: 8},
		"bilstm, characters": {Type: "bilstm", Embedding: 6, Hidden: 8, Characters: models.CharacterConfig{Type: "bilstm", Embedding: 3, Hidden: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			m := recurrentModel(t, trunk)
			in := sentences(trunk.Characters.Type != "")
			inference, err := m.Build(models.Inference)
			if err != nil {
				t.Fatal(err)
			}
			evaluation, err := m.Build(models.Evaluation)
			if err != nil {
				t.Fatal(err)
			}
			outputs := append(answers(evaluation), lossesAndGradients(evaluation)...)
			var first map[string]*tensor.Tensor
			for _, e := range engines(t) {
				got := program(t, e, evaluation, outputs)(in)
				for output, want := range program(t, e, inference, answers(inference))(in) {
					near(t, e.Name()+": file and trainer differ: "+output, got[output].Float32s(), want.Float32s())
					if !cmp.Equal(got[output].Int64s(), want.Int64s()) {
						t.Errorf("%s: file and trainer give other labels for %s", e.Name(), output)
					}
				}
				if first == nil {
					first = got
					continue
				}
				for output, want := range first {
					if !got[output].Shape().Equal(want.Shape()) {
						t.Errorf("%s is %v, on the other engine %v", output, got[output], want)
					}
					near(t, "engines differ: "+output, got[output].Float32s(), want.Float32s())
					if !cmp.Equal(got[output].Int64s(), want.Int64s()) {
						t.Errorf("engines give other labels for %s", output)
					}
				}
			}
		})
	}
}

// lossesAndGradients asks for every loss and for the gradient of their sum by
// every parameter.
func lossesAndGradients(b *models.Built) []builder.Output {
	var outputs []builder.Output
	var losses []*builder.Value
	for _, task := range b.Tasks {
		losses = append(losses, task.Loss)
		outputs = append(outputs, builder.Output{Name: task.Name + "/loss", Value: task.Loss})
	}
	wrt := b.Graph.Parameters()
	for i, d := range grad.Gradients(b.Graph, losses, nil, wrt) {
		outputs = append(outputs, builder.Output{Name: "gradient/" + strings.ReplaceAll(wrt[i].Name(), "/", "."), Value: d})
	}
	return outputs
}
