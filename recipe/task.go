package recipe

import (
	"fmt"
	"slices"
	"strings"

	"espalier/metric"
	"espalier/models"
	"espalier/schema"
	"espalier/task"
	"espalier/train/threshold"
)

// Task is something the model answers.
type Task struct {
	Name string
	// Type is classification (one label for a text or a table's row), multilabel
	// (any number of them), tagging (one for every token of a text), regression
	// (a number, learned standardised by the mean and deviation of the training
	// data and answered in its unit) or relation (labelled pairs of the spans that tagging finds).
	Type string `key:"type"`
	// Field is the field of the data that holds its labels; its name.
	Field string `key:"field"`
	// Scheme says how tags spell spans: bio or bioes. Without it, tags are
	// measured one by one.
	Scheme string `key:"scheme,omitempty"`
	// Entities names the tagging task, with a scheme, whose spans a relation
	// joins.
	Entities string `key:"entities,omitempty"`
	// Separator stands between the labels of multilabel in a text field; a
	// comma.
	Separator string `key:"separator,omitempty"`
	// Unit is what the values of regression count, such as minutes; predictions
	// carry it.
	Unit string `key:"unit,omitempty"`
	// Reads names tasks whose answers the head reads beside the trunk.
	Reads []string `key:"reads,omitempty"`
	// Balanced weighs labels inversely to their counts in the training data;
	// false. ClassWeights gives factors by label.
	Balanced     bool               `key:"balanced"`
	ClassWeights map[string]float64 `key:"class_weights,omitempty"`
	// LabelSmoothing is the share of the truth that is spread over all labels;
	// 0. Focal is the exponent of focal loss; 0, none.
	LabelSmoothing float64 `key:"label_smoothing"`
	Focal          float64 `key:"focal"`
	// Repair makes tags legal in the scheme that are not, such as an I-x after
	// O, by spelling the spans they stand for anew; false, which is an error.
	Repair bool `key:"repair"`
	// Overlap says what happens to spans that share tokens: error (the
	// default), longest or first, which keep one and count the others.
	Overlap string `key:"overlap"`
	// Misaligned says what happens to spans of a text that begin or end within
	// a token: error (the default), drop, or widen to whole tokens; both count
	// them.
	Misaligned string `key:"misaligned"`
	// Offsets says what spans of a text count: characters (code points, the
	// default), bytes (of UTF-8) or utf16 (code units).
	Offsets string `key:"offsets"`
	// CRF makes tagging choose the labels of a text together, by a linear-chain
	// conditional random field; false.
	CRF bool `key:"crf"`
	// Threshold says from which probability on the labels of multilabel and
	// relation apply.
	Threshold Threshold `key:"threshold"`
	// Weight is the factor of the task's loss with balance method fixed; 1.
	Weight float64 `key:"weight"`
	// LR is the factor of the learning rate for what belongs to the task alone;
	// 1.
	LR float64 `key:"lr"`
	// Schedule moves that rate in the place of train.schedule, from the first
	// step that the task trains in. A plateau looks at the task's own metric.
	Schedule Schedule `key:"schedule,omitempty"`
	// Stop ends the task's training when its metric no longer improves.
	Stop Stop `key:"stop,omitempty"`
	// Hidden is the width of a layer of the task's own; 0, none. Of a relation it
	// is that of the vectors of the two entities that it compares; 128.
	Hidden int `key:"hidden"`
	// Dropout applies to what the head reads; 0.
	Dropout float64 `key:"dropout"`
	// Metric is what the task is judged by, and with it the best epoch, see
	// train.select; the main metric of the type.
	Metric string `key:"metric"`
	// Metrics are measured beside those of the type: precision:L, recall:L or
	// f1:L of a label L, or of a type of spans.
	Metrics []string `key:"metrics,omitempty"`
}

// Threshold says from which probability on labels apply.
type Threshold struct {
	// Tune is how thresholds are chosen on validation after every epoch: each (for
	// every label its own), one (the same for all labels), none (they stay at
	// value) or auto, the default: each for labels that apply to 10 examples of
	// validation or more, and one for all the others together.
	Tune string `key:"tune"`
	// Value is the threshold with none, and of labels that validation says nothing
	// of; 0.5.
	Value float64 `key:"value"`
	// Metric is what they are tuned for: macro_f1, micro_f1 or, of multilabel,
	// exact_match; that of the task's metric, and macro_f1 where that is of one
	// label.
	Metric string `key:"metric"`
}

func (t *Threshold) setDefaults() { t.Tune, t.Value = "auto", 0.5 }

func (t *Threshold) unused() []string {
	if t.Tune == "none" {
		return []string{"metric"}
	}
	return nil
}

func (t *Task) setDefaults() {
	t.Weight, t.LR = 1, 1
	t.Threshold.setDefaults()
	t.Overlap, t.Misaligned, t.Offsets = "error", "error", "characters"
}

func (t *Task) unused() []string {
	var keys []string
	if t.Scheme == "" {
		keys = append(keys, ofSpans...)
	}
	if !t.thresholded() {
		keys = append(keys, "threshold")
	}
	switch {
	case t.Type == "regression":
		return append(keys, "crf", "separator", "balanced", "class_weights", "label_smoothing", "focal")
	case t.Type == "relation":
		return append(keys, "crf", "separator")
	case t.CRF:
		return append(keys, "balanced", "class_weights", "label_smoothing", "focal")
	case t.Type != "tagging":
		return append(keys, "crf")
	}
	return keys
}

// kind is the task's type, once it is known to be one.
func (t *Task) kind() task.Type { return task.Of(schema.TaskType(t.Type)) }

// thresholded reports whether labels apply from a probability on.
func (t *Task) thresholded() bool {
	return t.Type == string(schema.MultiLabel) || t.Type == string(schema.Relation)
}

// ofSpans are the keys of tagging tasks whose tags spell spans.
var ofSpans = []string{"repair", "overlap", "misaligned", "offsets"}

func (c *checker) tasks(r *Recipe) {
	if len(r.Tasks) == 0 {
		c.fail("tasks", "is empty; name at least one, as in {intent: {type: classification}}")
	}
	for i := range r.Tasks {
		t := &r.Tasks[i]
		path := "tasks." + t.Name
		c.name(path, t.Name)
		for _, in := range r.Inputs {
			if in.Name == t.Name {
				c.fail(path, "has the name of an input; rename one and set its field")
			}
		}
		if t.Field == "" {
			t.Field = t.Name
		}
		c.task(path, t, r.Tasks)
	}
}

// reads checks the tasks that a head reads.
func (c *checker) reads(path string, t *Task, tasks []Task) {
	var names []string
	for _, other := range tasks {
		if other.Name != t.Name && other.Type != string(schema.Regression) && other.Type != string(schema.Relation) {
			names = append(names, other.Name)
		}
	}
	for i, name := range t.Reads {
		c.oneOf(fmt.Sprintf("%s.reads.%d", path, i), name, names...)
	}
}

// ofSpans checks what is said of tags that spell spans.
func (c *checker) ofSpans(path string, t *Task) {
	for _, key := range ofSpans {
		if t.Scheme == "" && c.has(path+"."+key) {
			c.fail(path+"."+key, "is for tagging with a scheme, bio or bioes")
		}
	}
	c.oneOf(path+".overlap", t.Overlap, "error", "longest", "first")
	c.oneOf(path+".misaligned", t.Misaligned, "error", "drop", "widen")
	c.oneOf(path+".offsets", t.Offsets, "characters", "bytes", "utf16")
}

// relation checks what a task says of the spans that it joins.
func (c *checker) relation(path string, t *Task, tasks []Task) {
	path += ".entities"
	if t.Type != string(schema.Relation) {
		if t.Entities != "" {
			c.fail(path, "is for relation, not for %s", t.Type)
		}
		return
	}
	var names []string
	for _, other := range tasks {
		if other.Type == string(schema.Tagging) && other.Scheme != "" {
			names = append(names, other.Name)
		}
	}
	if len(names) == 0 {
		c.fail(path, "needs a task of type tagging with a scheme, whose spans the relation joins, and there is none; add one, as in {entities: {type: tagging, scheme: bio}}")
		return
	}
	c.oneOf(path, t.Entities, names...)
	if !c.has(strings.TrimSuffix(path, "entities") + "hidden") {
		t.Hidden = models.RelationHidden
	}
	c.atLeast(strings.TrimSuffix(path, "entities")+"hidden", t.Hidden, 1)
}

// threshold checks how a task's thresholds are chosen, once its metric is known.
func (c *checker) threshold(path string, t *Task) {
	th := &t.Threshold
	if !t.thresholded() {
		return
	}
	c.oneOf(path+".tune", th.Tune, threshold.Ways()...)
	if !(th.Value > 0 && th.Value < 1) {
		c.fail(path+".value", "is %v, it must be above 0 and below 1", th.Value)
	}
	switch {
	case th.Tune == "none" && c.has(path+".metric"):
		c.fail(path+".metric", "is set, but with tune none nothing is tuned; leave one of them out")
	case th.Metric == "":
		th.Metric = task.ThresholdMetric(t.kind(), t.Metric)
	}
	c.oneOf(path+".metric", th.Metric, t.kind().ThresholdMetrics()...)
}

func (c *checker) task(path string, t *Task, tasks []Task) {
	c.oneOf(path+".type", t.Type, string(schema.Classification), string(schema.MultiLabel), string(schema.Tagging), string(schema.Regression), string(schema.Relation))
	if t.Scheme != "" {
		c.oneOf(path+".scheme", t.Scheme, "bio", "bioes")
		if t.Type != string(schema.Tagging) {
			c.fail(path+".scheme", "is for tagging, not for %s", t.Type)
		}
	}
	if t.CRF && t.Type != string(schema.Tagging) {
		c.fail(path+".crf", "is for tagging, not for %s", t.Type)
	}
	if t.Separator != "" && t.Type != string(schema.MultiLabel) {
		c.fail(path+".separator", "is for multilabel, not for %s", t.Type)
	}
	if t.Unit != "" && t.Type != string(schema.Regression) {
		c.fail(path+".unit", "is for regression, not for %s", t.Type)
	}
	c.ofSpans(path, t)
	c.relation(path, t, tasks)
	c.reads(path, t, tasks)
	c.share(path+".label_smoothing", t.LabelSmoothing)
	c.positive(path+".focal", t.Focal, true)
	for _, key := range t.unused() {
		if key == "threshold" && c.has(path+"."+key) {
			c.fail(path+"."+key, "is for multilabel and relation, not for %s", t.Type)
		} else if key != "crf" && key != "separator" && !slices.Contains(ofSpans, key) && c.has(path+"."+key) {
			c.fail(path+"."+key, "is for heads that choose labels one by one, not for this one")
		}
	}
	for label, w := range t.ClassWeights {
		c.positive(path+".class_weights."+label, w, true)
	}
	c.positive(path+".weight", t.Weight, true)
	c.atLeast(path+".hidden", t.Hidden, 0)
	c.share(path+".dropout", t.Dropout)
	if c.err != nil {
		return
	}
	if t.Metric == "" {
		t.Metric = task.MainMetric(&schema.Task{Type: schema.TaskType(t.Type), Scheme: t.Scheme})
	}
	for _, m := range append([]string{t.Metric}, t.Metrics...) {
		if kind, _, ok := metric.OfLabel(m); !ok || t.Type == string(schema.Regression) {
			c.oneOf(path+".metric", m, t.kind().Metrics()...)
		} else if kind == "" {
			c.fail(path+".metric", "is %q; of one label there are precision:L, recall:L and f1:L", m)
		}
	}
	c.threshold(path+".threshold", t)
	if t.Metric == "span_f1" && t.Scheme == "" {
		c.fail(path+".metric", "is span_f1, which needs to know the scheme: bio or bioes")
	}
}
