// Package baseline fits models that a neural one has to beat to be worth its
// cost: one that does not read its input, and a linear one. Package compare puts
// their figures beside those of single-task and joint models, so that a joint
// model that only beats a weak single-task one is seen.
//
// [Constant] gives every example of a classification the most frequent label of
// training, of a multi-label task the most frequent set of labels, and of a
// regression the mean; every word of a tagging task its most frequent tag.
//
// [Linear] reads words and pairs of neighbouring words, weighted by TF-IDF, or a
// table's columns, numbers standardised and categories one-hot. Classification
// and multi-label tasks get an L2-regularised logistic regression for each label,
// regressions get ridge regression, and numbers that are never negative Poisson
// regression. Taggers and relations have none.
//
// Words are those of the task's own vocabulary, as the recipe's tokenizer makes
// them. The strength of regularisation, and each label's threshold in
// multi-label tasks, are chosen on validation; the test data is measured once.
// Answers are counted by the trainer's own meter. The same data gives the same
// answers.
package baseline

import (
	"fmt"

	"espalier/data"
	"espalier/metric"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/train/score"
)

// Task is what a baseline learns: data sets that one encoder made, of a schema
// whose first task it is.
type Task struct {
	Schema *schema.Schema
	// Metric is what the task is judged by.
	Metric             string
	Train, Valid, Test *data.Dataset
}

func (t *Task) task() *schema.Task { return &t.Schema.Tasks[0] }

func (t *Task) traits() task.Traits { return task.TraitsOf(t.task()) }

// logLinear reports whether the task's predictions are exponentials.
func (t *Task) logLinear() bool {
	_, ok := task.Of(t.task().Type).(task.LogLinear)
	return ok
}

// truth calls do with the labels of each of the examples, by their places in the
// list. An example without a label has none of the labels.
func (t *Task) truth(d *data.Dataset, examples []int, do func(i int, truth task.Truth)) {
	var labels []int64
	for i, example := range examples {
		truth, _ := d.Task(0).Truth(example, labels)
		labels = truth.Labels
		do(i, truth)
	}
}

// Baseline is what a fitted model answers to the test data.
type Baseline struct {
	// Strength is the regularisation that validation chose: C of logistic
	// regressions (more is weaker), alpha of ridge and Poisson regressions (more is
	// stronger); 0 for a constant.
	Strength float64
	// Features is how many numbers an example is made of; 0 for a constant.
	Features int
	// Answers are in the order of the test data.
	Answers *score.TaskAnswers
}

// predictions are what a model says of the examples of one data set: of the ones
// in a batch labels as the task's output has them, the probability of the second
// of two labels, or values.
type predictions interface {
	labels(b *data.Batch) []int64
	second(b *data.Batch) []float32
	values(b *data.Batch) []float64
}

// measure counts predictions as the trainer counts a model's.
func (t *Task) measure(d *data.Dataset, p predictions) (*score.Meter, error) {
	s := *t.Schema
	s.Tasks = s.Tasks[:1]
	m, err := score.NewMeter(&s, d, map[string]string{t.task().Name: t.Metric}, nil)
	if err != nil {
		return nil, err
	}
	m.Keep(d.Len())
	var b data.Batch
	for _, examples := range d.Plan(data.BatchOptions{Size: batchSize}, 0) {
		d.Fill(&b, examples)
		if err := m.Add(&b, b.Size(task.Sequence), t.outputs(&b, p), nil); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// batchSize is how many examples are looked at together.
const batchSize = 256

// outputs are predictions as tensors under the names of the task's outputs.
func (t *Task) outputs(b *data.Batch, p predictions) map[string]*tensor.Tensor {
	of, traits := t.task(), t.traits()
	out := map[string]*tensor.Tensor{}
	if traits.Choice == task.Number {
		values := p.values(b)
		out[of.Output(schema.Value)] = tensor.Must(tensor.Of(values, int64(len(values))))
		return out
	}
	labels := p.labels(b)
	out[of.Output(schema.Label)] = tensor.Must(tensor.Of(labels, int64(len(labels))))
	if traits.Binary(of) {
		both := make([]float32, 0, 2*len(b.Examples))
		for _, p := range p.second(b) {
			both = append(both, 1-p, p)
		}
		out[of.Output(schema.Probabilities)] = tensor.Must(tensor.Of(both, int64(len(b.Examples)), 2))
	}
	return out
}

// finish measures the test data.
func (t *Task) finish(p predictions, strength float64, features int) (*Baseline, error) {
	m, err := t.measure(t.Test, p)
	if err != nil {
		return nil, fmt.Errorf("baseline of task %q: %w", t.task().Name, err)
	}
	return &Baseline{Strength: strength, Features: features, Answers: &m.Answers().Tasks[0]}, nil
}

// better reports whether a value of the task's metric beats another.
func (t *Task) better(a, b float64) bool {
	if metric.HigherIsBetter(t.Metric) {
		return a > b
	}
	return a < b
}

// eachBatch fills batches with the examples.
func eachBatch(d *data.Dataset, examples []int, do func(b *data.Batch)) {
	var b data.Batch
	for len(examples) > 0 {
		n := min(batchSize, len(examples))
		d.Fill(&b, examples[:n])
		do(&b)
		examples = examples[n:]
	}
}

// all are the numbers of a data set's examples.
func all(d *data.Dataset) []int {
	out := make([]int, d.Len())
	for i := range out {
		out[i] = i
	}
	return out
}
