package compare

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"espalier"
	"espalier/data"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/train"
)

// AffinityOptions are settings of [MeasureAffinity]. Zero fields take the
// defaults that the comments give.
type AffinityOptions struct {
	// Engine trains the model.
	Engine runtime.Engine
	// Steps is the most steps of the joint model's training that are looked at,
	// on top of what the recipe's epochs allow; 500.
	Steps int
	// Every is how many steps pass from one look ahead to the next; 10.
	Every int
	// Groups is the most groups that tasks may be put in; 0: as many as there
	// are tasks.
	Groups int
	// Step is told how many steps were made; nil is silent.
	Step func(step, steps int)
}

// reach is the share of its loss that the most sensitive task is to lose, to
// first order, by the first step on itself. It sets the rate of looking ahead.
const reach = 0.01

// Affinity is how tasks act on one another in training.
type Affinity struct {
	Recipe string   `json:"recipe"`
	Engine string   `json:"engine"`
	Tasks  []string `json:"tasks"`
	// Matrix[i][j] is 1 - L_j(after)/L_j(before), where L_j is task j's loss on
	// a batch before and after one gradient step of the shared parameters on
	// task i alone (Fifty et al. 2021), the mean over looks: above 0 where
	// training i helps j. Where two tasks never were in one batch it is 0.
	Matrix [][]float64 `json:"matrix"`
	// Errors are the standard errors of those means.
	Errors [][]float64 `json:"standard_errors"`
	// Looks[i][j] is how many batches had labels of both.
	Looks [][]int `json:"looks"`
	// Steps of training were made, and Rate is that of the steps on one task.
	Steps int     `json:"steps"`
	Rate  float64 `json:"rate"`
	// Groups is the suggested grouping, see [Group], of the tasks that were looked
	// at; Score is its score.
	Groups [][]string `json:"groups"`
	Score  float64    `json:"score"`
	// Unseen are the tasks that no batch had which was looked at.
	Unseen []string `json:"unseen,omitempty"`
}

// errEnough ends a training that has been looked at for long enough.
var errEnough = errors.New("enough steps")

// MeasureAffinity trains a recipe's joint model for a while and looks ahead
// from time to time. It reads training and validation data only.
func MeasureAffinity(ctx context.Context, r *recipe.Recipe, o AffinityOptions) (*Affinity, error) {
	if o.Steps == 0 {
		o.Steps = 500
	}
	if o.Every == 0 {
		o.Every = 10
	}
	switch {
	case o.Steps < 0 || o.Every < 0 || o.Groups < 0:
		return nil, fmt.Errorf("compare: affinity takes %d steps, a look every %d of them and at most %d groups; none can be negative", o.Steps, o.Every, o.Groups)
	case len(r.Tasks) < 2:
		return nil, fmt.Errorf("compare: recipe %s has one task; there is no other to act on", r.Name)
	}
	run, err := espalier.Learn(r)
	if err != nil {
		return nil, err
	}
	set, err := run.Data("train", nil)
	if err != nil {
		return nil, err
	}
	valid, err := run.Data("valid", nil)
	if err != nil {
		return nil, err
	}
	t, err := run.Start(o.Engine)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	w := &watch{trainer: t, options: o, seen: newMatrix[[]float64](len(r.Tasks))}
	if _, err := t.Fit(ctx, set, valid, train.Hooks{Before: func(b *data.Batch) error { return w.before(ctx, b) }}); err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return w.affinity(r, o), nil
}

func newMatrix[T any](n int) [][]T {
	m := make([][]T, n)
	for i := range m {
		m[i] = make([]T, n)
	}
	return m
}

// watch looks ahead while a model trains.
type watch struct {
	trainer *train.Trainer
	options AffinityOptions
	steps   int
	rate    float64
	seen    [][][]float64 // what each look saw of a pair of tasks
}

func (w *watch) before(ctx context.Context, b *data.Batch) error {
	if w.steps == w.options.Steps {
		return errEnough
	}
	w.steps++
	if w.options.Step != nil {
		w.options.Step(w.steps, w.options.Steps)
	}
	if (w.steps-1)%w.options.Every != 0 {
		return nil
	}
	if w.rate == 0 {
		p, err := w.trainer.Probe(ctx, b, 0)
		if err != nil {
			return err
		}
		w.rate = firstRate(p)
	}
	p, err := w.trainer.Probe(ctx, b, w.rate)
	if err != nil {
		return err
	}
	for i, after := range p.After {
		for j := range after { // none where task i is not in the batch
			if b.Counts[j] > 0 && p.Before[j] != 0 {
				w.seen[i][j] = append(w.seen[i][j], 1-after[j]/p.Before[j])
			}
		}
	}
	return nil
}

// firstRate is the rate at which a step on the most sensitive task takes reach
// of its own loss, by the loss's slope; 0 where no loss has one.
func firstRate(p *train.Probe) float64 {
	steepest := 0.0
	for i, square := range p.Squares {
		if p.After[i] != nil && p.Before[i] > 0 {
			steepest = max(steepest, square/p.Before[i])
		}
	}
	if steepest == 0 {
		return 0
	}
	return reach / steepest
}

func (w *watch) affinity(r *recipe.Recipe, o AffinityOptions) *Affinity {
	n := len(r.Tasks)
	a := &Affinity{
		Recipe: r.Name, Engine: o.Engine.Name(), Steps: w.steps, Rate: w.rate,
		Matrix: newMatrix[float64](n), Errors: newMatrix[float64](n), Looks: newMatrix[int](n),
	}
	for _, t := range r.Tasks {
		a.Tasks = append(a.Tasks, t.Name)
	}
	for i := range n {
		for j, seen := range w.seen[i] {
			if a.Looks[i][j] = len(seen); len(seen) > 0 {
				mean, sd := meanSD(seen)
				a.Matrix[i][j], a.Errors[i][j] = mean, sd/math.Sqrt(float64(len(seen)))
			}
		}
	}
	a.suggest(o.Groups)
	return a
}

// suggest groups the tasks of which something is known.
func (a *Affinity) suggest(most int) {
	var known []int
	for i, t := range a.Tasks {
		if a.Looks[i][i] > 0 {
			known = append(known, i)
		} else {
			a.Unseen = append(a.Unseen, t)
		}
	}
	m := newMatrix[float64](len(known))
	for i, from := range known {
		for j, to := range known {
			m[i][j] = a.Matrix[from][to]
		}
	}
	groups, score := Group(m, most)
	a.Score = score
	for _, g := range groups {
		var names []string
		for _, i := range g {
			names = append(names, a.Tasks[known[i]])
		}
		a.Groups = append(a.Groups, names)
	}
}

// clear reports whether Student's interval at 95 % of the affinity of i to j is
// on one side of 0; of one look nothing is.
func (a *Affinity) clear(i, j int) bool {
	n := float64(a.Looks[i][j])
	if n < 2 {
		return false
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.975)
	return math.Abs(a.Matrix[i][j]) > t*a.Errors[i][j]
}
