package score

import (
	"fmt"

	"espalier/metric"
	"espalier/schema"
	"espalier/task"
)

// Answers are a model's answers to a data set, example by example, beside the
// truth: what a metric needs to be measured on any choice of the examples.
type Answers struct {
	// Examples is how many the data set has.
	Examples int           `json:"examples"`
	Tasks    []TaskAnswers `json:"tasks"`
}

// TaskAnswers are those of one task. Its slices stand side by side, one entry
// for each example that has a label.
type TaskAnswers struct {
	Task string `json:"task"`
	// Metric is what the task is judged by.
	Metric string          `json:"metric"`
	Type   schema.TaskType `json:"type"`
	Scheme string          `json:"scheme,omitempty"`
	Labels []string        `json:"labels,omitempty"`
	// Unseen are the labels that training never had, in the order of their numbers
	// in Truth; see [schema.UnseenLabel].
	Unseen []string `json:"unseen,omitempty"`
	// Rows are the examples' numbers in the data set, ascending.
	Rows []int `json:"rows"`
	// Predicted and Truth are what [metric.Accumulator] counts: indices of
	// labels, for tagging as many as the example has tokens, [schema.RelationWidth]
	// numbers for each relation, or numbers for a regression and the metrics of
	// [metric.OfScores].
	Predicted       [][]int64 `json:"predicted,omitempty"`
	Truth           [][]int64 `json:"truth,omitempty"`
	PredictedValues []float64 `json:"predicted_values,omitempty"`
	TrueValues      []float64 `json:"true_values,omitempty"`
}

// Answers returns what the meter has kept, nil where it was not told to; see
// [Meter.Keep].
func (m *Meter) Answers() *Answers { return m.answers }

// Keep makes the meter keep its answers, for as many examples as it is going to
// count.
func (m *Meter) Keep(examples int) {
	m.answers = &Answers{Examples: examples}
	for i := range m.tasks {
		t := &m.tasks[i]
		m.answers.Tasks = append(m.answers.Tasks, TaskAnswers{Task: t.Name, Metric: t.main, Type: t.Type, Scheme: t.Scheme, Labels: t.Labels, Unseen: t.unseen})
	}
}

// add keeps task i's answer to an example that has a label.
func (a *Answers) add(i int, of *taskMeter, example int, j *task.Judged) {
	if a == nil {
		return
	}
	t := &a.Tasks[i]
	switch kindOf(of.main) {
	case ofValues:
		t.PredictedValues, t.TrueValues = append(t.PredictedValues, j.Value), append(t.TrueValues, j.Truth.Value)
	case ofScores:
		t.PredictedValues, t.TrueValues = append(t.PredictedValues, j.Score), append(t.TrueValues, j.Truth.Value)
	default: // without predictions null is written, and [] without labels, as ever
		t.Predicted, t.Truth = append(t.Predicted, append([]int64(nil), j.Predicted...)), append(t.Truth, append([]int64{}, j.Labels...))
	}
	t.Rows = append(t.Rows, example)
}

// Unpad cuts the padding of batches off the rows of tasks that answer for tokens: the
// places behind the last label, which no metric counts. Without it, rows of models
// that batched the examples differently are equal.
func (a *Answers) Unpad() {
	for i := range a.Tasks {
		t := &a.Tasks[i]
		if task.TraitsOf(t.task()).Level != task.OfToken {
			continue
		}
		for row, truth := range t.Truth {
			n := len(truth)
			for n > 0 && truth[n-1] == schema.MissingLabel {
				n--
			}
			t.Truth[row] = truth[:n]
			t.Predicted[row] = t.Predicted[row][:min(n, len(t.Predicted[row]))]
		}
	}
}

// task is what metrics need to know of the task.
func (t *TaskAnswers) task() *schema.Task {
	return &schema.Task{Name: t.Task, Type: t.Type, Scheme: t.Scheme, Labels: t.Labels}
}

// Measure returns an accumulator of the task's metric that has counted nothing,
// and one for each of Rows that has counted that example. Merged, they give the
// metric over any choice of the examples.
func (t *TaskAnswers) Measure() (none func() metric.Accumulator, each []metric.Accumulator, err error) {
	of := t.task()
	if _, err := task.NewMetric(t.Metric, of, t.Unseen...); err != nil {
		return nil, nil, fmt.Errorf("task %q: %w", t.Task, err)
	}
	none = func() metric.Accumulator {
		a, _ := task.NewMetric(t.Metric, of, t.Unseen...) // known to work
		return a
	}
	values := kindOf(t.Metric) != ofLabels
	for i := range t.Rows {
		a := none()
		if values {
			a.AddValues(t.PredictedValues[i:i+1], t.TrueValues[i:i+1])
		} else {
			a.AddLabels(t.Predicted[i], t.Truth[i])
		}
		each = append(each, a)
	}
	return none, each, nil
}
