package task

import (
	"fmt"
	"slices"
	"strings"

	"espalier/internal/nearest"
	"espalier/metric"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
)

// classification chooses one of the labels for a whole example.
type classification struct{}

func (classification) Name() schema.TaskType { return schema.Classification }
func (classification) Traits() Traits        { return Traits{OfExample, OneLabel} }

// Roles: probabilities [batch, labels] and label [batch].
func (classification) Roles() []schema.Role {
	return []schema.Role{schema.Probabilities, schema.Label}
}

func (classification) Check(_ *schema.Schema, t *schema.Task) error { return checkLabels(t, 2) }

func (classification) Options() []setting.Option { return nil }

func (classification) Configure(setting.Values, *schema.Task, *TagRules) {}

func (classification) Read(t *schema.Task, r *Record) (Labels, error) { return readLabel(t, r) }

func (classification) NewLearner(LearnOptions) Learner { return newLabelLearner(2, named) }

func (classification) NewTargets(_ *schema.Schema, t *schema.Task) Targets {
	return &classes{labels: LabelsInput(t.Name)}
}

func (c classification) NewJudge(_ *schema.Schema, t *schema.Task, targets func(string) Targets) Judge {
	return &classJudge{task: t, binary: c.Traits().Binary(t), targets: targets(t.Name).(*classes)}
}

func (classification) Metrics() []string {
	return []string{"accuracy", "macro_f1", "micro_f1", "auc", "log_loss"}
}

func (classification) Main(*schema.Task) string { return "accuracy" }

func (classification) NewMetric(name string, t *schema.Task, _ []string) metric.Accumulator {
	switch name {
	case "macro_f1":
		return metric.NewF1(len(t.Labels), metric.Macro)
	case "micro_f1":
		return metric.NewF1(len(t.Labels), metric.Micro)
	case "auc":
		return metric.NewAUC()
	case "log_loss":
		return metric.NewLogLoss()
	}
	return metric.NewAccuracy()
}

func (classification) NewLabelMetric(kind, label string, t *schema.Task, _ []string) (metric.Accumulator, error) {
	return labelMetric(kind, label, t, classF1(t))
}

func (classification) ThresholdMetrics() []string { return nil }

func (classification) Constant(t *schema.Task, by string) Constant {
	return mostFrequent(t, metric.OfScores(by))
}

func (classification) Decode(d *Decoder, v *View, i int, _ *Input, a *Answer) error {
	return decodeLabel(d, v, i, a)
}

func (classification) Print(_ *schema.Task, a *Answer, _ *Input) string {
	return fmt.Sprintf("%s (%.3f)", a.Label, a.Probability)
}

func (classification) Describe(t *schema.Task) string { return describeLabels(t) }

// describeLabels says which labels a task has.
func describeLabels(t *schema.Task) string {
	return fmt.Sprintf("%s of %s", t.Type, nearest.Some(t.Labels, 6))
}

// classes holds a class for each example.
type classes struct {
	labels string // the tensor's name
	list   []int32
}

func (c *classes) Add(l *Labels, _ *Units, x *Index) error {
	n := int32(schema.MissingLabel)
	if l.OK && l.Names[0] != "" { // a text with spans inside may be blank
		var err error
		if n, err = x.Number(l.Names[0]); err != nil {
			return err
		}
	}
	c.list = append(c.list, n)
	return nil
}

func (c *classes) Copy(from Targets, i int) { c.list = append(c.list, from.(*classes).list[i]) }

func (c *classes) Has(i int) bool { return c.list[i] != schema.MissingLabel }

func (c *classes) Labelled(i int) int { return count(c.Has(i)) }

func (c *classes) Truth(i int, dst []int64) (Truth, bool) {
	y := c.list[i]
	return Truth{Count: count(c.Has(i)), Labels: append(dst[:0], int64(y)), Value: float64(y)}, c.Has(i)
}

func (c *classes) SetSizes(*tensor.Batch, []int) {}

// Fill makes int64 [batch], -1 where there is no label.
func (c *classes) Fill(b *tensor.Batch, examples []int) int {
	out := tensor.Fill(b, c.labels, int64(schema.MissingLabel), len(examples))
	n := 0
	for row, i := range examples {
		out[row] = int64(c.list[i])
		n += count(out[row] >= 0)
	}
	return n
}

func (c *classes) Clear(b *tensor.Batch) { clearLabels(b, c.labels) }

// clearLabels makes all labels of a tensor missing.
func clearLabels(b *tensor.Batch, name string) {
	labels := b.Int64s(name)
	for i := range labels {
		labels[i] = schema.MissingLabel
	}
}

// count is 1 for true.
func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// classJudge reads one label for each example.
type classJudge struct {
	task      *schema.Task
	binary    bool
	targets   *classes
	examples  []int
	predicted []int64
	scores    *tensor.Tensor
	truth     []int64
}

func (j *classJudge) Take(outputs map[string]*tensor.Tensor, examples []int, length int) error {
	predicted, err := takeLabels(outputs, j.task, len(examples), len(examples), length)
	if err != nil {
		return err
	}
	name := j.task.Output(schema.Probabilities)
	j.examples, j.predicted, j.scores = examples, predicted, outputs[name]
	if !j.binary {
		return nil
	}
	if j.scores == nil || j.scores.Len() != 2*len(examples) {
		return fmt.Errorf("the probabilities %v do not fit a batch of %d", j.scores, len(examples))
	}
	return checkElements(name, j.scores, tensor.Float32, tensor.Float64)
}

func (j *classJudge) Row(row int) (Judged, bool) {
	truth, ok := j.targets.Truth(j.examples[row], j.truth)
	j.truth = truth.Labels
	if !ok {
		return Judged{}, false
	}
	out := Judged{Truth: truth, Predicted: j.predicted[row : row+1]}
	if j.binary {
		out.Score = floatAt(j.scores, 2*row+1)
	}
	return out, true
}

// take returns an output of a batch that has so many elements.
func take(outputs map[string]*tensor.Tensor, name string, elements, rows, length int) (*tensor.Tensor, error) {
	out := outputs[name]
	if out == nil {
		return nil, fmt.Errorf("output %q is not there", name)
	}
	if out.Len() != elements {
		return nil, fmt.Errorf("the answer has shape %v for a batch of %d by %d", out.Shape(), rows, length)
	}
	return out, nil
}

// takeLabels returns the output of a task's labels, of which a batch has so many.
func takeLabels(outputs map[string]*tensor.Tensor, t *schema.Task, elements, rows, length int) ([]int64, error) {
	name := t.Output(schema.Label)
	out, err := take(outputs, name, elements, rows, length)
	if err != nil {
		return nil, err
	}
	return out.Int64s(), checkElements(name, out, tensor.Int64)
}

// checkElements reports an output whose elements are of none of the types that are read.
func checkElements(name string, x *tensor.Tensor, read ...tensor.DType) error {
	if slices.Contains(read, x.DType()) {
		return nil
	}
	var types []string
	for _, d := range read {
		types = append(types, d.String())
	}
	return fmt.Errorf("output %q: %w", name, &ElementsError{name, x.DType(), strings.Join(types, " or ") + " is measured"})
}

// floatAt is element i of an output of float32 or float64.
func floatAt(x *tensor.Tensor, i int) float64 {
	if x.DType() == tensor.Float64 {
		return x.Float64s()[i]
	}
	return float64(x.Float32s()[i])
}
