package models_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/builder"
	"espalier/models"
	"espalier/pretrained"
	"espalier/setting"
	"espalier/tensor"
)

// encoder is a small BERT: three layers of width 8.
func encoder(t *testing.T) *pretrained.Config {
	t.Helper()
	c, err := pretrained.ParseConfig([]byte(`{"model_type": "bert", "vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 3,
		"num_attention_heads": 2, "intermediate_size": 12, "max_position_embeddings": 24}`))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// reading is a model whose tasks read behind the layers that are named.
func reading(t *testing.T, trunk models.TrunkConfig, layers map[string]int) (*models.Model, error) {
	t.Helper()
	heads := map[string]models.HeadConfig{}
	for task, n := range layers {
		heads[task] = models.HeadConfig{Layer: n}
	}
	return models.NewText(description(), models.Config{Trunk: trunk, Heads: heads})
}

// answersOf computes all outputs of a model for a batch.
func answersOf(t *testing.T, m *models.Model) map[string]*tensor.Tensor {
	t.Helper()
	b, err := m.Build(models.Inference)
	if err != nil {
		t.Fatal(err)
	}
	var outputs []builder.Output
	for _, task := range b.Tasks {
		outputs = append(outputs, task.Outputs...)
	}
	ids := tensor.Must(tensor.Of([]int64{4, 5, 6, 7, 8, 2, 0, 0}, 2, 4))
	return program(t, engines(t)[1], b, outputs)(map[string]*tensor.Tensor{"ids": ids})
}

// TestAHeadReadsBehindItsLayer: a task that reads behind layer n answers as in a model
// whose trunk has n layers, and so do tasks beside it.
func TestAHeadReadsBehindItsLayer(t *testing.T) {
	of := encoder(t)
	for name, trunk := range map[string]func(layers int) models.TrunkConfig{
		"recurrent": func(n int) models.TrunkConfig { return models.TrunkConfig{Type: "bilstm", Embedding: 8, Layers: n} },
		"bag":       func(n int) models.TrunkConfig { return models.TrunkConfig{Type: "bag", Embedding: 8, Layers: n} },
		"stack": func(n int) models.TrunkConfig {
			parts := []models.TrunkConfig{{Type: "bag", Layers: 1}, {Type: "bilstm", Layers: 2, Skip: true}, {Type: "gru", Layers: 1}}
			return models.TrunkConfig{Embedding: 8, Stack: parts[:n]}
		},
		"pretrained": func(n int) models.TrunkConfig {
			c := *of
			c.Layers = n
			return models.TrunkConfig{Type: "pretrained", Path: ".", Pretrained: &c}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := reading(t, trunk(3), map[string]int{"topic": 1, "tags": 2})
			if err != nil {
				t.Fatal(err)
			}
			got := answersOf(t, m)
			for output, layers := range map[string]int{"topic_probabilities": 1, "tags_probabilities": 2, "mood_probabilities": 3, "score_value": 3} {
				alone, err := reading(t, trunk(layers), nil)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(answersOf(t, alone)[output].Float32s(), got[output].Float32s()); diff != "" {
					t.Errorf("%s is not that of a trunk of %d layers:\n%s", output, layers, diff)
				}
			}
			// What no task reads is not built.
			low, err := reading(t, trunk(3), map[string]int{"topic": 1, "mood": 1, "tags": 2, "score": 1})
			if err != nil {
				t.Fatal(err)
			}
			count, err := low.Parameters()
			if err != nil {
				t.Fatal(err)
			}
			two, err := reading(t, trunk(2), nil)
			if err != nil {
				t.Fatal(err)
			}
			if want, err := two.Parameters(); err != nil || want.Shared != count.Shared {
				t.Errorf("a trunk that is read behind two of three layers has %d numbers, one of two layers %d (%v)", count.Shared, want.Shared, err)
			}
		})
	}
}

// TestLayersThatCannotBeRead says why.
func TestLayersThatCannotBeRead(t *testing.T) {
	_, err := reading(t, models.TrunkConfig{Type: "bilstm", Embedding: 8, Layers: 2}, map[string]int{"tags": 3})
	if err == nil || err.Error() != `models: head "tags": layer is 3, and the trunk has 2 layers` {
		t.Errorf("got %v", err)
	}
	_, err = models.NewText(description(), models.Config{
		Trunk: models.TrunkConfig{Type: "bilstm", Embedding: 8, Layers: 2}, Sharing: models.SharingConfig{Method: "mmoe"},
		Heads: map[string]models.HeadConfig{"tags": {Layer: 1}},
	})
	const want = `models: head "tags": layer is 1, but with sharing method mmoe tasks read what stands above or beside the trunk's layers; layers are for method hard`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// TestTheSharedValueIsWhereTasksPart: balancing at the representation needs to know.
func TestTheSharedValueIsWhereTasksPart(t *testing.T) {
	of := encoder(t)
	trunk := func(o setting.Values) models.TrunkConfig {
		return models.TrunkConfig{Type: "pretrained", Path: ".", Pretrained: of, Options: o}
	}
	for name, c := range map[string]struct {
		options setting.Values
		layers  map[string]int
		one     bool
	}{
		"the last layer":         {nil, nil, true},
		"one layer":              {nil, map[string]int{"topic": 2, "mood": 2, "tags": 2, "score": 2}, true},
		"two layers":             {nil, map[string]int{"topic": 2}, false},
		"a mix":                  {setting.Values{"mix": true}, nil, false},
		"layers of each task":    {setting.Values{"tune": "lora", "own_layers": int64(2)}, nil, true},
		"and one that reads low": {setting.Values{"tune": "lora", "own_layers": int64(1)}, map[string]int{"topic": 1}, false},
	} {
		m, err := reading(t, trunk(c.options), c.layers)
		if err != nil {
			t.Fatal(err)
		}
		b, err := m.Build(models.Training)
		if err != nil {
			t.Fatal(err)
		}
		if (b.Shared != nil) != c.one {
			t.Errorf("%s: is there one shared value? %t", name, b.Shared != nil)
		}
	}
}

// TestMixes: a task that mixes the states behind its layers has a score for each of
// them; it reads layers 1 to its own.
func TestMixes(t *testing.T) {
	m, err := reading(t, models.TrunkConfig{Type: "pretrained", Path: ".", Pretrained: encoder(t), Options: setting.Values{"mix": true}}, map[string]int{"topic": 2})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Build(models.Inference)
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{}
	for _, v := range b.Graph.Parameters() {
		if strings.HasSuffix(v.Name(), "/mix/scores") {
			sizes[v.Name()] = v.Parameter().Size()
		}
	}
	if diff := cmp.Diff(map[string]int{"head/topic/mix/scores": 2, "head/mood/mix/scores": 3, "head/tags/mix/scores": 3, "head/score/mix/scores": 3}, sizes); diff != "" {
		t.Error(diff)
	}
}
