package task

import (
	"fmt"
	"math"

	"espalier/internal/moments"
	"espalier/metric"
	"espalier/schema"
)

// Count is the name of the task type of counts, which are never negative.
const Count schema.TaskType = "count"

// counting answers how many of something an example has: a number from 0, in what is a
// regression but for its labels, its loss and its metrics.
type counting struct{ regression }

// LogLinear says that predictions are exponentials.
func (counting) LogLinear() {}

func (counting) Name() schema.TaskType { return Count }

func (counting) Check(_ *schema.Schema, t *schema.Task) error {
	switch {
	case t.Double:
		return fmt.Errorf("its value is float64, but counts are float32")
	case t.Mean < 0:
		return fmt.Errorf("its mean is %v, but counts are not negative", t.Mean)
	}
	return nil
}

// Read takes any number from 0: one that is not whole is a mean of counts, to which the
// loss applies as well (Gourieroux, Monfort and Trognon 1984).
func (counting) Read(t *schema.Task, r *Record) (Labels, error) {
	l, err := readNumber(t, r)
	if err == nil && l.Value < 0 {
		return Labels{}, fmt.Errorf("task %q is %s, %q is negative; counts start at 0", t.Name, t.Type, r.Field.Text)
	}
	return l, err
}

func (counting) NewLearner(o LearnOptions) Learner {
	return &countLearner{valueLearner: valueLearner{moments.New(o.Columns)}}
}

// NewTargets returns targets whose labels the model learns as they were read.
func (counting) NewTargets(_ *schema.Schema, t *schema.Task) Targets {
	return &values{labels: LabelsInput(t.Name), present: PresentInput(t.Name), learned: func(x float64) float64 { return x }}
}

// Metrics begin with the share of the deviance that is explained, because it has no
// unit: several tasks' are comparable.
func (counting) Metrics() []string {
	return []string{"d2", "poisson_deviance", "rmse", "mse", "mae", "r2"}
}

func (counting) Main(*schema.Task) string { return "d2" }

func (counting) NewMetric(name string, _ *schema.Task, _ []string) metric.Accumulator {
	return metric.NewValues(name)
}

func (counting) Describe(t *schema.Task) string {
	if t.Deviation == 0 {
		return string(t.Type)
	}
	return "count, " + Spread(t.Mean, t.Deviation, false)
}

// countLearner learns the mean and the deviation, and counts labels that are no whole
// numbers.
type countLearner struct {
	valueLearner
	broken int
}

func (c *countLearner) Add(l, entities *Labels) {
	c.valueLearner.Add(l, entities)
	if l.OK && l.Value != math.Trunc(l.Value) {
		c.broken++
	}
}

func (c *countLearner) Learn(t *schema.Task) ([]string, error) {
	if err := c.moments(t); err != nil {
		return nil, err
	}
	note := fmt.Sprintf("task %s: counts of mean %.10g and deviation %.4g, of %d values in training", t.Name, t.Mean, t.Deviation, c.seen.N)
	if c.broken > 0 {
		note += fmt.Sprintf("; %d of them are no whole numbers, and learned as means of counts", c.broken)
	}
	return []string{note}, nil
}
