package score_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"espalier/data"
	"espalier/data/source"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
	"espalier/train/score"
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
	d := fiveExamples(t, s)
	m, err := score.NewMeter(s, d, nil, map[string][]string{"topic": {"recall:b"}})
	if err != nil {
		t.Fatal(err)
	}
	if w := m.Whole(); w.Share != nil || w.Examples != 0 {
		t.Errorf("before any example the share is %v of %d", w.Share, w.Examples)
	}
	var b data.Batch
	d.Fill(&b, []int{0, 1, 2, 3, 4})
	if diff := cmp.Diff([]int{3, 7, 4, 5}, b.Counts); diff != "" {
		t.Fatal(diff)
	}
	// Answers may be padded further than the batch.
	err = m.Add(&b, 3, map[string]*tensor.Tensor{
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

// fiveExamples are those that the test describes; a tag z is missing.
func fiveExamples(t *testing.T, s *schema.Schema) *data.Dataset {
	t.Helper()
	s.Inputs = []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: "whitespace"}}
	words := text.NewCounter()
	words.Add("w")
	e, err := data.Resume(s, words.Build(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	e.Unseen = data.IgnoreUnseen
	files := fstest.MapFS{"x.jsonl": {Data: []byte(`{"text": "w w", "topic": "a", "tags": ["x", "y"], "moods": ["q"], "score": 1}
{"text": "w w", "tags": ["y", "z"], "moods": [], "score": 2}
{"text": "w w", "topic": "b", "tags": ["x", "y"], "moods": ["p", "q"], "score": 3}
{"text": "w w", "topic": "b", "tags": ["y", "y"], "moods": [], "score": 4}
{"text": "w w", "score": 5}
`)}}
	d, err := e.Encode(source.List{{Format: "jsonl", File: "x.jsonl", FS: files}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestATypeThatIsNotKnown: a schema that nobody has checked is an error.
func TestATypeThatIsNotKnown(t *testing.T) {
	s := &schema.Schema{Tasks: []schema.Task{{Name: "t", Type: "ranking"}}}
	want := `task "t": type "ranking" is not known`
	if _, err := score.NewMeter(s, nil, nil, nil); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
