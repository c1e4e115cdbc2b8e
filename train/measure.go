package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"espalier/data"
	"espalier/models"
	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/train/score"
	"espalier/train/threshold"
)

// metricOf names the metric that a task is judged by.
func (t *Trainer) metricOf(of *schema.Task) string {
	return cmp.Or(t.config.Metrics[of.Name], task.MainMetric(of))
}

// Evaluate scores the current parameters on a data set.
func (t *Trainer) Evaluate(ctx context.Context, d *data.Dataset) (score.Scores, error) {
	m, err := t.Measure(ctx, d)
	if err != nil {
		return nil, err
	}
	return m.Scores(), nil
}

// Measure counts the answers of the current parameters to a data set.
func (t *Trainer) Measure(ctx context.Context, d *data.Dataset) (*score.Meter, error) {
	return t.measure(ctx, d, false)
}

// MeasureKeeping is Measure, and the meter has each example's answers.
func (t *Trainer) MeasureKeeping(ctx context.Context, d *data.Dataset) (*score.Meter, error) {
	return t.measure(ctx, d, true)
}

func (t *Trainer) measure(ctx context.Context, d *data.Dataset, keep bool) (*score.Meter, error) {
	m, err := score.NewMeter(t.described(), d, t.config.Metrics, t.config.MoreMetrics)
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
		return m.Add(b, max(b.Size(task.Sequence), 1), answers, t.eval.losses)
	})
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

// Answers computes all tasks' outputs for the model's inputs, by name, by the trainer's
// own graph: what an exported file must agree with. The first call opens a session for
// it, which Close closes.
func (t *Trainer) Answers(ctx context.Context, in []runtime.Named) ([]runtime.Named, error) {
	if t.answerer == nil {
		if err := t.openAnswerer(); err != nil {
			return nil, err
		}
	}
	r := t.answerer
	b, err := r.program.batchOf(in)
	if err != nil {
		return nil, err
	}
	if err := r.run(ctx, b, nil); err != nil {
		return nil, err
	}
	var out []runtime.Named
	for _, name := range answerNames(t.model.Schema().Tasks) {
		answer, err := r.binding.Output(name)
		if err != nil {
			return nil, err
		}
		out = append(out, runtime.Named{Name: name, Tensor: answer.Clone()})
	}
	return out, nil
}

// openAnswerer opens the program of the answers alone.
func (t *Trainer) openAnswerer() error {
	p, err := compileAnswers(t.model)
	if err != nil {
		return err
	}
	if err := p.open(t.engine, runtime.Options{Threads: t.config.Threads, Deterministic: true}); err != nil {
		return err
	}
	tasks := t.model.Schema().Tasks
	r, err := newRunner(p, t.arena, tasks, ends{answers: answerNames(tasks)})
	if err != nil {
		return errors.Join(err, p.session.Close())
	}
	t.answerer = r
	return nil
}

// tuneThresholds sets the thresholds of every task that has some, by a data set. Tasks
// that are not updated keep theirs.
func (t *Trainer) tuneThresholds(ctx context.Context, d *data.Dataset) error {
	s := t.model.Schema()
	deciders, decisions := map[int]task.Judge{}, map[int][]threshold.Decisions{}
	for i := range s.Tasks {
		of := task.Of(s.Tasks[i].Type)
		if of.ThresholdMetrics() != nil && t.config.Thresholds[s.Tasks[i].Name].Tune != "none" && (t.tracker == nil || !t.rests(i+1)) {
			deciders[i] = of.NewJudge(s, &s.Tasks[i], d.Column)
			decisions[i] = make([]threshold.Decisions, len(s.Tasks[i].Labels))
		}
	}
	if len(deciders) == 0 {
		return nil
	}
	err := t.answered(ctx, d, func(b *data.Batch) error {
		answers, err := t.answers()
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
		c := t.config.Thresholds[of.Name]
		c.Metric = cmp.Or(c.Metric, task.ThresholdMetric(task.Of(of.Type), t.metricOf(of)))
		threshold.Tune(labels, c, t.arena.byName["head/"+of.Name+"/"+models.Thresholds].Float32s())
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
func (t *Trainer) described() *schema.Schema {
	s := *t.model.Schema()
	s.Tasks = slices.Clone(s.Tasks)
	for i := range s.Tasks {
		if x := t.arena.byName["head/"+s.Tasks[i].Name+"/"+models.Thresholds]; x != nil {
			s.Tasks[i].Thresholds = x.Float32s()
		}
	}
	return &s
}

// lookAt measures what constant and right answers to the validation data score.
func (t *Trainer) lookAt(valid *data.Dataset) (err error) {
	s := t.model.Schema()
	mains := make([]string, len(s.Tasks))
	for i := range s.Tasks {
		mains[i] = t.metricOf(&s.Tasks[i])
	}
	t.outlooks, err = score.LookAt(s, valid, mains)
	return err
}
