package metric_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"espalier/metric"
	"espalier/schema"
	"espalier/task"
)

// TestUndefinedIsNotZero: a metric is not defined where its definition divides
// by 0, and nowhere else.
func TestUndefinedIsNotZero(t *testing.T) {
	binary := taskOf(schema.Classification, "a", "b")
	several := taskOf(schema.MultiLabel, "a", "b")
	spans := &schema.Task{Name: "t", Type: schema.Tagging, Scheme: "bio", Labels: []string{"O", "B-x", "B-y"}}
	relation := &schema.Task{Name: "t", Type: schema.Relation, Labels: []string{"a"}}
	nan := math.NaN()
	for _, c := range []struct {
		metric           string
		of               *schema.Task
		predicted, truth []int64
		want             float64
	}{
		{"accuracy", binary, []int64{0, 0}, []int64{1, 1}, 0},
		{"accuracy", binary, []int64{0, 0}, []int64{-1, -1}, nan},
		{"exact_match", several, []int64{0, 0}, []int64{0, 0}, 1},
		{"micro_f1", several, []int64{0, 0}, []int64{0, 0}, nan},
		{"macro_f1", several, []int64{0, 0}, []int64{0, 0}, nan},
		{"macro_f1", several, []int64{1, 0}, []int64{0, 0}, 0},
		{"micro_f1", several, []int64{0, 0}, []int64{1, 0}, 0},
		{"precision:a", binary, []int64{1, 1}, []int64{0, 1}, nan},
		{"precision:a", binary, []int64{0, 1}, []int64{1, 1}, 0},
		{"recall:a", binary, []int64{0, 1}, []int64{1, 1}, nan},
		{"recall:a", binary, []int64{1, 1}, []int64{0, 1}, 0},
		{"f1:a", binary, []int64{1, 1}, []int64{1, 1}, nan},
		{"f1:a", binary, []int64{1, 1}, []int64{1, 0}, 0},
		{"span_f1", spans, []int64{0, 0}, []int64{0, 0}, nan},
		{"span_f1", spans, []int64{1, 0}, []int64{0, 0}, 0},
		{"precision:y", spans, []int64{1, 0}, []int64{2, 0}, nan},
		{"recall:y", spans, []int64{2, 0}, []int64{1, 0}, nan},
		{"relation_f1", relation, nil, nil, nan},
		{"relation_f1", relation, nil, []int64{0, 0, 0, 1, 1, 0, 0}, 0},
	} {
		a := newMetric(t, c.metric, c.of)
		a.AddLabels(c.predicted, c.truth)
		if got := a.Value(); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s of %v for %v is %v, want %v", c.metric, c.predicted, c.truth, got, c.want)
		}
	}
	for _, c := range []struct {
		metric           string
		predicted, truth []float64
		defined          bool
	}{
		{"auc", []float64{0.1, 0.9}, []float64{1, 1}, false},
		{"auc", []float64{0.1, 0.9}, []float64{1, 0}, true},
		{"log_loss", nil, nil, false},
		{"log_loss", []float64{0.5}, []float64{1}, true},
		{"r2", []float64{3, 2}, []float64{3, 3}, false},
		{"r2", []float64{3}, []float64{3}, false},
		{"rmse", []float64{3}, []float64{3}, true},
		{"mae", nil, nil, false},
		{"d2", []float64{3, 2}, []float64{3, 3}, false},
		{"d2", []float64{3, 2}, []float64{0, 0}, false},
		{"d2", []float64{3, 2}, []float64{0, 4}, true},
		{"poisson_deviance", []float64{3, 2}, []float64{0, 0}, true},
		{"poisson_deviance", []float64{0, 2}, []float64{0, 1}, true},
		{"poisson_deviance", []float64{-1, 2}, []float64{0, 1}, false},
		{"poisson_deviance", []float64{math.NaN(), 2}, []float64{0, 1}, false},
	} {
		of := binary
		if !metric.OfScores(c.metric) {
			of = taskOf(task.Count)
		}
		a := newMetric(t, c.metric, of)
		a.AddValues(c.predicted, c.truth)
		if got := a.Value(); math.IsNaN(got) == c.defined {
			t.Errorf("%s of %v for %v is %v", c.metric, c.predicted, c.truth, got)
		}
	}
}

// TestSkillsHaveNoUnit: whatever is added to the values of a regression and
// whatever they are multiplied by, the skill stays; it is 0 for answering the
// mean of training, 1 without an error, and turns where the metric does not.
func TestSkillsHaveNoUnit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	truth, guess := make([]float64, 50), make([]float64, 50)
	for i := range truth {
		truth[i] = r.NormFloat64()
		guess[i] = truth[i] + 0.5*r.NormFloat64()
	}
	mean, deviation := moments(truth)
	skills := func(name string, scale, shift float64, guess []float64) float64 {
		of := &schema.Task{Type: schema.Regression, Mean: mean*scale + shift, Deviation: deviation * scale}
		a := newMetric(t, name, of)
		for i, y := range truth {
			a.AddValues([]float64{guess[i]*scale + shift}, []float64{y*scale + shift})
		}
		return metric.Skill(name, a.Value(), of)
	}
	means := make([]float64, len(truth))
	for i := range means {
		means[i] = mean
	}
	for _, name := range task.Of(schema.Regression).Metrics() {
		want := skills(name, 1, 0, guess)
		for _, c := range [][2]float64{{1e6, 0}, {1e-6, 0}, {1000, -300}} {
			if got := skills(name, c[0], c[1], guess); math.Abs(got-want) > 1e-5 || !(want > 0.3 && want < 1) {
				t.Errorf("the skill by %s of values times %v plus %v is %v, of the values %v", name, c[0], c[1], got, want)
			}
		}
		if got := skills(name, 1, 0, truth); got != 1 {
			t.Errorf("the skill by %s without an error is %v", name, got)
		}
		if got := skills(name, 1, 0, means); name != "mae" && math.Abs(got) > 1e-6 {
			t.Errorf("the skill by %s of answering the mean is %v", name, got)
		}
	}
	of := &schema.Task{Type: schema.Regression, Deviation: 2}
	for err, want := range map[float64]float64{0: 1, 1: 0.5, 2: 0, 4: -0.5, 2e9: -1 + 1e-9} {
		if got := metric.Skill("rmse", err, of); math.Abs(got-want) > 1e-12 {
			t.Errorf("the skill of an rmse of %v where the deviation is 2 is %v, want %v", err, got, want)
		}
	}
	if got := metric.Skill("rmse", 3, &schema.Task{Type: schema.Regression}); !math.IsNaN(got) {
		t.Errorf("without a deviation the skill is %v", got)
	}
}

// moments are the mean and the deviation of values.
func moments(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(deviation)
}

// TestSkillOfLogLoss: answering the frequencies of the labels has skill 0.
func TestSkillOfLogLoss(t *testing.T) {
	of := taskOf(schema.Classification, "no", "yes")
	of.Counts = []int{30, 10}
	a := newMetric(t, "log_loss", of)
	for i := range 40 {
		y := 0.0
		if i < 10 {
			y = 1
		}
		a.AddValues([]float64{0.25}, []float64{y})
	}
	if got := metric.Skill("log_loss", a.Value(), of); math.Abs(got) > 1e-6 {
		t.Errorf("answering the frequencies has the skill %v", got)
	}
	if got := metric.Skill("accuracy", 0.75, of); got != 0.75 {
		t.Errorf("an accuracy stands for itself, here it is %v", got)
	}
}

// TestSkillsOfCounts: one deviance has no reference of training, so that its score is
// that of d2, which has no unit.
func TestSkillsOfCounts(t *testing.T) {
	for value, want := range map[float64]float64{1: 1, 0.4: 0.4, 0: 0, -1: -0.5} {
		if got := metric.Skill("d2", value, taskOf(task.Count)); math.Abs(got-want) > 1e-12 {
			t.Errorf("the skill of a d2 of %v is %v, want %v", value, got, want)
		}
	}
	if got := metric.Skill("poisson_deviance", 1, &schema.Task{Type: task.Count, Mean: 2, Deviation: 1}); !math.IsNaN(got) || metric.Quotient("poisson_deviance") != "d2" {
		t.Errorf("the skill of a deviance is %v, in its place is that of %q", got, metric.Quotient("poisson_deviance"))
	}
	zero := newMetric(t, "d2", taskOf(task.Count))
	if zero.AddValues([]float64{0, 1}, []float64{3, 1}); !math.IsInf(zero.Value(), -1) {
		t.Errorf("a prediction of 0 for a count of 3 has a d2 of %v", zero.Value())
	}
}

func TestReasons(t *testing.T) {
	for name, want := range map[string]string{
		"auc":         "all labels are of one class",
		"r2":          "the true values are all the same",
		"d2":          "the true counts are all the same, or a prediction is not above 0",
		"precision:a": "a is never predicted",
		"recall:a":    "a is never true",
		"f1:a":        "a is neither true nor predicted",
		"span_f1":     "there is no span, neither true nor predicted",
		"relation_f1": "there is no relation, neither true nor predicted",
		"micro_f1":    "no label is true or predicted",
		"rmse":        "an answer is not a finite number",
	} {
		if got := metric.Reason(name); got != want {
			t.Errorf("%s is not defined because %q, want %q", name, got, want)
		}
	}
}
