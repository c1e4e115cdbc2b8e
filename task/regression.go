package task

import (
	"fmt"
	"math"
	"strconv"

	"espalier/internal/moments"
	"espalier/metric"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
)

// regression answers a number for a whole example.
type regression struct{}

func (regression) Name() schema.TaskType { return schema.Regression }
func (regression) Traits() Traits        { return Traits{OfExample, Number} }

// Roles: value [batch].
func (regression) Roles() []schema.Role { return []schema.Role{schema.Value} }

func (regression) Check(_ *schema.Schema, t *schema.Task) error {
	if t.Double && t.Deviation == 0 {
		return fmt.Errorf("its value is float64, but it has no deviation")
	}
	return nil
}

func (regression) Options() []setting.Option {
	return []setting.Option{{Key: "unit", Kind: setting.Text, Doc: "what the values count, such as minutes; predictions carry it"}}
}

func (regression) Configure(v setting.Values, t *schema.Task, _ *TagRules) {
	t.Unit = v.Text("unit")
}

func (regression) Read(t *schema.Task, r *Record) (Labels, error) { return readNumber(t, r) }

func (regression) NewLearner(o LearnOptions) Learner {
	return &valueLearner{moments.New(o.Columns)}
}

func (regression) NewTargets(_ *schema.Schema, t *schema.Task) Targets {
	return &values{labels: LabelsInput(t.Name), present: PresentInput(t.Name), learned: t.Standardise}
}

func (regression) NewJudge(_ *schema.Schema, t *schema.Task, targets func(string) Targets) Judge {
	return &valueJudge{task: t, targets: targets(t.Name).(*values)}
}

func (regression) Metrics() []string { return []string{"rmse", "mse", "mae", "r2"} }

func (regression) Main(*schema.Task) string { return "rmse" }

func (regression) NewMetric(name string, _ *schema.Task, _ []string) metric.Accumulator {
	return metric.NewValues(name)
}

func (regression) NewLabelMetric(_, _ string, _ *schema.Task, _ []string) (metric.Accumulator, error) {
	return nil, fmt.Errorf("metric: a number has no labels")
}

func (regression) ThresholdMetrics() []string { return nil }

func (regression) Constant(t *schema.Task, _ string) Constant {
	if t.Deviation > 0 {
		return Constant{Name: fmt.Sprintf("the training mean, %.6g,", t.Mean), Value: t.Mean}
	}
	return Constant{}
}

func (regression) Decode(_ *Decoder, v *View, i int, _ *Input, a *Answer) error {
	decodeNumber(v, i, a)
	return nil
}

func (regression) Print(t *schema.Task, a *Answer, _ *Input) string {
	return printNumber(*a.Value, t.Deviation)
}

func (regression) Describe(t *schema.Task) string {
	if t.Deviation == 0 {
		return describeLabels(t)
	}
	return "regression, " + Spread(t.Mean, t.Deviation, t.Double)
}

// Spread says in a few words how numbers are spread.
func Spread(mean, deviation float64, double bool) string {
	if double {
		return fmt.Sprintf("float64, mean %s, deviation %.4g", printNumber(mean, deviation), deviation)
	}
	return fmt.Sprintf("mean %.4g, deviation %.4g", mean, deviation)
}

// printNumber writes a value down to a thousandth of the deviation, and in four
// digits where there is no deviation or where it would be long.
func printNumber(x, deviation float64) string {
	if deviation < 1e-9 || deviation > 1e15 {
		return fmt.Sprintf("%.4g", x)
	}
	return strconv.FormatFloat(x, 'f', max(3-int(math.Floor(math.Log10(deviation))), 0), 64)
}

// valueLearner learns the mean and the deviation.
type valueLearner struct{ seen *moments.Moments }

func (v *valueLearner) Add(l, _ *Labels) {
	if l.OK {
		v.seen.Add(l.Value)
	}
}

func (v *valueLearner) Empty() bool { return v.seen.N == 0 }

func (v *valueLearner) Learn(t *schema.Task) ([]string, error) {
	if err := v.moments(t); err != nil {
		return nil, err
	}
	t.Double = schema.NeedsDouble(schema.Rounding(math.Abs(t.Mean)+t.Deviation), t.Deviation)
	return v.notes(t), nil
}

// moments fills in the mean and the deviation.
func (v *valueLearner) moments(t *schema.Task) error {
	t.Mean, t.Deviation = v.seen.Mean, v.seen.Deviation()
	if t.Deviation == 0 {
		return fmt.Errorf("has the one value %v in training; there is nothing to learn", t.Mean)
	}
	return nil
}

// notes describe what was learned, in sentences.
func (v *valueLearner) notes(t *schema.Task) []string {
	learned := fmt.Sprintf("task %s: learned standardised, by the mean %.10g and deviation %.4g of %d values in training", t.Name, t.Mean, t.Deviation, v.seen.N)
	standardised := func(x float64) float32 { return float32(t.Standardise(x)) }
	seen := standardised
	if t.Double {
		learned += fmt.Sprintf("; answered as float64, because float32 rounds such numbers by up to %.3g", schema.Rounding(t.Mean))
	} else if !v.seen.Lost(standardised) {
		seen = func(x float64) float32 { return float32(x) } // as it is answered
	}
	if c := v.seen.Coincidence("task "+t.Name, seen, standardised); c != "" {
		return []string{learned, c}
	}
	return []string{learned}
}

// values holds a number for each example, NaN where there is none.
type values struct {
	labels, present string                  // the tensors' names
	learned         func(x float64) float64 // what the model learns of a value
	list            []float64
}

func (c *values) Add(l *Labels, _ *Units, _ *Index) error {
	x := math.NaN()
	if l.OK {
		x = l.Value
	}
	c.list = append(c.list, x)
	return nil
}

func (c *values) Copy(from Targets, i int) { c.list = append(c.list, from.(*values).list[i]) }

func (c *values) Has(i int) bool { return !math.IsNaN(c.list[i]) }

func (c *values) Labelled(i int) int { return count(c.Has(i)) }

// Truth has the number as it was read.
func (c *values) Truth(i int, _ []int64) (Truth, bool) {
	return Truth{Count: count(c.Has(i)), Value: c.list[i]}, c.Has(i)
}

func (c *values) SetSizes(*tensor.Batch, []int) {}

// Fill makes two of float32 [batch]: what the model learns of the value, and 1 where
// there is one.
func (c *values) Fill(b *tensor.Batch, examples []int) int {
	targets := tensor.Fill(b, c.labels, float32(0), len(examples))
	present := tensor.Fill(b, c.present, float32(0), len(examples))
	n := 0
	for row, i := range examples {
		if v := c.list[i]; !math.IsNaN(v) {
			targets[row], present[row] = float32(c.learned(v)), 1
			n++
		}
	}
	return n
}

func (c *values) Clear(b *tensor.Batch) {
	clear(b.Float32s(c.labels))
	clear(b.Float32s(c.present))
}

// valueJudge reads a number for each example.
type valueJudge struct {
	task     *schema.Task
	targets  *values
	examples []int
	out      *tensor.Tensor
}

func (j *valueJudge) Take(outputs map[string]*tensor.Tensor, examples []int, length int) (err error) {
	name := j.task.Output(schema.Value)
	j.examples = examples
	if j.out, err = take(outputs, name, len(examples), len(examples), length); err != nil {
		return err
	}
	return checkElements(name, j.out, tensor.Float32, tensor.Float64)
}

func (j *valueJudge) Row(row int) (Judged, bool) {
	truth, ok := j.targets.Truth(j.examples[row], nil)
	if !ok {
		return Judged{}, false
	}
	return Judged{Truth: truth, Value: floatAt(j.out, row)}, true
}
