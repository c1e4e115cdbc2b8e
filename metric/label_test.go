package metric_test

import (
	"strings"
	"testing"

	"espalier/schema"
	"espalier/task"
)

// TestMetricsOfOneLabel: of four texts two are out; one of them is found, and
// one text that is in is called out.
func TestMetricsOfOneLabel(t *testing.T) {
	spans := &schema.Task{Name: "t", Type: schema.Tagging, Scheme: "bio", Labels: []string{"O", "B-x", "I-x", "B-y"}}
	for _, c := range []struct {
		name             string
		task             *schema.Task
		predicted, truth []int64
		want             float64
	}{
		{"recall:out", taskOf(schema.Classification, "in", "out"), []int64{1, 0, 1, 0, 0}, []int64{1, 1, 0, 0, 0}, 1. / 2},
		{"precision:out", taskOf(schema.Classification, "in", "out"), []int64{1, 1, 1, 0, 0}, []int64{1, 1, 0, 0, -1}, 2. / 3},
		{"f1:out", taskOf(schema.Classification, "in", "out"), []int64{1, 1, 1, 0, 0}, []int64{1, 1, 0, 0, 1}, 2. / 3},
		{"recall:b", taskOf(schema.MultiLabel, "a", "b"), []int64{1, 0}, []int64{1, 1}, 0},
		{"precision:a", taskOf(schema.MultiLabel, "a", "b"), []int64{1, 0}, []int64{1, 1}, 1},
		{"recall:x", spans, []int64{1, 2, 0, 1}, []int64{1, 2, 3, 1}, 1},
		{"f1:y", spans, []int64{1, 2, 3, 1}, []int64{1, 2, 3, 3}, 2. / 3},
	} {
		m, again := newMetric(t, c.name, c.task), newMetric(t, c.name, c.task)
		m.AddLabels(c.predicted, c.truth)
		if got := m.Value(); got < c.want-1e-12 || got > c.want+1e-12 {
			t.Errorf("%s is %v, want %v", c.name, got, c.want)
		}
		if err := again.Merge(m); err != nil || again.Value() != m.Value() || again.Count() != m.Count() {
			t.Errorf("%s merged is %v of %d (%v)", c.name, again.Value(), again.Count(), err)
		}
	}
	for name, want := range map[string]string{
		"recall:none": "metric: recall:none is of a label that the task does not have; its labels are in, out",
		"speed:in":    "metric: of one label of a task there are precision:L, recall:L and f1:L",
	} {
		if _, err := task.NewMetric(name, taskOf(schema.Classification, "in", "out")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	const none = "metric: recall:z names a type of spans that the task does not have; its types are x, y"
	if _, err := task.NewMetric("recall:z", spans); err == nil || err.Error() != none {
		t.Errorf("%v, want %q", err, none)
	}
	if err := newMetric(t, "recall:a", taskOf(schema.MultiLabel, "a", "b")).Merge(newMetric(t, "f1:a", taskOf(schema.MultiLabel, "a", "b"))); err == nil {
		t.Error("a recall takes the counts of an F1")
	}
}
