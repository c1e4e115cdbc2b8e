package task_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"espalier/schema"
	"espalier/setting"
	"espalier/task"
)

// learnOrder learns labels of a task with an order, or without one.
func learnOrder(order []string, labels ...string) (*schema.Task, []string, error) {
	of := task.Of(task.Ordinal)
	t := &schema.Task{Name: "grade", Type: task.Ordinal}
	of.Configure(setting.Values{"order": order}, t, nil)
	l := of.NewLearner(task.LearnOptions{})
	for _, label := range labels {
		l.Add(&task.Labels{OK: true, Names: []string{label}}, nil)
	}
	l.Add(&task.Labels{}, nil)
	notes, err := l.Learn(t)
	return t, notes, err
}

func TestOrdinalLabelsHaveTheirOrder(t *testing.T) {
	for _, c := range []struct {
		order, labels, want []string
		counts              []int
		notes               string
	}{
		{nil, []string{"10", "9", "-1.5", "9", "2e1"}, []string{"-1.5", "9", "10", "2e1"}, []int{1, 2, 1, 1}, "[]"},
		{[]string{"poor", "fair", "good"}, []string{"good", "poor", "fair", "good"}, []string{"poor", "fair", "good"}, []int{1, 1, 2}, "[]"},
		{[]string{"5", "3", "1"}, []string{"1", "3", "5"}, []string{"5", "3", "1"}, []int{1, 1, 1}, "[]"},
		{
			[]string{"a", "b", "c", "d"},
			[]string{"c", "a"},
			[]string{"a", "b", "c", "d"},
			[]int{1, 0, 1, 0},
			"[task grade: no example of training has these labels of its order, which keep their places: b, d]",
		},
	} {
		got, notes, err := learnOrder(c.order, c.labels...)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Labels, c.want) || !slices.Equal(got.Counts, c.counts) || got.Examples != len(c.labels) || fmt.Sprint(notes) != c.notes {
			t.Errorf("labels %q, counts %v of %d, notes %q; want %q, %v, %s", got.Labels, got.Counts, got.Examples, notes, c.want, c.counts, c.notes)
		}
	}
}

func TestOrdersThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		order, labels []string
		want          string
	}{
		{nil, []string{"fair", "good", "2"}, `has the label "fair" in training, which is not a number: give all labels in their order, the lowest first, as in order: [2, fair, good]`},
		{nil, []string{"1", "1.0", "2"}, `has the labels "1" and "1.0" in training, which are one number: write it in one way, or give an order`},
		{nil, []string{"4", "4"}, `has the one label "4" in training; there is nothing to tell apart`},
		{[]string{"a", "b"}, []string{"b"}, `has the one label "b" in training; there is nothing to tell apart`},
		{[]string{"poor", "good"}, []string{"poor", "fair"}, `has the label "fair" in training, which its order lacks: poor, good; add it in its place`},
	} {
		if _, _, err := learnOrder(c.order, c.labels...); err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	option := task.Of(task.Ordinal).Options()[0]
	for want, order := range map[string][]string{
		`order has "a" twice, or empty; each label stands in it once`:     {"a", "b", "a"},
		`order has "" twice, or empty; each label stands in it once`:      {"a", ""},
		`order has fewer than two labels; there is nothing to tell apart`: {"a"},
	} {
		if err := option.Check(order); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestTheBestConstantIsTheMedianForErrorsInRanks, and the most frequent label for all else.
func TestTheBestConstantIsTheMedianForErrorsInRanks(t *testing.T) {
	of := task.Of(task.Ordinal)
	own := &schema.Task{Type: task.Ordinal, Labels: []string{"1", "2", "3"}, Counts: []int{3, 2, 4}}
	for by, want := range map[string]string{"accuracy": `"3"`, "macro_f1": `"3"`, "rank_mae": `"2"`, "quadratic_kappa": `"2"`} {
		if c := of.Constant(own, by); c.Name != want {
			t.Errorf("by %s the best constant is %s, want %s", by, c.Name, want)
		}
	}
	if own.Counts = nil; of.Constant(own, "rank_mae").Name != "" {
		t.Error("there is a constant without counts")
	}
}
