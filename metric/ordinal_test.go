package metric_test

import (
	"math"
	"testing"

	"espalier/metric"
	"espalier/task"
)

// TestRanksAreScikitLearns: the weighted kappa and the error in ranks, of all examples at
// once and merged from two parts.
func TestRanksAreScikitLearns(t *testing.T) {
	var cases []struct {
		Classes          int
		Truth, Predicted []int64
		Kappa            float64 `json:"quadratic_kappa"`
		Error            float64 `json:"rank_mae"`
	}
	read(t, "ranks.json", &cases)
	for i, c := range cases {
		of := taskOf(task.Ordinal, make([]string, c.Classes)...)
		for name, want := range map[string]float64{"quadratic_kappa": c.Kappa, "rank_mae": c.Error} {
			a, b := newMetric(t, name, of), newMetric(t, name, of)
			half := len(c.Truth) / 2
			a.AddLabels(c.Predicted[:half], c.Truth[:half])
			b.AddLabels(c.Predicted[half:], c.Truth[half:])
			if err := a.Merge(b); err != nil {
				t.Fatal(err)
			}
			if got := a.Value(); math.Abs(got-want) > 1e-12 {
				t.Errorf("case %d: %s is %v, scikit-learn has %v", i, name, got, want)
			}
		}
	}
}

// TestLabelsWithoutARank are as far off as can be, and kappa of one label is not defined.
func TestLabelsWithoutARank(t *testing.T) {
	of := taskOf(task.Ordinal, "a", "b", "c", "d")
	for _, c := range []struct {
		metric           string
		predicted, truth []int64
		want             float64
	}{
		{"rank_mae", []int64{1, 2, 0}, []int64{1, 0, -1}, 1},
		{"rank_mae", []int64{1, 2}, []int64{-2, -3}, 3},
		{"rank_mae", []int64{9}, []int64{1}, 3},
		{"quadratic_kappa", []int64{0, 0}, []int64{0, 3}, 0},
		{"quadratic_kappa", []int64{3, 0}, []int64{0, 3}, -1},
		{"quadratic_kappa", []int64{0, 3, 1}, []int64{0, 3, -2}, 1 - 9/(50.0/3)},
		{"quadratic_kappa", []int64{2, 2}, []int64{2, 2}, math.NaN()},
		{"quadratic_kappa", nil, nil, math.NaN()},
	} {
		a := newMetric(t, c.metric, of)
		a.AddLabels(c.predicted, c.truth)
		if got := a.Value(); !(math.Abs(got-c.want) < 1e-12) && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s of %v for %v is %v, want %v", c.metric, c.predicted, c.truth, got, c.want)
		}
	}
	if got := metric.Reason("quadratic_kappa"); got != "all labels and all predictions are one label" {
		t.Error(got)
	}
	if err := newMetric(t, "rank_mae", of).Merge(newMetric(t, "quadratic_kappa", of)); err == nil {
		t.Error("an error in ranks takes a kappa")
	}
}

// TestSkillOfRanks: 0 for the median of training, 1 without an error.
func TestSkillOfRanks(t *testing.T) {
	of := taskOf(task.Ordinal, "a", "b", "c")
	of.Counts = []int{5, 1, 4} // the median is a; the others are 1 and 2 off
	for value, want := range map[float64]float64{0: 1, 0.9: 0, 1.8: -0.5} {
		if got := metric.Skill("rank_mae", value, of); math.Abs(got-want) > 1e-12 {
			t.Errorf("the skill of %v is %v, want %v", value, got, want)
		}
	}
	if got := metric.Skill("quadratic_kappa", 0.3, of); got != 0.3 {
		t.Errorf("a kappa is its own skill, not %v", got)
	}
	if of.Counts = nil; !math.IsNaN(metric.Skill("rank_mae", 1, of)) {
		t.Error("there is a skill without counts")
	}
}
