package predict_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/export"
	"espalier/onnx"
	"espalier/runtime/gonum"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// TestRelationsFromTensors: the relations of a text are what its tensors say of
// the last tokens of its spans, whatever the file reads; and asking for them
// alone, or through a buffer, changes nothing.
func TestRelationsFromTensors(t *testing.T) {
	ctx := context.Background()
	texts := []string{"i like new york", "", "new york new york like i like", "Zürich i york"}
	for name, c := range map[string]struct {
		in schema.Input
		o  export.Options
	}{
		"words":    {schema.Input{}, export.Options{}},
		"subword":  {schema.Input{Tokenizer: text.Subword}, export.Options{}},
		"raw text": {schema.Input{Lowercase: true}, export.Options{Input: "text"}},
		"two rows": {schema.Input{}, export.Options{Batch: 2}},
		"few":      {schema.Input{MaxLength: 3}, export.Options{}},
	} {
		for engine, e := range engines(t) {
			t.Run(name+", "+engine, func(t *testing.T) {
				p, err := predict.OpenBytes(everyTask(t, c.in, c.o), predict.Options{Engine: e})
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				alone, err := p.For("rel")
				if err != nil {
					t.Fatal(err)
				}
				b := alone.NewBuffer()
				defer b.Close()
				all, err := p.Predict(ctx, texts...)
				if err != nil {
					t.Fatal(err)
				}
				found := 0
				for i, s := range texts {
					want := relationsOf(t, p, s, &all[i], max(c.o.Batch, 1))
					found += len(want)
					one, err := b.Predict(ctx, s)
					if err != nil {
						t.Fatal(err)
					}
					if len(one[0].Tasks) != 1 {
						t.Fatalf("asked for one task, %d are answered", len(one[0].Tasks))
					}
					for way, got := range map[string]*predict.Answer{"batch": all[i].Task("rel"), "alone, by a buffer": one[0].Task("rel")} {
						if diff := cmp.Diff(want, got.Relations, cmpopts.EquateApprox(0, 1e-5), cmpopts.EquateEmpty()); diff != "" {
							t.Errorf("%s: %q: %s", way, s, diff)
						}
					}
				}
				if found < 2 {
					t.Errorf("%d relations were found in all", found)
				}
			})
		}
	}
}

// relationsOf decodes a text's relations from the tensors of a run.
func relationsOf(t *testing.T, p *predict.Predictor, s string, answer *predict.Prediction, rows int) []predict.Relation {
	t.Helper()
	units := answer.Tokens
	if answer.Pieces != nil {
		units = answer.Pieces
	}
	width := max(len(units), 1)
	ids, starts := make([]int64, rows*width), make([]int64, rows*width)
	for i, u := range units {
		ids[i] = p.Vocabulary().ID(u.Text)
		for _, w := range answer.Tokens {
			if w.Start == u.Start {
				starts[i] = 1
			}
		}
	}
	x, begins := tensor.Must(tensor.Of(ids, int64(rows), int64(width))), tensor.Must(tensor.Of(starts, int64(rows), int64(width)))
	out, err := p.Run(context.Background(), predict.Input{Texts: []string{s}, Tensors: []tensor.Named{
		{Name: p.Schema().Inputs[0].Tensor, Tensor: x}, {Name: schema.WordStarts, Tensor: begins},
	}})
	if err != nil {
		t.Fatal(err)
	}
	probabilities := out["rel_probabilities"]
	length, task := int(probabilities.Shape()[1]), p.Schema().Task("rel")
	place := func(word int) int {
		for i, u := range units {
			if u.Start == answer.Tokens[word].Start {
				return i
			}
		}
		t.Fatalf("word %d has no unit", word)
		return 0
	}
	var relations []predict.Relation
	for i, head := range answer.Task("spans").Spans {
		for j, tail := range answer.Task("spans").Spans {
			for l, label := range task.Labels {
				x := probabilities.Float32s()[(place(head.Last)*length+place(tail.Last))*len(task.Labels)+l]
				if i != j && x >= task.Thresholds[l] {
					relations = append(relations, predict.Relation{Label: label, Probability: x, Head: head, Tail: tail})
				}
			}
		}
	}
	return relations
}

// TestRelationsOfOtherShapes: a file whose output does not fit the schema is
// refused.
func TestRelationsOfOtherShapes(t *testing.T) {
	data := everyTask(t, schema.Input{}, export.Options{})
	m, err := onnx.Decode(data, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(s *schema.Schema)) []byte {
		s, err := schema.Decode([]byte(metadata(t, m, schema.Key)))
		if err != nil {
			t.Fatal(err)
		}
		f(s)
		changed := *m
		changed.Metadata = nil
		for _, pair := range m.Metadata {
			if pair.Key == schema.Key {
				content, err := s.Encode()
				if err != nil {
					t.Fatal(err)
				}
				pair.Value = string(content)
			}
			changed.Metadata = append(changed.Metadata, pair)
		}
		out, err := onnx.Encode(&changed)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	file := change(func(s *schema.Schema) { s.Task("rel").Labels, s.Task("rel").Thresholds = []string{"a"}, nil })
	if _, err := predict.OpenBytes(file, predict.Options{Engine: gonum.New()}); err == nil || !strings.Contains(err.Error(), `task "rel" has 1 labels, output "rel_probabilities" has 2`) {
		t.Error(err)
	}
	file = change(func(s *schema.Schema) {
		s.Task("rel").Outputs[0].Tensor = "topic_probabilities"
		s.Task("rel").Labels, s.Task("rel").Thresholds = []string{"a", "b", "c"}, nil
		s.Task("topic").Outputs = s.Task("topic").Outputs[1:]
	})
	p, err := predict.OpenBytes(file, predict.Options{Engine: gonum.New()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, err = p.Predict(context.Background(), "i like")
	if err == nil || !strings.Contains(err.Error(), `a relation's is [batch, sequence, sequence, labels]`) {
		t.Error(err)
	}
}

func metadata(t *testing.T, m *onnx.Model, key string) string {
	t.Helper()
	value, ok := m.MetadataValue(key)
	if !ok {
		t.Fatalf("there is no %s", key)
	}
	return value
}
