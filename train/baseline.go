package train

import (
	"fmt"
	"math"
	"slices"

	"espalier/data"
	"espalier/metric"
	"espalier/schema"
)

// outlook is what a task's validation data allow before anything is trained: what
// its metric is for answers that are all right, and for the one answer that is
// best without looking at the input.
type outlook struct {
	labels int
	right  float64 // NaN where no answers have the metric defined
	// baseline is the metric of the constant answer that constant names; NaN where
	// there is none to hold a model against.
	baseline float64
	constant string
}

// constant is the answer to a task that training knows without an input: the most
// frequent label, the labels' frequencies where the metric measures probabilities,
// the mean of a regression, and no relation.
type constant struct {
	task     *schema.Task
	scores   bool // the metric measures probabilities
	value    float64
	label    int64
	labels   []int64 // of a row
	name     string  // "" where training has not counted
	measured metric.Accumulator
	ideal    metric.Accumulator
}

func newConstant(name string, t *schema.Task, unseen []string) (*constant, error) {
	c := &constant{task: t, scores: metric.OfScores(name)}
	var err error
	if c.measured, err = metric.New(name, t, unseen...); err != nil {
		return nil, err
	}
	if c.ideal, err = metric.New(name, t, unseen...); err != nil {
		return nil, err
	}
	total := 0
	for _, n := range t.Counts {
		total += n
	}
	switch {
	case t.Type == schema.Relation:
		c.name = "no relation"
	case t.Type == schema.Regression && t.Deviation > 0:
		c.value, c.name = t.Mean, fmt.Sprintf("the training mean, %.6g,", t.Mean)
	case t.Type == schema.Regression || total == 0:
	case c.scores:
		c.value, c.name = float64(t.Counts[1])/float64(total), "the training frequencies"
	default:
		c.label = int64(slices.Index(t.Counts, slices.Max(t.Counts)))
		c.name = fmt.Sprintf("%q", t.Labels[c.label])
	}
	if _, _, ok := metric.OfLabel(name); ok {
		c.name = "" // of one label, which the constant answer is or is not
	}
	return c, nil
}

// add counts the constant and the right answers to a batch.
func (c *constant) add(i int, b *data.Batch) {
	for row := range b.Size {
		switch {
		case c.task.Type == schema.Regression:
			if b.Present[i][row] == 1 {
				c.addValue(b.Values[i][row])
			}
		case c.scores:
			if y := b.Labels[i][row]; y != schema.MissingLabel {
				c.addValue(float64(y))
			}
		case c.task.Type == schema.Relation:
			if set := b.Relations[i][row]; set != nil {
				truth := make([]int64, len(set))
				for j, n := range set {
					truth[j] = int64(n)
				}
				c.addLabels(nil, truth)
			}
		default:
			n := len(b.Labels[i]) / b.Size
			truth := withUnseen(b.Labels[i][row*n:(row+1)*n], b, i, row)
			c.addLabels(c.answer(len(truth)), truth)
		}
	}
}

func (c *constant) addValue(y float64) {
	c.measured.AddValues([]float64{c.value}, []float64{y})
	c.ideal.AddValues([]float64{y}, []float64{y})
}

func (c *constant) addLabels(predicted, truth []int64) {
	c.measured.AddLabels(predicted, truth)
	c.ideal.AddLabels(truth, truth)
}

// answer is the constant answer to a row of n labels.
func (c *constant) answer(n int) []int64 {
	if len(c.labels) == n {
		return c.labels
	}
	c.labels = make([]int64, n)
	if c.task.Type == schema.MultiLabel {
		c.labels[c.label] = 1
		return c.labels
	}
	for j := range c.labels {
		c.labels[j] = c.label
	}
	return c.labels
}

// lookAt measures constant and right answers to the validation data.
func (t *Trainer) lookAt(valid *data.Dataset) error {
	tasks := t.model.Schema().Tasks
	constants := make([]*constant, len(tasks))
	for i := range tasks {
		var err error
		if constants[i], err = newConstant(t.metricOf(&tasks[i]), &tasks[i], valid.Unseen(i)); err != nil {
			return err
		}
	}
	var b data.Batch
	for _, examples := range valid.Plan(data.BatchOptions{Size: 64}, 0) {
		valid.Fill(&b, examples)
		for i, c := range constants {
			c.add(i, &b)
		}
	}
	t.outlooks = make([]outlook, len(tasks))
	for i, c := range constants {
		o := outlook{labels: valid.Labelled(i), right: c.ideal.Value(), baseline: math.NaN(), constant: c.name}
		if c.name != "" {
			o.baseline = c.measured.Value()
		}
		t.outlooks[i] = o
	}
	return nil
}
