package recipe

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/train/threshold"
)

// TestThresholdsAreTunedForTheTasksMetric: for one of a single label, for macro F1;
// the written recipe says which, and a task's own recipe keeps what was set.
func TestThresholdsAreTunedForTheTasksMetric(t *testing.T) {
	for _, c := range []struct {
		task, written string
		want          threshold.Config
		value         float64
	}{
		{"{type: multilabel}", "tune: auto\n      value: 0.5\n      metric: macro_f1", threshold.Config{Tune: "auto", Metric: "macro_f1"}, 0.5},
		{"{type: multilabel, metric: micro_f1}", "tune: auto\n      value: 0.5\n      metric: micro_f1", threshold.Config{Tune: "auto", Metric: "micro_f1"}, 0.5},
		{"{type: multilabel, metric: exact_match, threshold: {tune: one}}", "tune: one\n      value: 0.5\n      metric: exact_match", threshold.Config{Tune: "one", Metric: "exact_match"}, 0.5},
		{"{type: multilabel, metric: \"recall:x\", threshold: {tune: each, value: 0.2}}", "tune: each\n      value: 0.2\n      metric: macro_f1", threshold.Config{Tune: "each", Metric: "macro_f1"}, 0.2},
		{"{type: multilabel, metric: exact_match, threshold: {metric: micro_f1}}", "tune: auto\n      value: 0.5\n      metric: micro_f1", threshold.Config{Tune: "auto", Metric: "micro_f1"}, 0.5},
		{"{type: multilabel, threshold: {tune: none, value: 0.3}}", "tune: none\n      value: 0.3\n", threshold.Config{Tune: "none", Metric: "macro_f1"}, 0.3},
		{"{type: relation, entities: spans}", "tune: auto\n      value: 0.5\n      metric: micro_f1", threshold.Config{Tune: "auto", Metric: "micro_f1"}, 0.5},
	} {
		r := parsed(t, strings.Replace(least, "topic: {type: classification}", "spans: {type: tagging, scheme: bio}\n  topic: "+c.task, 1))
		single, err := r.Single("topic")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []*Recipe{r, single} {
			if diff := cmp.Diff(map[string]threshold.Config{"topic": c.want}, r.Training().Thresholds); diff != "" {
				t.Errorf("%s: %s", c.task, diff)
			}
			if got := r.Model().Heads["topic"].Threshold; got != c.value {
				t.Errorf("%s starts at %v, want %v", c.task, got, c.value)
			}
			if written := marshalled(t, r); !strings.Contains(written, "    threshold:\n      "+c.written) || strings.Count(written, "threshold:") != 1 {
				t.Errorf("%s is written as\n%s", c.task, written)
			}
		}
	}
}

// TestWhereOfLabelsAndElements: keys may have dots, and elements of lists numbers.
func TestWhereOfLabelsAndElements(t *testing.T) {
	r := parsed(t, strings.Replace(least, "topic: {type: classification}", "topic:\n    type: classification\n    class_weights: {a: 1,\n      b.c: 2}\n    metrics: [\"f1:a\",\n      \"f1:b.c\"]", 1))
	for want, keys := range map[string][]string{
		"dir/small.yaml:9: tasks.topic.class_weights.b.c": {"tasks", "topic", "class_weights", "b.c"},
		"dir/small.yaml:11: tasks.topic.metrics.1":        {"tasks", "topic", "metrics", "1"},
		"dir/small.yaml: tasks.topic.metrics.2":           {"tasks", "topic", "metrics", "2"},
	} {
		if got := r.where(keys...); got != want {
			t.Errorf("%v is at %q, want %q", keys, got, want)
		}
	}
}
