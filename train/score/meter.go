package score

import (
	"fmt"
	"math"
	"slices"

	"espalier/data"
	"espalier/metric"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
)

// Meter collects the answers of all tasks and scores them. It is for one goroutine.
type Meter struct {
	tasks []taskMeter
	// Of the examples with a label of every task but those that answer numbers: how
	// many there are, and how many are answered right in every label.
	examples, whole int
	rows            []rowState // of the batch that is being counted
	answers         *Answers   // nil: they are not kept
	pair            [2]float64 // a predicted and a true number, for one accumulator at a time
}

// rowState is what a row's example has shown so far.
type rowState struct{ lacks, wrong, counts bool }

// taskMeter measures one task.
type taskMeter struct {
	schema.Task
	traits  task.Traits
	main    string
	counts  []counter
	targets task.Targets
	judge   task.Judge // nil without a data set
	loss    metric.MeanLoss
	labels  int
	unseen  []string // labels that training never had
}

// counter is one metric.
type counter struct {
	name string
	kind metricKind
	metric.Accumulator
}

type metricKind int

const (
	ofLabels metricKind = iota
	ofValues
	ofScores
)

func kindOf(name string) metricKind {
	switch {
	case metric.OfScores(name):
		return ofScores
	case metric.OfValues(name):
		return ofValues
	}
	return ofLabels
}

// NewMeter returns a meter for the schema's tasks and the data set whose examples it
// is to count; with a nil one it checks the metrics' names and counts nothing. main
// names the metric that a task is judged by, where it is not the type's own, and more
// names others that are measured beside those of the type.
func NewMeter(s *schema.Schema, d *data.Dataset, main map[string]string, more map[string][]string) (*Meter, error) {
	m := &Meter{}
	for i := range s.Tasks {
		of := task.Of(s.Tasks[i].Type)
		if of == nil {
			return nil, fmt.Errorf("task %q: type %q is not known", s.Tasks[i].Name, s.Tasks[i].Type)
		}
		t := taskMeter{Task: s.Tasks[i], traits: of.Traits(), main: main[s.Tasks[i].Name]}
		if t.main == "" {
			t.main = of.Main(&t.Task)
		}
		if d != nil {
			t.unseen, t.targets = d.Unseen(i), d.Task(i)
			t.judge = of.NewJudge(s, &s.Tasks[i], d.Targets)
		}
		for _, name := range task.MetricNames(&t.Task, append([]string{t.main}, more[t.Name]...)...) {
			a, err := task.NewMetric(name, &t.Task, t.unseen...)
			if err != nil {
				return nil, fmt.Errorf("task %q: %w", t.Name, err)
			}
			t.counts = append(t.counts, counter{name, kindOf(name), a})
		}
		m.tasks = append(m.tasks, t)
	}
	return m, nil
}

// Add counts a batch of the data set. answers are the output tensors by name, whose rows
// are padded to length, at least the batch's own. losses may be nil.
func (m *Meter) Add(b *data.Batch, length int, answers map[string]*tensor.Tensor, losses []float32) error {
	m.rows = slices.Grow(m.rows[:0], len(b.Examples))[:len(b.Examples)]
	clear(m.rows)
	for i := range m.tasks {
		t := &m.tasks[i]
		if losses != nil {
			t.loss.Add(float64(losses[i]), b.Counts[i])
		}
		if err := m.addTask(i, b, length, answers); err != nil {
			return fmt.Errorf("task %q: %w", t.Name, err)
		}
	}
	for _, r := range m.rows {
		if r.counts && !r.lacks {
			m.examples++
			if !r.wrong {
				m.whole++
			}
		}
	}
	return nil
}

// addTask counts task i's answers to a batch.
func (m *Meter) addTask(i int, b *data.Batch, length int, answers map[string]*tensor.Tensor) error {
	t := &m.tasks[i]
	whole := t.traits.Choice != task.Number // numbers are never right to the digit
	if !slices.ContainsFunc(b.Examples, t.targets.Has) {
		for row := range m.rows {
			m.rows[row].lacks = m.rows[row].lacks || whole
		}
		return nil
	}
	if err := t.judge.Take(answers, b.Examples, length); err != nil {
		return err
	}
	for row, example := range b.Examples {
		j, ok := t.judge.Row(row)
		state := &m.rows[row]
		if !ok {
			state.lacks = state.lacks || whole
			continue
		}
		t.labels += j.Count
		if whole {
			state.counts = true
			state.wrong = state.wrong || !right(t.traits, &j)
		}
		m.answers.add(i, t, example, &j)
		m.count(t, &j)
	}
	return nil
}

// count adds an example to a task's metrics.
func (m *Meter) count(t *taskMeter, j *task.Judged) {
	for _, c := range t.counts {
		switch c.kind {
		case ofLabels:
			c.AddLabels(j.Predicted, j.Labels)
			continue
		case ofValues:
			m.pair = [2]float64{j.Value, j.Truth.Value}
		case ofScores:
			m.pair = [2]float64{j.Score, j.Truth.Value}
		}
		c.AddValues(m.pair[:1], m.pair[1:])
	}
}

// right reports whether all labels of an example are.
func right(traits task.Traits, j *task.Judged) bool {
	if traits.Level == task.OfPair {
		return slices.Equal(j.Predicted, j.Labels)
	}
	for i, y := range j.Labels {
		if y != schema.MissingLabel && j.Predicted[i] != y {
			return false
		}
	}
	return true
}

// Whole returns the share of examples in which every label of all tasks but
// regressions is right. An example that lacks a label of one of these tasks does not
// count: it would be easier to get right than one that has all. For spoken
// language this is the sentence or frame accuracy.
func (m *Meter) Whole() Whole {
	w := Whole{Examples: m.examples}
	if m.examples > 0 {
		share := float64(m.whole) / float64(m.examples)
		w.Share = &share
	}
	return w
}

// Scores returns the scores so far.
func (m *Meter) Scores() Scores {
	scores := make(Scores, len(m.tasks))
	for i := range m.tasks {
		t := &m.tasks[i]
		s := TaskScore{Task: t.Name, Loss: t.loss.Value(), Labels: t.labels, Metric: t.main, Metrics: map[string]float64{}}
		for _, c := range t.counts {
			s.add(c.name, c.Value())
		}
		if x := skill(s.Metric, s.Metrics, &t.Task); !math.IsNaN(x) {
			s.Score = &x
		}
		scores[i] = s
	}
	return scores
}

// Unpredicted returns the labels of task i that are true somewhere and predicted
// nowhere, or the types of spans where its tags spell some.
func (m *Meter) Unpredicted(i int) []string {
	var never []string
	t := &m.tasks[i]
	for _, c := range t.counts {
		switch a := c.Accumulator.(type) {
		case *metric.SpanF1:
			if c.name == "span_f1" {
				return a.Unpredicted()
			}
		case interface{ Unpredicted() []int }:
			if c.name == "macro_f1" && t.Scheme == "" || c.name == "relation_f1" {
				for _, l := range a.Unpredicted() {
					never = append(never, t.Labels[l])
				}
				return never
			}
		}
	}
	return nil
}
