package metric_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/metric"
	"espalier/schema"
	"espalier/task"
)

var close9 = cmpopts.EquateApprox(0, 1e-9)

// read decodes a file that testdata/golden.py wrote.
func read(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(content, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func taskOf(kind schema.TaskType, labels ...string) *schema.Task {
	return &schema.Task{Name: "t", Type: kind, Labels: labels}
}

func newMetric(t *testing.T, name string, of *schema.Task) metric.Accumulator {
	t.Helper()
	a, err := task.NewMetric(name, of)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

type sklearn struct {
	Labels []struct {
		Classes          int
		Truth, Predicted []int64
		Accuracy         float64
		Macro            float64 `json:"macro_f1"`
		Micro            float64 `json:"micro_f1"`
		Weighted         float64 `json:"weighted_f1"`
		Each             []metric.Score
	}
	Values []struct {
		Truth, Predicted   []float64
		MSE, RMSE, MAE, R2 float64
	}
}

func TestLabelsAgreeWithScikitLearn(t *testing.T) {
	var golden sklearn
	read(t, "sklearn.json", &golden)
	for _, g := range golden.Labels {
		of := taskOf(schema.Classification, make([]string, g.Classes)...)
		weighted := metric.NewF1(g.Classes, metric.Weighted)
		got := map[string]float64{}
		for name, a := range map[string]metric.Accumulator{
			"accuracy": newMetric(t, "accuracy", of), "macro_f1": newMetric(t, "macro_f1", of),
			"micro_f1": newMetric(t, "micro_f1", of), "weighted_f1": weighted,
		} {
			for i := range g.Truth { // one case at a time, as the trainer does
				a.AddLabels(g.Predicted[i:i+1], g.Truth[i:i+1])
			}
			got[name] = a.Value()
		}
		want := map[string]float64{"accuracy": g.Accuracy, "macro_f1": g.Macro, "micro_f1": g.Micro, "weighted_f1": g.Weighted}
		if diff := cmp.Diff(want, got, close9); diff != "" {
			t.Errorf("%d classes: %s", g.Classes, diff)
		}
		for c, want := range g.Each {
			if diff := cmp.Diff(want, orZero(weighted.Class(c)), close9); diff != "" {
				t.Errorf("class %d of %d: %s", c, g.Classes, diff)
			}
		}
	}
}

// orZero has 0 for what is not defined, as the libraries were told to by
// zero_division=0.
func orZero(s metric.Score) metric.Score {
	for _, x := range []*float64{&s.Precision, &s.Recall, &s.F1} {
		if math.IsNaN(*x) {
			*x = 0
		}
	}
	return s
}

func TestValuesAgreeWithScikitLearn(t *testing.T) {
	var golden sklearn
	read(t, "sklearn.json", &golden)
	for i, g := range golden.Values {
		for name, want := range map[string]float64{"mse": g.MSE, "rmse": g.RMSE, "mae": g.MAE, "r2": g.R2} {
			a := newMetric(t, name, taskOf(schema.Regression))
			a.AddValues(g.Predicted, g.Truth)
			if diff := cmp.Diff(want, a.Value(), close9); diff != "" {
				t.Errorf("case %d, %s: %s", i, name, diff)
			}
		}
	}
}

func TestCountsAgreeWithScikitLearn(t *testing.T) {
	var golden []struct {
		Truth, Predicted []float64
		Deviance         float64 `json:"poisson_deviance"`
		D2               float64
	}
	read(t, "counts.json", &golden)
	for i, g := range golden {
		for name, want := range map[string]float64{"poisson_deviance": g.Deviance, "d2": g.D2} {
			whole, merged := newMetric(t, name, taskOf(task.Count)), newMetric(t, name, taskOf(task.Count))
			whole.AddValues(g.Predicted, g.Truth)
			for j := range g.Truth {
				one := newMetric(t, name, taskOf(task.Count))
				one.AddValues(g.Predicted[j:j+1], g.Truth[j:j+1])
				if err := merged.Merge(one); err != nil {
					t.Fatal(err)
				}
			}
			for _, a := range []metric.Accumulator{whole, merged} {
				if math.Abs(a.Value()-want) > 1e-9*max(1, math.Abs(want)) || a.Count() != len(g.Truth) {
					t.Errorf("case %d: %s is %v over %d, want %v over %d", i, name, a.Value(), a.Count(), want, len(g.Truth))
				}
			}
		}
	}
}

func TestMissingLabelsAreNotCounted(t *testing.T) {
	tags := taskOf(schema.Tagging, "O", "B-x", "I-x", "B-y")
	for _, c := range []struct {
		name             string
		predicted, truth [][]int64
		value            float64
		count            int
	}{
		{"accuracy", [][]int64{{1, 2, 0}, {3}}, [][]int64{{1, -1, 3}, {-1}}, 0.5, 2},
		{"exact_match", [][]int64{{1, 2, 0}, {3}, {1, 0}}, [][]int64{{1, -1, 0}, {-1}, {1, 1}}, 0.5, 2},
		{"macro_f1", [][]int64{{1, 2}, {3}}, [][]int64{{1, -1}, {1}}, (2. / 3) / 2, 2},
		{"micro_f1", [][]int64{{1, 2}, {3}}, [][]int64{{1, -1}, {1}}, 0.5, 2},
		// A token without a label is left out on both sides; a sequence without
		// labels says nothing of what is predicted for it.
		{"span_f1", [][]int64{{1, 2, 2}, {3}}, [][]int64{{1, 2, -1}, {-1}}, 1, 1},
		{"span_f1", [][]int64{{1, 3, 2}}, [][]int64{{1, -1, 2}}, 1, 1},
		{"span_f1", [][]int64{{1, 2, 0}}, [][]int64{{1, 0, 3}}, 0, 2},
	} {
		a := newMetric(t, c.name, tags)
		for i := range c.truth {
			a.AddLabels(c.predicted[i], c.truth[i])
		}
		if math.Abs(a.Value()-c.value) > 1e-12 || a.Count() != c.count {
			t.Errorf("%s of %v against %v is %v over %d, want %v over %d", c.name, c.predicted, c.truth, a.Value(), a.Count(), c.value, c.count)
		}
	}
}

// everyMetric calls f with every metric of every type that has one.
func everyMetric(f func(name string, of *schema.Task)) {
	for _, of := range []*schema.Task{
		taskOf(schema.Classification, "a", "b", "c"),
		taskOf(schema.Tagging, "O", "B-x", "I-x", "B-y", "I-y"),
		taskOf(schema.Regression),
		taskOf(task.Count),
		taskOf(schema.Relation, "a"),
	} {
		for _, name := range task.Of(of.Type).Metrics() {
			if !metric.OfScores(name) { // which have a test of their own
				f(name, of)
			}
		}
	}
}

func TestNothingCountedIsNotDefined(t *testing.T) {
	everyMetric(func(name string, of *schema.Task) {
		a := newMetric(t, name, of)
		a.AddLabels([]int64{0, 0}, []int64{-1, -1})
		a.AddValues(nil, nil)
		if !math.IsNaN(a.Value()) || a.Count() != 0 {
			t.Errorf("%s of nothing is %v over %d", name, a.Value(), a.Count())
		}
	})
}

// TestMergedPartsEqualTheWhole: for every metric, and whatever the parts.
func TestMergedPartsEqualTheWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	everyMetric(func(name string, of *schema.Task) {
		whole, merged := newMetric(t, name, of), newMetric(t, name, of)
		for range 6 {
			part := newMetric(t, name, of)
			for range r.IntN(8) {
				if task.TraitsOf(of).Choice == task.Number {
					p, y := []float64{r.NormFloat64()}, []float64{r.NormFloat64()}
					if of.Type == task.Count {
						p[0], y[0] = math.Exp(p[0]), float64(r.IntN(9))
					}
					part.AddValues(p, y)
					whole.AddValues(p, y)
					continue
				}
				var p, y []int64
				n := 1 + r.IntN(6)
				if of.Type == schema.Relation {
					n *= schema.RelationWidth
				}
				for range n {
					p = append(p, r.Int64N(int64(len(of.Labels))))
					y = append(y, r.Int64N(int64(len(of.Labels))+1)-1)
				}
				part.AddLabels(p, y)
				whole.AddLabels(p, y)
			}
			if err := merged.Merge(part); err != nil {
				t.Fatal(err)
			}
		}
		if math.Abs(merged.Value()-whole.Value()) > 1e-12 || merged.Count() != whole.Count() || whole.Count() == 0 {
			t.Errorf("%s merged is %v over %d, in one go %v over %d", name, merged.Value(), merged.Count(), whole.Value(), whole.Count())
		}
	})
}

func TestOnlyTheSameMetricMerges(t *testing.T) {
	for _, pair := range [][2]metric.Accumulator{
		{metric.NewAccuracy(), metric.NewExactMatch()},
		{metric.NewExactMatch(), metric.NewAccuracy()},
		{metric.NewF1(2, metric.Macro), metric.NewF1(3, metric.Macro)},
		{metric.NewF1(2, metric.Macro), metric.NewF1(2, metric.Micro)},
		{metric.NewSpanF1([]string{"O"}), metric.NewSpanF1([]string{"O", "B-x"})},
		{metric.NewValues("mse"), metric.NewValues("mae")},
		{metric.NewValues("d2"), metric.NewValues("poisson_deviance")},
		{metric.NewValues("d2"), metric.NewValues("r2")},
		{metric.NewRelationF1(2, true), metric.NewRelationF1(3, true)},
		{metric.NewRelationF1(2, true), metric.NewRelationF1(2, false)},
		{metric.NewAUC(), metric.NewLogLoss()},
		{metric.NewLogLoss(), metric.NewAUC()},
	} {
		if err := pair[0].Merge(pair[1]); err == nil || !strings.Contains(err.Error(), "do not measure the same") {
			t.Errorf("merging %T into %T: %v", pair[1], pair[0], err)
		}
	}
}

// TestAPredictionOutsideTheLabelsIsWrong: an exported file from elsewhere may
// answer anything.
func TestAPredictionOutsideTheLabelsIsWrong(t *testing.T) {
	of := taskOf(schema.Tagging, "O", "B-x")
	for _, name := range task.Of(of.Type).Metrics() {
		a := newMetric(t, name, of)
		a.AddLabels([]int64{7, -3}, []int64{1, 1})
		if a.Value() != 0 || a.Count() == 0 {
			t.Errorf("%s is %v over %d", name, a.Value(), a.Count())
		}
	}
}

// TestNumbersBeyondFloat32AreMeasuredAsRead: float32 has only three of these
// numbers. The constants are scikit-learn 1.9.1's.
func TestNumbersBeyondFloat32AreMeasuredAsRead(t *testing.T) {
	truth := []float64{1700000040, 1700000254, 1700000229, 1700000077, 1700000150.5}
	predicted := []float64{1700000000, 1700000256, 1700000128, 1700000128, 1700000128}
	for name, want := range map[string]float64{"mse": 2982.45, "rmse": 54.61181190914654, "mae": 43.3, "r2": 0.5675879047271082} {
		a := newMetric(t, name, taskOf(schema.Regression))
		a.AddValues(predicted, truth)
		if diff := cmp.Diff(want, a.Value(), close9); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestMeanLossIsOverLabels(t *testing.T) {
	var m, other metric.MeanLoss
	m.Add(2, 3)
	m.Add(math.NaN(), 0)
	other.Add(6, 1)
	m.Merge(other)
	if m.Value() != 3 || m.Count() != 4 || (&metric.MeanLoss{}).Value() != 0 {
		t.Errorf("the mean is %v over %d, want 3 over 4", m.Value(), m.Count())
	}
}

func TestMainMetricAndDirection(t *testing.T) {
	spans := taskOf(schema.Tagging)
	spans.Scheme = "bio"
	for _, c := range []struct {
		of     *schema.Task
		main   string
		higher bool
	}{
		{taskOf(schema.Classification), "accuracy", true},
		{taskOf(schema.Tagging), "accuracy", true},
		{spans, "span_f1", true},
		{taskOf(schema.Regression), "rmse", false},
		{taskOf(task.Count), "d2", true},
		{taskOf(schema.Relation), "relation_f1", true},
	} {
		if got := task.MainMetric(c.of); got != c.main || metric.HigherIsBetter(got) != c.higher {
			t.Errorf("the main metric of %s (%s) is %s, higher is better: %v", c.of.Type, c.of.Scheme, got, metric.HigherIsBetter(got))
		}
	}
}

func TestAMetricThatDoesNotFitTheTask(t *testing.T) {
	_, err := task.NewMetric("rmse", taskOf(schema.Classification, "a", "b"))
	const want = `metric: "rmse" does not measure classification; choose one of accuracy, macro_f1, micro_f1, auc, log_loss`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestScoresAgreeWithScikitLearn(t *testing.T) {
	var golden []struct {
		Truth, Predicted []float64
		AUC              float64
		LogLoss          float64 `json:"log_loss"`
	}
	read(t, "scores.json", &golden)
	binary := taskOf(schema.Classification, "no", "yes")
	for i, g := range golden {
		for name, want := range map[string]float64{"auc": g.AUC, "log_loss": g.LogLoss} {
			whole, parts := newMetric(t, name, binary), newMetric(t, name, binary)
			whole.AddValues(g.Predicted, g.Truth)
			for j := range g.Truth {
				one := newMetric(t, name, binary)
				one.AddValues(g.Predicted[j:j+1], g.Truth[j:j+1])
				if err := parts.Merge(one); err != nil {
					t.Fatal(err)
				}
			}
			for _, a := range []metric.Accumulator{whole, parts} {
				// scikit-learn adds up log losses in float32.
				if diff := math.Abs(a.Value() - want); diff > 2e-7*max(1, want) || a.Count() != len(g.Truth) {
					t.Errorf("case %d: %s is %v over %d, want %v over %d", i, name, a.Value(), a.Count(), want, len(g.Truth))
				}
			}
		}
	}
	one := newMetric(t, "auc", binary)
	one.AddValues([]float64{0.1, 0.7}, []float64{1, 1})
	if !math.IsNaN(one.Value()) || one.Count() != 0 {
		t.Errorf("the area of cases of one kind is %v over %d", one.Value(), one.Count())
	}
	if _, err := task.NewMetric("auc", taskOf(schema.Classification, "a", "b", "c")); err == nil || err.Error() != "metric: auc measures tasks of two labels, this one has 3" {
		t.Error(err)
	}
}
