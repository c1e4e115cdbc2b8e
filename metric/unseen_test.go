package metric_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/metric"
	"espalier/schema"
	"espalier/task"
)

// TestLabelsThatTrainingNeverHadAreErrors, as they are to scikit-learn and
// seqeval where the truth holds a label that no answer has.
func TestLabelsThatTrainingNeverHadAreErrors(t *testing.T) {
	var golden struct {
		Labels []struct {
			Classes          int
			Truth, Predicted []int64
			Accuracy         float64
			Macro            float64 `json:"macro_f1"`
			Micro            float64 `json:"micro_f1"`
			Weighted         float64 `json:"weighted_f1"`
			Each             []metric.Score
		}
		Sets []struct {
			Classes          int
			Truth, Predicted [][]int64
			Accuracy         float64
			Macro            float64 `json:"macro_f1"`
			Micro            float64 `json:"micro_f1"`
		}
		Scores []struct {
			Truth, Predicted []float64
			AUC              float64
			LogLoss          float64 `json:"log_loss"`
		}
		Spans struct {
			Tags, Unseen     []string
			Truth, Predicted [][]string
			All              metric.Score
			Types            map[string]metric.Score
		}
	}
	read(t, "unseen.json", &golden)
	for _, g := range golden.Labels {
		of := taskOf(schema.Classification, make([]string, g.Classes)...)
		f1 := func(average metric.Average) func() metric.Accumulator {
			return func() metric.Accumulator { return metric.NewF1(g.Classes, average) }
		}
		var got []float64
		for _, of := range []func() metric.Accumulator{func() metric.Accumulator { return newMetric(t, "accuracy", of) }, f1(metric.Macro), f1(metric.Micro), f1(metric.Weighted)} {
			got = append(got, fed(t, of, g.Truth, g.Predicted).Value())
		}
		if diff := cmp.Diff([]float64{g.Accuracy, g.Macro, g.Micro, g.Weighted}, got, close9); diff != "" {
			t.Errorf("%d classes: %s", g.Classes, diff)
		}
		for c, want := range g.Each {
			if diff := cmp.Diff(want, orZero(fed(t, f1(metric.Macro), g.Truth, g.Predicted).(*metric.F1).Class(c)), close9); diff != "" {
				t.Errorf("class %d: %s", c, diff)
			}
		}
	}
	for _, g := range golden.Sets {
		of := taskOf(schema.MultiLabel, make([]string, g.Classes)...)
		for name, want := range map[string]float64{"exact_match": g.Accuracy, "macro_f1": g.Macro, "micro_f1": g.Micro} {
			a := newMetric(t, name, of)
			for i := range g.Truth {
				a.AddLabels(g.Predicted[i], g.Truth[i])
			}
			if diff := cmp.Diff(want, a.Value(), close9); diff != "" {
				t.Errorf("sets, %s: %s", name, diff)
			}
		}
	}
	for _, g := range golden.Scores {
		for name, want := range map[string]float64{"auc": g.AUC, "log_loss": g.LogLoss} {
			a := newMetric(t, name, taskOf(schema.Classification, "a", "b"))
			a.AddValues(g.Predicted, g.Truth)
			if diff := cmp.Diff(want, a.Value(), cmpopts.EquateApprox(0, 1e-6)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
	g := golden.Spans
	of := &schema.Task{Name: "t", Type: schema.Tagging, Labels: g.Tags, Scheme: "bio"}
	number := func(tags []string) []int64 {
		n := index(g.Tags, tags)
		for i := range n {
			if n[i] < 0 {
				n[i] = schema.UnseenLabel - int64(slices.Index(g.Unseen, tags[i]))
			}
		}
		return n
	}
	a, err := task.NewMetric("span_f1", of, g.Unseen...)
	if err != nil {
		t.Fatal(err)
	}
	s := a.(*metric.SpanF1)
	for i := range g.Truth {
		s.AddLabels(number(g.Predicted[i]), number(g.Truth[i]))
	}
	types := map[string]metric.Score{}
	for _, kind := range s.Types() {
		types[kind] = orZero(s.Type(kind))
	}
	all := metric.Score{Precision: s.Precision(), Recall: s.Recall(), F1: s.Value(), Support: s.Count()}
	if diff := cmp.Diff(g.All, all, close9) + cmp.Diff(g.Types, types, close9); diff != "" {
		t.Errorf("spans: %s", diff)
	}
}

// fed counts labels, each half by an accumulator of its own, and merges them.
func fed(t *testing.T, of func() metric.Accumulator, truth, predicted []int64) metric.Accumulator {
	t.Helper()
	a, b, half := of(), of(), len(truth)/2
	a.AddLabels(predicted[:half], truth[:half])
	b.AddLabels(predicted[half:], truth[half:])
	if err := a.Merge(b); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestUnseenTypesAreNotMissed: what training never had cannot be predicted, and is
// not told of as what a model never does.
func TestUnseenTypesAreNotMissed(t *testing.T) {
	s := metric.NewSpanF1([]string{"O", "B-x", "B-y"}, "B-new")
	s.AddLabels([]int64{0, 1, 0}, []int64{schema.UnseenLabel, 1, 2})
	if got := s.Unpredicted(); !slices.Equal(got, []string{"y"}) {
		t.Errorf("never predicted are %q", got)
	}
}

// TestUnseenRelationsAreMissed: a relation of a label, or between entities of a
// type, that training never had is true and found by no answer.
func TestUnseenRelationsAreMissed(t *testing.T) {
	of := taskOf(schema.Relation, "r")
	truth := []int64{0, 0, 0, 1, 1, 0, 0, 2, 2, 0, 3, 3, 0, schema.UnseenLabel, 4, 4, schema.UnseenLabel, 5, 5, 0, 0}
	predicted := []int64{0, 0, 0, 1, 1, 0, 0, 2, 2, 0, 3, 3, 0, 0, 4, 4, 0, 5, 5, 0, 0}
	for name, want := range map[string]float64{"relation_f1": 1.0 / 3, "boundary_f1": 2.0 / 3, "recall:r": 1.0 / 2} {
		a := newMetric(t, name, of)
		a.AddLabels(predicted, truth)
		if got := a.Value(); got-want > 1e-12 || want-got > 1e-12 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}
