package recipe

import (
	"fmt"
	"slices"
	"strings"

	"espalier/metric"
	"espalier/models"
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
)

// Task is something the model answers.
type Task struct {
	Name string
	// Type is that of a head.
	Type string `key:"type"`
	// Field is the field of the data that holds its labels.
	Field string `key:"field"`
	// Scheme says how tags spell spans. Without it, tags are measured one by one.
	Scheme string `key:"scheme,omitempty"`
	// Entities names the tagging task, with a scheme, whose spans a relation joins.
	Entities string `key:"entities,omitempty"`
	// Separator stands between the labels of multilabel in a text field.
	Separator string `key:"separator,omitempty"`
	// Unit is what the values of regression count.
	Unit string `key:"unit,omitempty"`
	models.HeadConfig
	// Repair makes tags legal in the scheme that are not; Overlap, Misaligned and
	// Offsets are rules of spans.
	Repair     bool   `key:"repair,after=focal"`
	Overlap    string `key:"overlap,after=repair"`
	Misaligned string `key:"misaligned,after=overlap"`
	Offsets    string `key:"offsets,after=misaligned"`
	// Threshold says from which probability on the labels of multilabel and
	// relation apply.
	Threshold Threshold `key:"threshold,after=crf"`
	// Weight is the factor of the task's loss with balance method fixed.
	Weight float64 `key:"weight,after=threshold"`
	// LR is the factor of the learning rate for what belongs to the task alone.
	LR float64 `key:"lr,after=weight"`
	// Frozen keeps the task's own part as it starts.
	Frozen bool `key:"frozen,omitempty,after=lr"`
	// Schedule moves that rate in the place of train.schedule, from the first
	// step that the task trains in.
	Schedule Schedule `key:"schedule,omitempty,after=frozen"`
	// Stop ends the task's training when its metric no longer improves.
	Stop Stop `key:"stop,omitempty,after=schedule"`
	// Metric is what the task is judged by, Metrics are measured beside those of the
	// type.
	Metric  string   `key:"metric"`
	Metrics []string `key:"metrics,omitempty"`
}

// Threshold says from which probability on labels apply.
type Threshold struct {
	// Tune is how thresholds are chosen on validation after every epoch.
	Tune string `key:"tune"`
	// Value is the threshold of what is not tuned.
	Value float64 `key:"value"`
	// Metric is what they are tuned for.
	Metric string `key:"metric"`
}

// makeTaskSection has a part for each type of tasks: what the type and its head declare.
func makeTaskSection() section {
	s := section{by: "type", foreign: isForTasks, lenient: true}
	choice := setting.Option{Key: "type", Kind: setting.Word, Required: true, Doc: "type of the task"}
	for _, h := range models.Heads() {
		choice.Words = append(choice.Words, string(h.Type))
		s.parts = append(s.parts, part{name: string(h.Type), doc: h.Doc, source: h.Source, options: append(typeOptions(h.Type), h.Options...)})
	}
	s.options = []setting.Option{
		choice,
		{Key: "field", Kind: setting.Text, Follows: "its name", Doc: "the field of the data that holds its labels"},
		{Key: "weight", Default: 1.0, Doc: "factor of the task's loss with balance method fixed"},
		{Key: "lr", Open: true, Default: 1.0, Doc: "factor of the learning rate for what belongs to the task alone"},
		{Key: "frozen", Kind: setting.Flag, Default: false, Doc: "keeps what belongs to the task alone as an earlier run left it, which train --from names; its labels do not count and need not be there"},
		sub("schedule", "moves that rate in the place of train.schedule, from the first step that the task trains in; a plateau looks at the task's own metric"),
		sub("stop", "ends the task's training when its metric no longer improves"),
		{Key: "metric", Kind: setting.Text, Follows: "the main metric of the type", Doc: "what the task is judged by, and with it the best epoch, see train.select"},
		{Key: "metrics", Kind: setting.Text, List: true, Doc: "measured beside those of the type: precision:L, recall:L or f1:L of a label L, or of a type of spans"},
	}
	return s
}

// typeOptions are the settings of a type of tasks, beside those of its head.
func typeOptions(t schema.TaskType) []setting.Option {
	of := task.Of(t)
	options := of.Options()
	if of.ThresholdMetrics() != nil {
		options = append(options, sub("threshold", "from which probability on labels apply"))
	}
	return options
}

// isForTasks says which types have a setting that was given to another.
func isForTasks(s section, key, chosen string) (at, text string) {
	if readers := s.readers(key); len(readers) == 2 {
		return key, "is for " + strings.Join(readers, " and ") + ", not for " + chosen
	}
	return isFor(s, key, chosen)
}

// schema returns the task before its labels are known, and the rules for its tags.
func (t *Task) schema() (of schema.Task, rules task.TagRules) {
	of = schema.Task{Name: t.Name, Type: schema.TaskType(t.Type)}
	if kind := t.kind(); kind != nil {
		kind.Configure(setting.Of(kind.Options(), t), &of, &rules)
	}
	return of, rules
}

// kind is the task's type, once it is known to be one.
func (t *Task) kind() task.Type { return task.Of(schema.TaskType(t.Type)) }

// thresholded reports whether labels apply from a probability on.
func (t *Task) thresholded() bool {
	return slices.Contains(taskSection().readers("threshold"), t.Type)
}

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
		if err := r.Trunk.CheckLayer(&r.Sharing, t.Layer); err != nil {
			c.fail(path+".layer", "%w", err)
		}
	}
}

// reads checks the tasks that a head reads.
func (c *checker) reads(path string, t *Task, tasks []Task) {
	var names []string
	for _, other := range tasks {
		if other.Name != t.Name && models.Readable(schema.TaskType(other.Type)) {
			names = append(names, other.Name)
		}
	}
	for i, name := range t.Reads {
		c.oneOf(fmt.Sprintf("%s.reads.%d", path, i), name, names...)
	}
}

// relation checks what a task says of the spans that it joins.
func (c *checker) relation(path string, t *Task, tasks []Task) {
	path += ".entities"
	if t.kind().Traits().Level != task.OfPair {
		return
	}
	var names []string
	for _, other := range tasks {
		if other.Scheme != "" {
			names = append(names, other.Name)
		}
	}
	if len(names) == 0 {
		c.fail(path, "needs a task of type tagging with a scheme, whose spans the relation joins, and there is none; add one, as in {entities: {type: tagging, scheme: bio}}")
		return
	}
	c.oneOf(path, t.Entities, names...)
}

// threshold checks how a task's thresholds are chosen, once its metric is known.
func (c *checker) threshold(path string, t *Task) {
	th := &t.Threshold
	if !t.thresholded() {
		return
	}
	c.complete(path, th, nil)
	if th.Metric == "" {
		th.Metric = task.ThresholdMetric(t.kind(), t.Metric)
	}
	c.oneOf(path+".metric", th.Metric, t.kind().ThresholdMetrics()...)
}

func (c *checker) task(path string, t *Task, tasks []Task) {
	c.complete(path, t, nil)
	if c.err != nil {
		return
	}
	c.relation(path, t, tasks)
	c.reads(path, t, tasks)
	if c.err != nil {
		return
	}
	if t.Metric == "" {
		t.Metric = task.MainMetric(&schema.Task{Type: schema.TaskType(t.Type), Scheme: t.Scheme})
	}
	for _, m := range append([]string{t.Metric}, t.Metrics...) {
		if kind, _, ok := metric.OfLabel(m); !ok || t.kind().Traits().Choice == task.Number {
			c.oneOf(path+".metric", m, t.kind().Metrics()...)
		} else if kind == "" {
			c.fail(path+".metric", "is %q; of one label there are precision:L, recall:L and f1:L", m)
		}
	}
	c.threshold(path+".threshold", t)
	if metric.OfSpans(t.Metric) && t.Scheme == "" {
		c.fail(path+".metric", "is %s, which needs to know the scheme: bio or bioes", t.Metric)
	}
}
