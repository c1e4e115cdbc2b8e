package score

import (
	"math"

	"espalier/data"
	"espalier/metric"
	"espalier/schema"
	"espalier/task"
)

// Outlook is what a task's labels in a data set allow before anything is trained: what
// its metric is for answers that are all right, and for the one answer that is
// best without looking at the input.
type Outlook struct {
	Labels int
	Right  float64 // NaN where no answers have the metric defined
	// Baseline is the metric of the constant answer that Constant names; NaN where
	// there is none to hold a model against.
	Baseline float64
	Constant string
}

// LookAt measures constant and right answers to a data set. mains names the metric
// that each task is judged by.
func LookAt(s *schema.Schema, d *data.Dataset, mains []string) ([]Outlook, error) {
	outlooks := make([]Outlook, len(s.Tasks))
	for i := range s.Tasks {
		t := &s.Tasks[i]
		c, err := newConstant(mains[i], t, d.Unseen(i))
		if err != nil {
			return nil, err
		}
		for example := range d.Len() {
			truth, ok := d.Task(i).Truth(example, c.truth)
			if c.truth = truth.Labels; ok {
				c.add(&truth)
			}
		}
		outlooks[i] = Outlook{Labels: d.Labelled(i), Right: c.ideal.Value(), Baseline: math.NaN(), Constant: c.Name}
		if c.Name != "" {
			outlooks[i].Baseline = c.measured.Value()
		}
	}
	return outlooks, nil
}

// constant measures a constant answer beside right ones.
type constant struct {
	task.Constant
	traits           task.Traits
	kind             metricKind
	measured, ideal  metric.Accumulator
	predicted, truth []int64
}

func newConstant(name string, t *schema.Task, unseen []string) (*constant, error) {
	of := task.Of(t.Type)
	c := &constant{traits: of.Traits(), kind: kindOf(name), Constant: of.Constant(t, name)}
	if _, _, ok := metric.OfLabel(name); ok {
		c.Name = "" // of one label, which the constant answer is or is not
	}
	var err error
	if c.measured, err = task.NewMetric(name, t, unseen...); err != nil {
		return nil, err
	}
	c.ideal, err = task.NewMetric(name, t, unseen...)
	return c, err
}

// add counts the constant and the right answer to an example.
func (c *constant) add(t *task.Truth) {
	if c.kind != ofLabels {
		c.measured.AddValues([]float64{c.Value}, []float64{t.Value})
		c.ideal.AddValues([]float64{t.Value}, []float64{t.Value})
		return
	}
	if len(c.predicted) != len(t.Labels) || c.Label < 0 {
		c.predicted = c.Predict(c.traits, len(t.Labels))
	}
	c.measured.AddLabels(c.predicted, t.Labels)
	c.ideal.AddLabels(t.Labels, t.Labels)
}
