// Package score measures how well a model answers: by each task's metrics, by the share
// of examples that are right in every task, and example by example, for comparisons.
// It serves the trainer and whoever runs an exported file on labelled data, so that
// both count alike.
package score

import (
	"math"

	"espalier/metric"
	"espalier/schema"
)

// TaskScore is how well one task is answered.
type TaskScore struct {
	Task string `json:"task"`
	// Loss is the mean over the present labels.
	Loss float64 `json:"loss"`
	// Labels is how many labels there were, those that training never had
	// included, which have no loss; without any no metric is defined, and the loss
	// means nothing.
	Labels int `json:"labels"`
	// Metric names the one that the task is judged by.
	Metric string `json:"metric"`
	// Metrics has every metric of the task that is defined, Undefined says of the
	// others why they are not.
	Metrics   map[string]float64 `json:"metrics"`
	Undefined map[string]string  `json:"undefined,omitempty"`
	// Score is what Metric is in choices over several tasks: without a unit, at
	// most 1, more is better; see [metric.Skill]. It is nil where Metric is not
	// defined.
	Score *float64 `json:"score,omitempty"`
}

// Scores are the scores of all tasks, in the schema's order.
type Scores []TaskScore

// Value is the metric that the task is judged by, NaN where it is not defined.
func (s TaskScore) Value() float64 {
	if v, ok := s.Metrics[s.Metric]; ok {
		return v
	}
	return math.NaN()
}

// Skill is the scale-free score that choices go by, NaN where there is none. Scores
// that were kept before there was one have it computed as far as it can be.
func (s TaskScore) Skill() float64 {
	switch {
	case s.Score != nil:
		return *s.Score
	case s.Undefined != nil || s.Labels == 0:
		return math.NaN()
	}
	return skill(s.Metric, s.Metrics, &schema.Task{})
}

// skill is the scale-free score of a task by one of its metrics. A task without a
// reference for that metric has the score of its [metric.Quotient]: a regression whose
// deviation in training is not known that of its r2.
func skill(name string, metrics map[string]float64, t *schema.Task) float64 {
	value, ok := metrics[name]
	if !ok {
		return math.NaN()
	}
	s := metric.Skill(name, value, t)
	quotient := metric.Quotient(name)
	if of, ok := metrics[quotient]; ok && math.IsNaN(s) {
		s = metric.Skill(quotient, of, t)
	}
	return s
}

// noLabel is why no metric is defined of a task without labels.
const noLabel = "there is no label"

// add notes a metric, or why it is not defined.
func (s *TaskScore) add(name string, value float64) {
	if s.Labels > 0 && !math.IsNaN(value) && !math.IsInf(value, 0) {
		s.Metrics[name] = value
		return
	}
	if s.Undefined == nil {
		s.Undefined = map[string]string{}
	}
	if s.Undefined[name] = metric.Reason(name); s.Labels == 0 {
		s.Undefined[name] = noLabel
	}
}

// Whole says in how many examples all tasks are right.
type Whole struct {
	// Share is the share of examples in which every label is right; nil where no
	// example has a label of every task but those that answer numbers.
	Share *float64 `json:"whole,omitempty"`
	// Examples is the number of examples that have all of these labels.
	Examples int `json:"whole_examples,omitempty"`
}
