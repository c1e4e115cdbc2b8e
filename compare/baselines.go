package compare

import (
	"context"
	"fmt"

	"espalier"
	"espalier/compare/baseline"
	"espalier/data"
	"espalier/metric"
	"espalier/recipe"
	"espalier/train/score"
)

// Baselines compares the models of one task with models that are not neural, see
// package baseline. Its figures are of the same examples.
type Baselines struct {
	Task           string `json:"task"`
	Metric         string `json:"metric"`
	HigherIsBetter bool   `json:"higher_is_better"`
	// Constant says what is most frequent in training, or the mean. Where the
	// recipe names validation data baselines do not depend on the seed.
	Constant *Sample `json:"constant,omitempty"`
	// Linear is nil for taggers and relations, which have none.
	Linear *LinearBaseline `json:"linear,omitempty"`
}

// LinearBaseline holds the figures of a linear model.
type LinearBaseline struct {
	Sample
	// Strength is the regularisation that validation chose with the first seed.
	Strength float64 `json:"strength"`
	Features int     `json:"features"`
	// Single and Joint are the single-task and the joint model minus the linear
	// one; nil where a model is missing.
	Single *Difference `json:"single_minus_linear,omitempty"`
	Joint  *Difference `json:"joint_minus_linear,omitempty"`
}

// modelled are the answers of one kind of model to one task, by seed.
type modelled []*score.TaskAnswers

// addBaselines fits baselines of every task and compares the models with them.
// What cannot be fitted is a failure of its own.
func (r *Result) addBaselines(ctx context.Context, of *recipe.Recipe, trials []*trial, outcomes []*outcome, o Options, cache *data.Cache) error {
	for i, task := range of.Tasks {
		single, joint := make(modelled, o.Seeds), make(modelled, o.Seeds)
		recipes := make([]*recipe.Recipe, o.Seeds)
		for n, t := range trials {
			seed := t.seed - of.Train.Seed
			switch out := outcomes[n].answers; {
			case t.single && t.number == i && t.answers:
				recipes[seed] = t.recipe
				if out != nil {
					single[seed] = &out.Tasks[0]
				}
			case !t.single && out != nil:
				joint[seed] = &out.Tasks[i]
			}
		}
		b := &Baselines{Task: task.Name, Metric: task.Metric}
		if recipes[0] == nil { // no test example has a label of the task
			continue
		}
		err := b.fit(ctx, recipes, single, joint, o, cache)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.Failed = append(r.Failed, Failure{Seed: of.Train.Seed, Model: "baselines of task " + task.Name, Message: err.Error(), err: err})
			continue
		}
		r.Baselines = append(r.Baselines, *b)
	}
	return nil
}

// fit fits the baselines of a task on the data of its single-task models.
func (b *Baselines) fit(ctx context.Context, recipes []*recipe.Recipe, single, joint modelled, o Options, cache *data.Cache) error {
	var constants, linears modelled
	for seed, r := range recipes {
		if seed > 0 && len(r.Sources("valid")) > 0 { // the data is the same for every seed
			constants, linears = append(constants, constants[0]), append(linears, linears[0])
			continue
		}
		t, err := baselineTask(r, cache)
		if err != nil {
			return err
		}
		constant, err := baseline.Constant(*t)
		if err != nil {
			return err
		}
		if constant == nil { // a relation
			return nil
		}
		linear, err := baseline.Linear(ctx, *t, o.Jobs)
		if err != nil {
			return err
		}
		constants = append(constants, constant.Answers)
		if linear == nil {
			linears = append(linears, nil)
			continue
		}
		linears = append(linears, linear.Answers)
		if seed == 0 {
			b.Linear = &LinearBaseline{Strength: linear.Strength, Features: linear.Features}
		}
	}
	return b.compare(constants, linears, single, joint, o)
}

// baselineTask encodes the data of a single-task model.
func baselineTask(r *recipe.Recipe, cache *data.Cache) (*baseline.Task, error) {
	run, err := espalier.LearnFrom(r, cache)
	if err != nil {
		return nil, err
	}
	t := &baseline.Task{Schema: run.Model.Schema(), Metric: r.Tasks[0].Metric}
	if t.Train, err = run.Data("train", nil); err != nil {
		return nil, err
	}
	if t.Valid, err = run.Data("valid", nil); err != nil {
		return nil, err
	}
	t.Test, err = run.Data("test", nil)
	return t, err
}

// compare measures the baselines, and the models' gains over the linear one.
func (b *Baselines) compare(constants, linears, single, joint modelled, o Options) error {
	b.Metric = constants[0].Metric
	b.HigherIsBetter = metric.HigherIsBetter(b.Metric)
	plain := o
	plain.Resamples = 0
	measured, err := b.over(constants, constants, plain) // of itself
	if err != nil {
		return err
	}
	// A metric may be defined for one of them alone, as the precision of a label
	// that the other never says.
	if measured != nil {
		b.Constant = &measured.Joint
	}
	if b.Linear == nil {
		return nil
	}
	if measured, err = b.over(linears, linears, plain); err != nil {
		return err
	}
	if measured == nil {
		b.Linear = nil
		return nil
	}
	b.Linear.Sample = measured.Joint
	for _, of := range []struct {
		models modelled
		to     **Difference
	}{{single, &b.Linear.Single}, {joint, &b.Linear.Joint}} {
		measured, err := b.over(of.models, linears, o)
		if err != nil {
			return err
		}
		if measured != nil {
			*of.to = &measured.Difference
		}
	}
	return nil
}

// over compares models with others by the same bootstrap as joint models with
// single ones; nil where there is no model, or none of which the metric is
// defined.
func (b *Baselines) over(models, others modelled, o Options) (*Task, error) {
	left := make([]*score.Answers, len(models))
	for s, m := range models {
		if m == nil || others[s] == nil {
			continue
		}
		if err := sameExamples(b.Task, m, others[s]); err != nil {
			return nil, fmt.Errorf("a model and its baseline: %w", err)
		}
		examples := 0
		for _, row := range m.Rows {
			examples = max(examples, row+1)
		}
		left[s] = &score.Answers{Examples: examples, Tasks: []score.TaskAnswers{*m}}
	}
	p, err := newPairs(left, [][]*score.TaskAnswers{others}, []string{b.Task})
	if err != nil {
		return nil, err
	}
	result := judge(p, []string{b.Metric}, o.Resamples, o.Confidence)
	if len(result.Tasks) == 0 || result.Tasks[0].Undefined != "" {
		return nil, nil
	}
	return &result.Tasks[0], nil
}

// baselineTable shows the baselines beside the models.
func (r *Result) baselineTable() [][]string {
	rows := [][]string{{"task", "metric", "constant", "linear", "single", "joint", "single - linear", "interval", "joint - linear", "interval"}}
	for _, b := range r.Baselines {
		row := []string{b.Task, b.Metric, "-", "-", "-", "-"}
		if b.Constant != nil {
			row[2] = b.Constant.text()
		}
		for _, t := range r.Tasks {
			if t.Task == b.Task {
				row[4], row[5] = t.Single.text(), t.Joint.text()
			}
		}
		for _, d := range b.gains() {
			if d == nil {
				row = append(row, "-", "-")
			} else {
				row = append(row, fmt.Sprintf("%+.4f", d.Mean), d.Interval.text("%+.4f", 1))
			}
		}
		if b.Linear != nil {
			row[3] = b.Linear.text()
		}
		rows = append(rows, row)
	}
	return rows
}

func (b *Baselines) gains() []*Difference {
	if b.Linear == nil {
		return []*Difference{nil, nil}
	}
	return []*Difference{b.Linear.Single, b.Linear.Joint}
}
