package task

import (
	"slices"
	"strings"

	"espalier/metric"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
)

// multiLabel chooses any number of the labels for a whole example.
type multiLabel struct{}

func (multiLabel) Name() schema.TaskType { return schema.MultiLabel }
func (multiLabel) Traits() Traits        { return Traits{OfExample, AnyLabels} }

// Roles: probabilities and label [batch, labels], 1 for the labels that apply.
func (multiLabel) Roles() []schema.Role { return []schema.Role{schema.Probabilities, schema.Label} }

func (multiLabel) Check(_ *schema.Schema, t *schema.Task) error { return checkLabels(t, 2) }

func (multiLabel) Options() []setting.Option {
	return []setting.Option{{Key: "separator", Kind: setting.Text, Follows: "a comma", Doc: "what stands between the labels in a text field"}}
}

func (multiLabel) Configure(v setting.Values, t *schema.Task, _ *TagRules) {
	t.Separator = v.Text("separator")
}

// Read returns the labels, each once. A list may be empty: none applies.
func (multiLabel) Read(t *schema.Task, r *Record) (Labels, error) {
	if !r.Given || r.Field.Missing() {
		return Labels{}, nil
	}
	if err := noSpans(t, &r.Field); err != nil {
		return Labels{}, err
	}
	parts := r.Field.Tokens
	if !r.Field.List {
		separator := t.Separator
		if separator == "" {
			separator = ","
		}
		parts = strings.Split(r.Field.Text, separator)
	}
	var labels []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" && !slices.Contains(labels, p) {
			labels = append(labels, p)
		}
	}
	return Labels{OK: true, Names: labels}, nil
}

func (multiLabel) NewLearner(LearnOptions) Learner {
	return newLabelLearner(2, func(_, _ *Labels) int { return 1 })
}

func (multiLabel) NewTargets(_ *schema.Schema, t *schema.Task) Targets {
	return &sets{labels: LabelsInput(t.Name), n: len(t.Labels)}
}

func (multiLabel) NewJudge(_ *schema.Schema, t *schema.Task, targets func(string) Targets) Judge {
	return &setJudge{task: t, targets: targets(t.Name).(*sets)}
}

func (multiLabel) Metrics() []string { return []string{"macro_f1", "micro_f1", "exact_match"} }

func (multiLabel) Main(*schema.Task) string { return "macro_f1" }

func (multiLabel) NewMetric(name string, t *schema.Task, _ []string) metric.Accumulator {
	average := metric.Macro
	switch name {
	case "exact_match":
		return metric.NewExactMatch()
	case "micro_f1":
		average = metric.Micro
	}
	a, _ := metric.NewSetF1(len(t.Labels), average)
	return a
}

func (multiLabel) NewLabelMetric(kind, label string, t *schema.Task, _ []string) (metric.Accumulator, error) {
	return labelMetric(kind, label, t, func(i int) (metric.Accumulator, func() metric.Score) {
		a, f := metric.NewSetF1(len(t.Labels), metric.Micro)
		return a, func() metric.Score { return f.Class(i) }
	})
}

func (multiLabel) ThresholdMetrics() []string { return []string{"macro_f1", "micro_f1", "exact_match"} }

func (multiLabel) Constant(t *schema.Task, _ string) Constant { return mostFrequent(t, false) }

func (multiLabel) Decode(d *Decoder, v *View, i int, _ *Input, a *Answer) error {
	d.setProbabilities(v, i, a)
	if a.Labels == nil {
		a.Labels = []string{}
	}
	a.Labels = a.Labels[:0]
	for j, l := range v.task.Labels {
		if v.applies(i, j) {
			a.Labels = append(a.Labels, l)
		}
	}
	return nil
}

func (multiLabel) Print(_ *schema.Task, a *Answer, _ *Input) string {
	if len(a.Labels) == 0 {
		return "-"
	}
	return strings.Join(a.Labels, ", ")
}

func (multiLabel) Describe(t *schema.Task) string { return describeLabels(t) }

// sets holds the numbers of the labels of each example, nil where it has none.
type sets struct {
	labels string // the tensor's name
	n      int
	list   [][]int32
}

func (c *sets) Add(l *Labels, _ *Units, x *Index) error {
	if !l.OK {
		c.list = append(c.list, nil)
		return nil
	}
	set := make([]int32, 0, len(l.Names)) // not nil: it may be empty
	for _, label := range l.Names {
		n, err := x.Number(label)
		if err != nil {
			return err
		}
		if n != schema.MissingLabel {
			set = append(set, n)
		}
	}
	c.list = append(c.list, set)
	return nil
}

func (c *sets) Copy(from Targets, i int) { c.list = append(c.list, from.(*sets).list[i]) }

func (c *sets) Has(i int) bool { return c.list[i] != nil }

func (c *sets) Labelled(i int) int { return count(c.Has(i)) }

// Truth has the labels that training never had behind the others.
func (c *sets) Truth(i int, dst []int64) (Truth, bool) {
	dst = slices.Grow(dst[:0], c.n)[:c.n]
	clear(dst)
	for _, l := range c.list[i] {
		if l >= 0 {
			dst[l] = 1
		} else {
			dst = append(dst, int64(l))
		}
	}
	return Truth{Count: count(c.Has(i)), Labels: dst}, c.Has(i)
}

func (c *sets) SetSizes(*tensor.Batch, []int) {}

// Fill makes int64 [batch, labels] of 0 and 1, -1 where nothing is said.
func (c *sets) Fill(b *tensor.Batch, examples []int) int {
	out := tensor.Fill(b, c.labels, int64(schema.MissingLabel), len(examples), c.n)
	n := 0
	for row, i := range examples {
		if c.list[i] == nil {
			continue
		}
		hot := out[row*c.n : (row+1)*c.n]
		clear(hot)
		for _, l := range c.list[i] {
			if l >= 0 {
				hot[l] = 1
			}
		}
		n++
	}
	return n
}

func (c *sets) Clear(b *tensor.Batch) { clearLabels(b, c.labels) }

// setJudge reads any number of labels for each example.
type setJudge struct {
	task             *schema.Task
	targets          *sets
	examples         []int
	labels           []int64
	probabilities    *tensor.Tensor
	predicted, truth []int64
}

func (j *setJudge) Take(outputs map[string]*tensor.Tensor, examples []int, length int) error {
	labels, err := takeLabels(outputs, j.task, len(examples)*j.targets.n, len(examples), length)
	if err != nil {
		return err
	}
	j.examples, j.labels, j.probabilities = examples, labels, outputs[j.task.Output(schema.Probabilities)]
	return nil
}

// Row has 0 as the prediction of labels that training never had.
func (j *setJudge) Row(row int) (Judged, bool) {
	n := j.targets.n
	truth, ok := j.targets.Truth(j.examples[row], j.truth)
	j.truth = truth.Labels
	if !ok {
		return Judged{}, false
	}
	j.predicted = append(j.predicted[:0], j.labels[row*n:(row+1)*n]...)
	for len(j.predicted) < len(j.truth) {
		j.predicted = append(j.predicted, 0)
	}
	return Judged{Truth: truth, Predicted: j.predicted}, true
}

func (j *setJudge) Decide(row int, add func(label int, p float32, applies bool), _ func(int)) {
	out, ok := j.Row(row)
	if !ok {
		return
	}
	p := j.probabilities.Float32s()[row*j.targets.n:]
	for l := range j.targets.n {
		add(l, p[l], out.Labels[l] == 1)
	}
}
