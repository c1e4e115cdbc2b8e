package train

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"espalier/data"
	"espalier/models"
	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
	"espalier/train/score"
	"espalier/train/step"
	"espalier/train/threshold"
)

// metricOf names the metric that a task is judged by.
func (c *Config) metricOf(of *schema.Task) string {
	return cmp.Or(c.Metrics[of.Name], task.MainMetric(of))
}

// Evaluate scores the current parameters on a data set.
func (t *Trainer) Evaluate(ctx context.Context, d *data.Dataset) (score.Scores, error) {
	return t.evaluator.scores(ctx, d)
}

// Measure counts the answers of the current parameters to a data set.
func (t *Trainer) Measure(ctx context.Context, d *data.Dataset) (*score.Meter, error) {
	return t.evaluator.measure(ctx, d, false)
}

// MeasureKeeping is Measure, and the meter has each example's answers.
func (t *Trainer) MeasureKeeping(ctx context.Context, d *data.Dataset) (*score.Meter, error) {
	return t.evaluator.measure(ctx, d, true)
}

// Answers computes all tasks' outputs for the model's inputs, by name, by the trainer's
// own graph: what an exported file must agree with. The first call opens a session for
// it, which Close closes.
func (t *Trainer) Answers(ctx context.Context, in []runtime.Named) ([]runtime.Named, error) {
	return t.step.Predict(ctx, in)
}

// encode makes b the batch of the given examples and counts the labels that have
// a loss.
func encode(m *models.Model, b *data.Batch, set *data.Dataset, examples []int) {
	set.Fill(b, examples)
	for i, task := range m.Schema().Tasks {
		if m.Config().Heads[task.Name].CRF {
			b.CountWhole(i)
		}
	}
}

// evaluator measures the current parameters on data sets.
type evaluator struct {
	config *Config
	model  *models.Model
	step   *step.Step
	from   *features
}

// each evaluates the batches of a data set and calls do with each and its losses;
// the step has the predictions.
func (e *evaluator) each(ctx context.Context, d *data.Dataset, do func(b *data.Batch, losses []float32) error) error {
	plan := d.Plan(data.BatchOptions{Size: e.config.Batch, MaxTokens: e.config.MaxTokens}, 0)
	return ahead(ctx, len(plan), func(i int, f *feed) error {
		encode(e.model, &f.batch, d, plan[i])
		return e.from.give(f, d)
	}, func(_ int, f *feed) error {
		losses, err := e.step.Evaluate(ctx, f.input())
		if err != nil {
			return err
		}
		return do(&f.batch, losses)
	})
}

func (e *evaluator) scores(ctx context.Context, d *data.Dataset) (score.Scores, error) {
	m, err := e.measure(ctx, d, false)
	if err != nil {
		return nil, err
	}
	return m.Scores(), nil
}

func (e *evaluator) measure(ctx context.Context, d *data.Dataset, keep bool) (*score.Meter, error) {
	m, err := score.NewMeter(e.described(), d, e.config.Metrics, e.config.MoreMetrics)
	if err != nil {
		return nil, err
	}
	if keep {
		m.Keep(d.Len())
	}
	return m, e.each(ctx, d, func(b *data.Batch, losses []float32) error {
		answers, err := e.step.Predictions()
		if err != nil {
			return err
		}
		return m.Add(b, max(b.Size(task.Sequence), 1), answers, losses)
	})
}

// tuneThresholds sets the thresholds of every task that has some, by a data set. Tasks
// that are not updated keep theirs.
func (e *evaluator) tuneThresholds(ctx context.Context, d *data.Dataset, updated func(task int) bool) error {
	s := e.model.Schema()
	deciders, decisions := map[int]task.Judge{}, map[int][]threshold.Decisions{}
	for i := range s.Tasks {
		of := task.Of(s.Tasks[i].Type)
		if of.ThresholdMetrics() != nil && e.config.Thresholds[s.Tasks[i].Name].Tune != "none" && updated(i) {
			deciders[i] = of.NewJudge(s, &s.Tasks[i], d.Targets)
			decisions[i] = make([]threshold.Decisions, len(s.Tasks[i].Labels))
		}
	}
	if len(deciders) == 0 {
		return nil
	}
	err := e.each(ctx, d, func(b *data.Batch, _ []float32) error {
		answers, err := e.step.Predictions()
		if err != nil {
			return err
		}
		for i, j := range deciders {
			if err := j.Take(answers, b.Examples, b.Size(task.Sequence)); err != nil {
				return fmt.Errorf("train: task %q: %w", s.Tasks[i].Name, err)
			}
			decide(j.(task.Decider), len(b.Examples), decisions[i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, labels := range decisions {
		of := &s.Tasks[i]
		c := e.config.Thresholds[of.Name]
		c.Metric = cmp.Or(c.Metric, task.ThresholdMetric(task.Of(of.Type), e.config.metricOf(of)))
		threshold.Tune(labels, c, e.step.Parameters().ByName()["head/"+of.Name+"/"+models.Thresholds].Float32s())
	}
	return nil
}

// decide adds the decisions about the labels of a batch.
func decide(d task.Decider, rows int, labels []threshold.Decisions) {
	for row := range rows {
		d.Decide(row, func(label int, p float32, applies bool) {
			labels[label].List = append(labels[label].List, threshold.Decision{P: p, True: applies})
		}, func(label int) { labels[label].Missed++ })
	}
}

// described is the model's schema with the thresholds that labels have now.
func (e *evaluator) described() *schema.Schema {
	s := *e.model.Schema()
	s.Tasks = slices.Clone(s.Tasks)
	for i := range s.Tasks {
		if x := e.step.Parameters().ByName()["head/"+s.Tasks[i].Name+"/"+models.Thresholds]; x != nil {
			s.Tasks[i].Thresholds = x.Float32s()
		}
	}
	return &s
}
