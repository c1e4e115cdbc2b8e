package train_test

import (
	"testing"

	"espalier/data"
	"espalier/schema"
	"espalier/tensor"
	"espalier/train"
)

// TestWholeCountsExamplesThatAreRightInEveryTask: of four examples the first is
// right, the second lacks a task's label and is not counted, the third has one
// wrong tag and the fourth a wrong class; a fifth has no label at all.
func TestWholeCountsExamplesThatAreRightInEveryTask(t *testing.T) {
	s := &schema.Schema{Tasks: []schema.Task{
		{Name: "topic", Type: schema.Classification, Labels: []string{"a", "b"}},
		{Name: "tags", Type: schema.Tagging, Labels: []string{"x", "y"}},
		{Name: "moods", Type: schema.MultiLabel, Labels: []string{"p", "q"}},
		{Name: "score", Type: schema.Regression},
	}}
	for i := range s.Tasks {
		s.Tasks[i].Outputs = []schema.Output{
			{Role: schema.Probabilities, Tensor: s.Tasks[i].Name + "_probabilities"},
			{Role: schema.Label, Tensor: s.Tasks[i].Name + "_label"},
			{Role: schema.Value, Tensor: s.Tasks[i].Name + "_value"},
		}
	}
	m, err := train.NewMeter(s, nil, nil, map[string][]string{"topic": {"recall:b"}})
	if err != nil {
		t.Fatal(err)
	}
	if w := m.Whole(); w.Share != nil || w.Examples != 0 {
		t.Errorf("before any example the share is %v of %d", w.Share, w.Examples)
	}
	b := &data.Batch{
		Size: 5, Length: 2,
		Labels: [][]int64{{0, -1, 1, 1, -1}, {0, 1, 1, -1, 0, 1, 1, 1, -1, -1}, {0, 1, 0, 0, 1, 1, 0, 0, -1, -1}, nil},
		Values: [][]float64{nil, nil, nil, {1, 2, 3, 4, 5}}, Present: [][]float32{nil, nil, nil, {1, 1, 1, 1, 1}},
		Counts: []int{3, 7, 4, 5},
	}
	// Answers may be padded further than the batch.
	err = m.Add(b, 3, map[string]*tensor.Tensor{
		"topic_label": tensor.Must(tensor.Of([]int64{0, 1, 1, 0, 0}, 5)),
		// Only these are measured: no other task has two classes.
		"topic_probabilities": tensor.Must(tensor.Of([]float32{1, 0, 0, 1, 0, 1, 1, 0, 1, 0}, 5, 2)),
		"tags_label":          tensor.Must(tensor.Of([]int64{0, 1, 9, 1, 0, 9, 1, 1, 9, 1, 1, 9, 0, 0, 9}, 5, 3)),
		"moods_label":         tensor.Must(tensor.Of([]int64{0, 1, 0, 0, 1, 1, 0, 0, 1, 1}, 5, 2)),
		"score_value":         tensor.Must(tensor.Of([]float32{9, 9, 9, 9, 9}, 5)),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if w := m.Whole(); w.Examples != 3 || w.Share == nil || *w.Share != 1./3 {
		t.Errorf("whole is %v, want 1 of 3", w)
	}
	if got := m.Scores()[0].Metrics["recall:b"]; got != 0.5 {
		t.Errorf("recall:b is %v, want 1 of 2", got)
	}
}
