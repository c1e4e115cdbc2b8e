package train

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/data"
	"espalier/internal/nearest"
	"espalier/metric"
	"espalier/schema"
	"espalier/train/score"
)

// warnings are lines about what is valid but probably not what the user meant, each
// once.
type warnings struct {
	lines []string
	told  func(string) // nil is silent
}

// add takes a warning in. It can be called as soon as there is a trainer; warnings
// from before Fit are handed on when Fit begins.
func (w *warnings) add(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if slices.Contains(w.lines, text) {
		return
	}
	w.lines = append(w.lines, text)
	if w.told != nil {
		w.told(text)
	}
}

// tell hands warnings on to whoever fits.
func (w *warnings) tell(told func(string)) {
	if w.told = told; told == nil {
		return
	}
	for _, text := range w.lines {
		told(text)
	}
}

// Warnings returns all warnings so far, a line each.
func (t *Trainer) Warnings() []string { return slices.Clone(t.warnings.lines) }

// validated looks at the validation data before the first epoch; follows says which
// tasks' metrics decide something else than the choice of an epoch. It warns of tasks
// that cannot be judged there, and reports where nothing can: no epoch is better
// than another then, and nothing says when to lower a rate or to stop.
func (c *chooser) validated(valid *data.Dataset, follows func(task int) bool, w *warnings) error {
	if err := c.lookAt(valid); err != nil {
		return err
	}
	tasks := c.schema.Tasks
	judged := false
	for i, o := range c.outlooks {
		of := &tasks[i]
		judged = judged || o.Labels > 0 && c.config.Select.weight(of.Name) > 0
		if follows(i) {
			if err := c.followed(of, o); err != nil {
				return err
			}
		}
	}
	if !judged {
		return c.unjudged(valid)
	}
	for i, o := range c.outlooks {
		of := &tasks[i]
		if c.config.Select.weight(of.Name) == 0 {
			continue
		}
		switch {
		case o.Labels == 0 && c.config.Tasks[of.Name].Rate.Frozen:
		case o.Labels == 0:
			w.add("task %q has no label in the validation data, so that it does not count in the choice of the best epoch%s", of.Name, hint(valid, of.Name))
		case math.IsNaN(o.Right) && !c.config.Select.Loss:
			w.add("%s of task %q is not defined on the validation data, where %s; it does not count in the choice of the best epoch", c.config.metricOf(of), of.Name, metric.Reason(c.config.metricOf(of)))
		}
	}
	return nil
}

// followed reports a task whose metric decides something and is not there.
func (c *chooser) followed(of *schema.Task, o score.Outlook) error {
	const follows = "train: a learning rate, a stop or the order follows "
	switch name := c.config.metricOf(of); {
	case o.Labels == 0:
		return fmt.Errorf(follows+"the metric of task %q, which has no label in the validation data: give it some, or take a schedule that needs none", of.Name)
	case math.IsNaN(o.Right):
		return fmt.Errorf(follows+"the metric of task %q, and %s is not defined on the validation data, where %s: give it others, name another metric, or take a schedule that needs none", of.Name, name, metric.Reason(name))
	}
	return nil
}

// unjudged is the error of validation data that no epoch can be chosen by.
func (c *chooser) unjudged(valid *data.Dataset) error {
	var names []string
	hints := ""
	for _, of := range c.schema.Tasks {
		if c.config.Select.weight(of.Name) > 0 {
			names = append(names, fmt.Sprintf("%q", of.Name))
			hints += hint(valid, of.Name)
		}
	}
	return fmt.Errorf("train: the validation data have no label of %s, so that no epoch can be chosen by them: label some examples, or leave data.valid out to hold some of the training data back%s", some(names, " or "), hints)
}

// hint says what may be wrong where a task has no label.
func hint(d *data.Dataset, task string) string {
	if lack := d.Stats.Lacking(task); lack != "" {
		return " (" + lack + ")"
	}
	return ""
}

// some joins the first of many.
func some(names []string, last string) string {
	const most = 5
	if n := len(names); n > 1 && n <= most {
		return strings.Join(names[:n-1], ", ") + last + names[n-1]
	}
	return nearest.Some(names, most)
}

// ended warns of a best epoch at either end of a run of so many epochs.
func (c *chooser) ended(epochs int, w *warnings) {
	best := c.best.epoch
	switch {
	case c.best.tasks == 0 && math.IsNaN(c.best.score) && epochs > 0:
		w.add("no epoch has a score, because no metric that counts is defined on the validation data: the last epoch is kept, and patience is ignored")
	case c.best.score >= 1 && !c.config.Select.Loss: // as good as can be told
	case best == epochs && epochs > 1 && epochs == c.config.Epochs:
		w.add("the best epoch is the last of %d: the model may not be done learning; raise train.epochs", epochs)
	case best <= max(1, epochs/10) && epochs-best >= 3:
		w.add("the best epoch is %d of %d, and none after it was better: lower train.optimizer.lr, or train against overfitting (dropout, weight_decay)", best, epochs)
	}
}

// Review warns of tasks that a model has not learned: tasks that are no better than
// a constant prediction, and labels that it never predicts. m holds the model's
// predictions on the validation data that Fit was given. Call Fit first. A metric
// that is not defined for correct predictions there tells nothing.
func (t *Trainer) Review(m *score.Meter) { t.chooser.review(m, &t.warnings) }

func (c *chooser) review(m *score.Meter, w *warnings) {
	for i, s := range m.Scores() {
		if i >= len(c.outlooks) || s.Labels == 0 {
			continue
		}
		if o := c.outlooks[i]; !math.IsNaN(o.Right) && !better(s, o.Baseline) {
			w.add("task %q has not learned: %s on validation is %.4f, and always predicting %s gives %.4f", s.Task, s.Metric, s.Value(), o.Constant, o.Baseline)
		}
		if never := quoted(m.Unpredicted(i)); len(never) > 0 {
			w.add("task %q: %s %s true in the validation data and never predicted there", s.Task, some(never, " and "), map[bool]string{true: "is", false: "are"}[len(never) == 1])
		}
	}
}

// better reports whether a metric is better than a baseline, as good as can be, or
// cannot be held against it.
func better(s score.TaskScore, baseline float64) bool {
	value := s.Value()
	switch {
	case math.IsNaN(value) || math.IsNaN(baseline) || s.Skill() >= 1:
		return true
	case metric.HigherIsBetter(s.Metric):
		return value > baseline
	}
	return value < baseline
}

// quoted puts names in quotes.
func quoted(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, fmt.Sprintf("%q", n))
	}
	return out
}
