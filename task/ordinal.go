package task

import (
	"cmp"
	"fmt"
	"slices"

	"espalier/metric"
	"espalier/schema"
	"espalier/setting"
)

// Ordinal gives one of the labels for a whole input, and the labels have an order: grades,
// stars. The schema's list of labels is in that order, the lowest first.
const Ordinal schema.TaskType = "ordinal"

// ordinal is a classification whose labels have an order.
type ordinal struct{ classification }

func (ordinal) Name() schema.TaskType { return Ordinal }

func (ordinal) Options() []setting.Option {
	return []setting.Option{{
		Key: "order", Kind: setting.Text, List: true, Follows: "by value, if all labels are numbers", Valid: validOrder,
		Doc: "all labels, the lowest first; those that are not numbers need it",
	}}
}

// validOrder reports what keeps a list from being an order of labels.
func validOrder(value any) error {
	order := value.([]string)
	seen := map[string]bool{"": true}
	for _, l := range order {
		if seen[l] {
			return fmt.Errorf("has %q twice, or empty; each label stands in it once", l)
		}
		seen[l] = true
	}
	if len(order) < 2 {
		return fmt.Errorf("has fewer than two labels; there is nothing to tell apart")
	}
	return nil
}

// Configure puts the order into the labels, where [ranker.Learn] finds it.
func (ordinal) Configure(v setting.Values, t *schema.Task, _ *TagRules) {
	t.Labels = slices.Clone(v.Texts("order"))
}

func (ordinal) NewLearner(LearnOptions) Learner { return &ranker{newLabelLearner(2, named)} }

func (ordinal) Metrics() []string {
	return []string{"quadratic_kappa", "rank_mae", "accuracy", "macro_f1"}
}

// Main is quadratic_kappa: it counts how far a prediction is off, has no unit, and is 0
// for every constant prediction, whose accuracy and error look good where one label is
// frequent.
func (ordinal) Main(*schema.Task) string { return "quadratic_kappa" }

func (o ordinal) NewMetric(name string, t *schema.Task, unseen []string) metric.Accumulator {
	if ofRanks(name) {
		return metric.NewRanks(name, len(t.Labels))
	}
	return o.classification.NewMetric(name, t, unseen)
}

func ofRanks(name string) bool { return name == "quadratic_kappa" || name == "rank_mae" }

// Constant is the median, which has the least error in ranks, or the most frequent label,
// which is right most often.
func (o ordinal) Constant(t *schema.Task, by string) Constant {
	c := o.classification.Constant(t, by)
	if c.Name == "" || !ofRanks(by) {
		return c
	}
	median := metric.Median(t.Counts)
	return Constant{Name: fmt.Sprintf("%q", t.Labels[median]), Label: int64(median)}
}

// ranker counts labels and finds their order.
type ranker struct{ *labelLearner }

// Learn keeps labels of the given order that training lacks. They have a count of 0.
func (r *ranker) Learn(t *schema.Task) ([]string, error) {
	labels := t.Labels
	found := *t
	if _, err := r.labelLearner.Learn(&found); err != nil {
		return nil, err
	}
	if len(labels) == 0 {
		var err error
		if labels, err = byValue(found.Labels); err != nil {
			return nil, err
		}
	}
	for _, l := range found.Labels {
		if !slices.Contains(labels, l) {
			return nil, fmt.Errorf("has the label %q in training, which its order lacks: %s; add it in its place", l, some(labels))
		}
	}
	t.Labels, t.Counts, t.Examples = labels, make([]int, len(labels)), found.Examples
	var lacking []string
	for i, l := range labels {
		if t.Counts[i] = r.seen[l]; t.Counts[i] == 0 {
			lacking = append(lacking, l)
		}
	}
	if lacking == nil {
		return nil, nil
	}
	return []string{fmt.Sprintf("task %s: no example of training has these labels of its order, which keep their places: %s", t.Name, some(lacking))}, nil
}

// byValue sorts labels that are numbers.
func byValue(labels []string) ([]string, error) {
	type number struct {
		label string
		value float64
	}
	var numbers []number
	for _, l := range labels {
		x, err := schema.ParseNumber(l)
		if err != nil {
			return nil, fmt.Errorf("has the label %q in training, which is not a number: give all labels in their order, the lowest first, as in order: [%s]", l, some(labels))
		}
		numbers = append(numbers, number{l, x})
	}
	slices.SortFunc(numbers, func(a, b number) int { return cmp.Compare(a.value, b.value) })
	var sorted []string
	for i, n := range numbers {
		if i > 0 && n.value == numbers[i-1].value {
			return nil, fmt.Errorf("has the labels %q and %q in training, which are one number: write it in one way, or give an order", numbers[i-1].label, n.label)
		}
		sorted = append(sorted, n.label)
	}
	return sorted, nil
}
