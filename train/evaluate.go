package train

import (
	"context"
	"fmt"
	"math"
	"slices"

	"espalier/data"
	"espalier/metric"
	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
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

// Value is the metric that the task is judged by, NaN where it is not defined.
func (s TaskScore) Value() float64 {
	if v, ok := s.Metrics[s.Metric]; ok {
		return v
	}
	return math.NaN()
}

// Scores are the scores of all tasks, in the schema's order.
type Scores []TaskScore

func (t *Trainer) metricOf(task *schema.Task) string {
	if name := t.config.Metrics[task.Name]; name != "" {
		return name
	}
	return metric.Main(task)
}

// Meter collects the answers of all tasks and scores them. It serves the
// trainer and whoever runs an exported file on labelled data, so that both
// count alike.
type Meter struct {
	tasks  []schema.Task
	main   []string
	names  [][]string
	meters [][]metric.Accumulator
	loss   []float64
	lossy  []int // labels that the loss is of
	labels []int
	unseen [][]string // labels that training never had
	// Of the examples with a label of every task but regressions: how many there
	// are, and how many are answered right in every label.
	examples, whole int
	answers         *Answers   // nil: they are not kept
	pair            [2]float64 // a predicted and a true number, for one accumulator at a time
	// Of relations: the decoder, nil for other tasks, and the number of the task
	// of their entities.
	relations []*relations
	entities  []int
}

// NewMeter returns a meter for the schema's tasks and a data set, which may be
// nil where no span has a type that training never had. main names the metric
// that a task is judged by, where it is not the type's own, and more names
// others that are measured beside those of the type.
func NewMeter(s *schema.Schema, d *data.Dataset, main map[string]string, more map[string][]string) (*Meter, error) {
	m := &Meter{
		tasks: s.Tasks, names: make([][]string, len(s.Tasks)), meters: make([][]metric.Accumulator, len(s.Tasks)),
		loss: make([]float64, len(s.Tasks)), lossy: make([]int, len(s.Tasks)), labels: make([]int, len(s.Tasks)), unseen: make([][]string, len(s.Tasks)),
		relations: make([]*relations, len(s.Tasks)), entities: make([]int, len(s.Tasks)),
	}
	for i := range s.Tasks {
		t := &s.Tasks[i]
		if d != nil {
			m.unseen[i] = d.Unseen(i)
		}
		if t.Type == schema.Relation {
			m.entities[i] = s.TaskIndex(t.Entities)
			m.relations[i] = newRelations(t, &s.Tasks[m.entities[i]])
		}
		name := main[t.Name]
		if name == "" {
			name = metric.Main(t)
		}
		m.main = append(m.main, name)
		m.names[i] = metricNames(t, append([]string{name}, more[t.Name]...))
		for _, n := range m.names[i] {
			a, err := metric.New(n, t, m.unseen[i]...)
			if err != nil {
				return nil, fmt.Errorf("task %q: %w", t.Name, err)
			}
			m.meters[i] = append(m.meters[i], a)
		}
	}
	return m, nil
}

// metricNames are those of the task's type and of a recipe, each once.
func metricNames(t *schema.Task, more []string) []string {
	var names []string
	for _, n := range append(metric.Names(t.Type), more...) {
		if (n != "span_f1" || t.Scheme != "") && (!metric.OfScores(n) || len(t.Labels) == 2) && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// Add counts a batch. answers are the output tensors by name, whose rows are
// padded to length, at least the batch's own. losses may be nil.
func (m *Meter) Add(b *data.Batch, length int, answers map[string]*tensor.Tensor, losses []float32) error {
	outs, scores := make([]*tensor.Tensor, len(m.tasks)), make([]*tensor.Tensor, len(m.tasks))
	for i := range m.tasks {
		t := &m.tasks[i]
		labels := m.measured(i, b)
		if labels == 0 && t.Type != schema.Relation { // texts without pairs have relations that are wrong
			continue
		}
		m.labels[i] += labels
		if losses != nil {
			m.lossy[i] += b.Counts[i]
			m.loss[i] += float64(losses[i]) * float64(b.Counts[i])
		}
		of, role := t, schema.Label
		switch t.Type {
		case schema.Regression:
			role = schema.Value
		case schema.Relation:
			of = &m.tasks[m.entities[i]]
		}
		out := answers[of.Output(role)]
		if out == nil {
			return fmt.Errorf("task %q: output %q is not there", t.Name, of.Output(role))
		}
		scores[i] = answers[t.Output(schema.Probabilities)]
		if err := m.count(i, b, length, out, scores[i]); err != nil {
			return fmt.Errorf("task %q: %w", t.Name, err)
		}
		outs[i] = out
	}
	for row := range b.Size {
		m.countWhole(b, length, outs, scores, row)
	}
	return nil
}

// countWhole counts an example of a batch where it has a label of every task but
// regressions.
func (m *Meter) countWhole(b *data.Batch, length int, outs, scores []*tensor.Tensor, row int) {
	tasks, right := 0, true
	for i := range m.tasks {
		if m.tasks[i].Type == schema.Regression {
			continue
		}
		if outs[i] == nil {
			return
		}
		predicted, truth := m.row(i, b, length, outs[i], scores[i], row)
		labelled := m.relations[i] != nil && truth != nil
		if m.relations[i] != nil {
			right = right && slices.Equal(predicted, truth)
		} else {
			for j, y := range truth {
				if y != schema.MissingLabel {
					labelled = true
					right = right && predicted[j] == y
				}
			}
		}
		if !labelled {
			return
		}
		tasks++
	}
	if tasks > 0 {
		m.examples++
		if right {
			m.whole++
		}
	}
}

// measured returns how many labels of task i metrics count in a batch: those that
// have a loss, and classes and tags that training never had.
func (m *Meter) measured(i int, b *data.Batch) int {
	if t := m.tasks[i].Type; t != schema.Classification && t != schema.Tagging {
		return b.Counts[i]
	}
	n := 0
	for _, y := range b.Labels[i] {
		if y != schema.MissingLabel {
			n++
		}
	}
	return n
}

// row returns the predicted and true labels of one example of a batch, nil where
// nothing is said of its relations. Those of a tagging task are as many as the
// example has tokens: which others stand in its batch does not matter. scores
// are the probabilities.
func (m *Meter) row(i int, b *data.Batch, length int, out, scores *tensor.Tensor, row int) (predicted, truth []int64) {
	answers, labels := out.Int64s(), b.Labels[i]
	switch m.tasks[i].Type {
	case schema.Relation:
		return m.relationsOf(i, b, length, out, scores, row)
	case schema.MultiLabel:
		n := len(m.tasks[i].Labels)
		truth = withUnseen(labels[row*n:(row+1)*n], b, i, row)
		predicted = answers[row*n : (row+1)*n : (row+1)*n]
		for len(predicted) < len(truth) {
			predicted = append(predicted, 0) // it is not answered
		}
		return predicted, truth
	case schema.Tagging:
		n := b.Length
		if b.Lengths != nil { // a batch that no data set filled may not say
			n = b.Lengths[row]
		}
		return answers[row*length : row*length+n], labels[row*b.Length : row*b.Length+n]
	}
	return answers[row : row+1], labels[row : row+1]
}

// withUnseen puts the labels behind those of a row that training never had and
// that a multi-label task's example has.
func withUnseen(truth []int64, b *data.Batch, task, row int) []int64 {
	if len(b.Unseen) == 0 || b.Unseen[task] == nil || len(b.Unseen[task][row]) == 0 {
		return truth
	}
	truth = slices.Clone(truth)
	for _, l := range b.Unseen[task][row] {
		truth = append(truth, int64(l))
	}
	return truth
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

// Whole says in how many examples all tasks are right.
type Whole struct {
	// Share is the share of examples in which every label is right; nil where no
	// example has a label of every task but regressions.
	Share *float64 `json:"whole,omitempty"`
	// Examples is the number of examples that have all of these labels.
	Examples int `json:"whole_examples,omitempty"`
}

// count counts task i's answers. scores are the probabilities, which a
// classification with two labels and a relation have.
func (m *Meter) count(i int, b *data.Batch, length int, out, scores *tensor.Tensor) error {
	per := 1
	switch m.tasks[i].Type {
	case schema.Tagging, schema.Relation: // whose entities are tagged
		per = length
	case schema.MultiLabel:
		per = len(m.tasks[i].Labels)
	}
	if out.Len() != b.Size*per {
		return fmt.Errorf("the answer has shape %v for a batch of %d by %d", out.Shape(), b.Size, length)
	}
	if m.relations[i] != nil && (scores == nil || scores.Len() != b.Size*length*length*len(m.tasks[i].Labels)) {
		return fmt.Errorf("the probabilities %v do not fit a batch of %d by %d", scores, b.Size, length)
	}
	binary := m.tasks[i].Type == schema.Classification && len(m.tasks[i].Labels) == 2
	if binary && (scores == nil || scores.Len() != 2*b.Size) {
		return fmt.Errorf("the probabilities %v do not fit a batch of %d", scores, b.Size)
	}
	for row := range b.Size {
		m.answers.add(m, i, b, length, out, scores, row)
		for j, a := range m.meters[i] {
			if metric.OfScores(m.names[i][j]) {
				if y := b.Labels[i][row]; y != schema.MissingLabel {
					m.pair = [2]float64{floatAt(scores, 2*row+1), float64(y)}
					a.AddValues(m.pair[:1], m.pair[1:])
				}
			} else if m.tasks[i].Type != schema.Regression {
				a.AddLabels(m.row(i, b, length, out, scores, row))
			} else if b.Present[i][row] == 1 {
				m.pair = [2]float64{floatAt(out, row), b.Values[i][row]}
				a.AddValues(m.pair[:1], m.pair[1:])
			}
		}
	}
	return nil
}

// floatAt is element i of an output of float32 or float64.
func floatAt(x *tensor.Tensor, i int) float64 {
	if x.DType() == tensor.Float64 {
		return x.Float64s()[i]
	}
	return float64(x.Float32s()[i])
}

// Scores returns the scores so far.
func (m *Meter) Scores() Scores {
	scores := make(Scores, len(m.tasks))
	for i, t := range m.tasks {
		s := TaskScore{Task: t.Name, Labels: m.labels[i], Metric: m.main[i], Metrics: map[string]float64{}}
		if m.lossy[i] > 0 {
			s.Loss = m.loss[i] / float64(m.lossy[i])
		}
		for j, n := range m.names[i] {
			s.add(n, m.meters[i][j].Value())
		}
		if x := skill(s.Metric, s.Metrics, &m.tasks[i]); !math.IsNaN(x) {
			s.Score = &x
		}
		scores[i] = s
	}
	return scores
}

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

// noLabel is why no metric is defined of a task without labels.
const noLabel = "there is no label"

// Evaluate scores the current parameters on a data set.
func (t *Trainer) Evaluate(ctx context.Context, d *data.Dataset) (Scores, error) {
	m, err := t.Measure(ctx, d)
	if err != nil {
		return nil, err
	}
	return m.Scores(), nil
}

// Measure counts the answers of the current parameters to a data set.
func (t *Trainer) Measure(ctx context.Context, d *data.Dataset) (*Meter, error) {
	return t.measure(ctx, d, false)
}

// MeasureKeeping is Measure, and the meter has each example's answers.
func (t *Trainer) MeasureKeeping(ctx context.Context, d *data.Dataset) (*Meter, error) {
	return t.measure(ctx, d, true)
}

func (t *Trainer) measure(ctx context.Context, d *data.Dataset, keep bool) (*Meter, error) {
	m, err := NewMeter(t.described(), d, t.config.Metrics, t.config.MoreMetrics)
	if err != nil {
		return nil, err
	}
	if keep {
		m.Keep(d.Len())
	}
	return m, t.answered(ctx, d, func(b *data.Batch) error {
		answers, err := t.answers()
		if err != nil {
			return err
		}
		return m.Add(b, b.Length, answers, t.eval.losses)
	})
}

// Answers computes all tasks' outputs for the model's inputs, token ids first or
// a table's columns in the schema's order, by the trainer's own program: what
// an exported file must agree with.
func (t *Trainer) Answers(ctx context.Context, in []runtime.Named) ([]runtime.Named, error) {
	if t.model.Schema().Tabular() {
		b, err := t.columnBatch(in)
		if err != nil {
			return nil, err
		}
		return t.answersTo(ctx, b)
	}
	if len(in) == 0 || len(in[0].Tensor.Shape()) != 2 || in[0].Tensor.DType() != tensor.Int64 {
		return nil, fmt.Errorf("train: the first input must be token ids, int64 [batch, sequence]")
	}
	ids := in[0].Tensor
	shape := ids.Shape()
	b := &data.Batch{Size: int(shape[0]), Length: int(shape[1]), IDs: ids.Int64s(), Width: 1}
	if len(in) > 1 && len(in[1].Tensor.Shape()) == 3 {
		b.Characters, b.Width = in[1].Tensor.Int64s(), int(in[1].Tensor.Shape()[2])
	}
	return t.answersTo(ctx, b)
}

// columnBatch is a batch of a table's columns.
func (t *Trainer) columnBatch(in []runtime.Named) (*data.Batch, error) {
	inputs := t.model.Schema().Inputs
	if len(in) != len(inputs) {
		return nil, fmt.Errorf("train: %d columns are given, the model reads %d", len(in), len(inputs))
	}
	b := &data.Batch{Length: 1, Width: 1, Numbers: make([][]float32, len(in)), Doubles: make([][]float64, len(in)), Categories: make([][]int64, len(in))}
	for i, x := range in {
		kind := tensor.Int64
		switch {
		case inputs[i].Double:
			kind = tensor.Float64
		case inputs[i].Type == schema.Numeric:
			kind = tensor.Float32
		}
		if x.Name != inputs[i].Tensor || x.Tensor.DType() != kind || x.Tensor.Rank() != 1 {
			return nil, fmt.Errorf("train: input %q is %v, the model reads %q, %v [batch]", x.Name, x.Tensor, inputs[i].Tensor, kind)
		}
		b.Size = x.Tensor.Len()
		b.Numbers[i], b.Doubles[i], b.Categories[i] = x.Tensor.Float32s(), x.Tensor.Float64s(), x.Tensor.Int64s()
	}
	return b, nil
}

// answersTo computes the outputs for a batch without labels.
func (t *Trainer) answersTo(ctx context.Context, b *data.Batch) ([]runtime.Named, error) {
	tasks := t.model.Schema().Tasks
	b.Labels, b.Targets, b.Present = make([][]int64, len(tasks)), make([][]float32, len(tasks)), make([][]float32, len(tasks))
	b.Pairs, b.PairCount = make([][]int64, len(tasks)), 1
	for i, task := range tasks {
		size := b.Size
		switch task.Type {
		case schema.Tagging:
			size *= b.Length
		case schema.MultiLabel:
			size *= len(task.Labels)
		case schema.Relation:
			size, b.Pairs[i] = len(task.Labels), make([]int64, 2)
		}
		b.Labels[i], b.Targets[i], b.Present[i] = make([]int64, size), make([]float32, size), make([]float32, size)
	}
	if err := t.eval.run(ctx, b, nil); err != nil {
		return nil, err
	}
	answers, err := t.answers()
	if err != nil {
		return nil, err
	}
	var out []runtime.Named
	for name, answer := range answers {
		out = append(out, runtime.Named{Name: name, Tensor: answer.Clone()})
	}
	return out, nil
}

// answers returns the outputs of the last evaluation step by name.
func (t *Trainer) answers() (map[string]*tensor.Tensor, error) {
	answers := map[string]*tensor.Tensor{}
	for _, name := range answerNames(t.model.Schema().Tasks) {
		answer, err := t.eval.binding.Output(name)
		if err != nil {
			return nil, err
		}
		answers[name] = answer
	}
	return answers, nil
}
