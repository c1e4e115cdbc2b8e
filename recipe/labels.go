package recipe

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"espalier/internal/nearest"
	"espalier/metric"
	"espalier/schema"
	"espalier/task"
)

// CheckLabels checks what the recipe says of single labels, once those are known
// from the training data: class weights, and metrics of one label or of two.
func (r *Recipe) CheckLabels(s *schema.Schema) error {
	for i := range r.Tasks {
		t := &r.Tasks[i]
		of := s.Task(t.Name)
		if of == nil {
			continue
		}
		for _, label := range slices.Sorted(maps.Keys(t.ClassWeights)) {
			if !slices.Contains(of.Labels, label) {
				return r.unknownLabel(label, of.Labels, "label", "tasks", t.Name, "class_weights", label)
			}
		}
		if err := r.checkMetric(of, t.Metric, "tasks", t.Name, "metric"); err != nil {
			return err
		}
		for j, name := range t.Metrics {
			if err := r.checkMetric(of, name, "tasks", t.Name, "metrics", strconv.Itoa(j)); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkMetric checks a metric of a task whose labels are known; keys lead to it.
func (r *Recipe) checkMetric(of *schema.Task, name string, keys ...string) error {
	if _, label, ok := metric.OfLabel(name); ok {
		known, what := of.Labels, "label"
		if of.Scheme != "" {
			known, what = schema.SpanTypes(of.Labels), "type of spans"
		}
		if !slices.Contains(known, label) {
			return r.unknownLabel(label, known, what, keys...)
		}
	}
	if _, err := task.NewMetric(name, of); err != nil {
		return fmt.Errorf("%s is %s: %s", r.where(keys...), name, strings.TrimPrefix(err.Error(), "metric: "))
	}
	return nil
}

// mostNamed is how many labels a message lists.
const mostNamed = 10

// unknownLabel says that keys lead to a label that the training data does not have.
func (r *Recipe) unknownLabel(label string, known []string, what string, keys ...string) error {
	hint := fmt.Sprintf("did you mean %q?", nearest.Word(label, known))
	if nearest.Word(label, known) == "" {
		hint = "there are " + nearest.Some(known, mostNamed)
	}
	return fmt.Errorf("%s names %q, which is not a %s of task %q in the training data; %s", r.where(keys...), label, what, keys[1], hint)
}
