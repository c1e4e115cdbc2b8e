package train

import (
	"fmt"
	"slices"

	"espalier/data"
	"espalier/metric"
	"espalier/schema"
	"espalier/tensor"
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
func (m *Meter) Keep(examples int) { m.answers = newAnswers(m, examples) }

func newAnswers(m *Meter, examples int) *Answers {
	a := &Answers{Examples: examples}
	for i, t := range m.tasks {
		a.Tasks = append(a.Tasks, TaskAnswers{Task: t.Name, Metric: m.main[i], Type: t.Type, Scheme: t.Scheme, Labels: t.Labels, Unseen: m.unseen[i]})
	}
	return a
}

// add keeps task i's answer to one example of a batch where there is a label.
func (a *Answers) add(m *Meter, i int, b *data.Batch, length int, out, scores *tensor.Tensor, row int) {
	if a == nil {
		return
	}
	t := &a.Tasks[i]
	if t.Type == schema.Regression {
		if b.Present[i][row] != 1 {
			return
		}
		t.PredictedValues = append(t.PredictedValues, floatAt(out, row))
		t.TrueValues = append(t.TrueValues, b.Values[i][row])
	} else if metric.OfScores(t.Metric) {
		if b.Labels[i][row] == schema.MissingLabel {
			return
		}
		t.PredictedValues = append(t.PredictedValues, floatAt(scores, 2*row+1))
		t.TrueValues = append(t.TrueValues, float64(b.Labels[i][row]))
	} else {
		predicted, truth := m.row(i, b, length, out, scores, row)
		if t.Type == schema.Relation && truth == nil || t.Type != schema.Relation && !slices.ContainsFunc(truth, func(y int64) bool { return y != schema.MissingLabel }) {
			return
		}
		t.Predicted = append(t.Predicted, slices.Clone(predicted))
		t.Truth = append(t.Truth, slices.Clone(truth))
	}
	t.Rows = append(t.Rows, b.Examples[row])
}

// Unpad cuts the padding of batches off the rows of tagging tasks: the places behind
// the last label, which no metric counts. Without it, rows of models that batched
// the examples differently are equal.
func (a *Answers) Unpad() {
	for i := range a.Tasks {
		t := &a.Tasks[i]
		if t.Type != schema.Tagging {
			continue
		}
		for row, truth := range t.Truth {
			n := len(truth)
			for n > 0 && truth[n-1] == -1 {
				n--
			}
			t.Truth[row] = truth[:n]
			t.Predicted[row] = t.Predicted[row][:min(n, len(t.Predicted[row]))]
		}
	}
}

// Measure returns an accumulator of the task's metric that has counted nothing,
// and one for each of Rows that has counted that example. Merged, they give the
// metric over any choice of the examples.
func (t *TaskAnswers) Measure() (none func() metric.Accumulator, each []metric.Accumulator, err error) {
	task := &schema.Task{Name: t.Task, Type: t.Type, Scheme: t.Scheme, Labels: t.Labels}
	if _, err := metric.New(t.Metric, task, t.Unseen...); err != nil {
		return nil, nil, fmt.Errorf("task %q: %w", t.Task, err)
	}
	none = func() metric.Accumulator {
		a, _ := metric.New(t.Metric, task, t.Unseen...) // known to work
		return a
	}
	for i := range t.Rows {
		a := none()
		if t.Type == schema.Regression || metric.OfScores(t.Metric) {
			a.AddValues(t.PredictedValues[i:i+1], t.TrueValues[i:i+1])
		} else {
			a.AddLabels(t.Predicted[i], t.Truth[i])
		}
		each = append(each, a)
	}
	return none, each, nil
}
