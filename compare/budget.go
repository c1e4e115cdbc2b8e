package compare

import (
	"fmt"
	"slices"

	"espalier"
	"espalier/data"
	"espalier/recipe"
	"espalier/train"
)

// A budget says what a single-task model has at least as much of as the joint
// model.
const (
	// Updates: steps whose batch has a label of the task. Where an epoch of the
	// joint model has more of them than a pass over the task's data, an epoch of
	// the single-task model has as many, of smaller batches: both models see as
	// many examples of the task in an update, in an epoch, and in all.
	Updates = "updates"
	// Epochs: each model goes through its own data as often as the recipe says.
	Epochs = "epochs"
	// Steps: an epoch of a single-task model has as many steps as one of the
	// joint model.
	Steps = "steps"
)

// Budgets lists them, the default first.
func Budgets() []string { return []string{Updates, Epochs, Steps} }

// layout is what one epoch of a model does: its steps, and the updates of a task.
type layout struct {
	steps int
	train.Updates
}

// singles are the recipes of the tasks alone, with what an epoch of each does
// and what one of each joint model does for the task.
type singles struct {
	recipes []*recipe.Recipe
	alone   []layout   // by task
	joint   [][]layout // by joint model and task
}

// singleRecipes derives the recipe of each task alone within a budget. None has
// less of it than any of the joint models.
func singleRecipes(r *recipe.Recipe, joint []joined, budget string, cache *data.Cache) (*singles, error) {
	tasks := make([]string, len(r.Tasks))
	for i, t := range r.Tasks {
		tasks[i] = t.Name
	}
	set, test, err := dataSets(joint[0].recipe, cache)
	if err != nil {
		return nil, err
	}
	s := &singles{}
	for _, of := range joint {
		steps, updates, err := of.recipe.Training().Updates(set, tasks)
		if err != nil {
			return nil, err
		}
		all := make([]layout, len(tasks))
		for i, n := range updates {
			all[i] = layout{steps, n}
		}
		s.joint = append(s.joint, all)
	}
	for i := range tasks {
		if err := s.add(r, i, tasks, set, budget); err != nil {
			return nil, err
		}
		if test != nil && len(test.With(i)) == 0 { // its model costs what it costs, but has nothing to answer
			if s.recipes[i], err = s.recipes[i].Derive((*recipe.Recipe).DropTest); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// dataSets are what a joint model trains on and is tested on; the latter is nil
// where it cannot be read, which every model that reads it will report. All joint
// models of a comparison read the same data.
func dataSets(r *recipe.Recipe, cache *data.Cache) (train, test *data.Dataset, err error) {
	run, err := espalier.LearnFrom(r, cache)
	if err != nil {
		return nil, nil, err
	}
	if train, err = run.Data("train", nil); err != nil {
		return nil, nil, err
	}
	if test, err = run.Data("test", nil); err != nil {
		test = nil
	}
	return train, test, nil
}

// add derives the recipe of one task. Its training data is the part of the
// joint model's that has its labels.
func (s *singles) add(r *recipe.Recipe, task int, tasks []string, set *data.Dataset, budget string) error {
	single, err := r.Single(tasks[task])
	if err != nil {
		return err
	}
	examples := examplesOf(r, task, set)
	steps, updates, err := single.Training().Updates(set.Select(examples), tasks)
	if err != nil {
		return err
	}
	own := layout{steps, updates[task]}
	need, batch := own.steps, single.Train.Batch
	for _, of := range s.joint {
		joint := of[task]
		switch {
		case budget == Steps:
			need = max(need, joint.steps)
		case budget == Updates && own.Steps > 0 && joint.Steps*own.steps > need*own.Steps:
			// Where only some of its steps update the task, it needs more. Of the
			// joint model's batch it has the part that is this task's.
			need = (joint.Steps*own.steps + own.Steps - 1) / own.Steps
			batch = min((joint.Examples*own.steps+joint.Steps*own.Steps-1)/(joint.Steps*own.Steps), single.Train.Batch)
		}
	}
	if need > own.steps {
		if single, err = single.Derive(func(r *recipe.Recipe) { r.Train.EpochSteps, r.Train.Batch = need, batch }); err != nil {
			return err
		}
		// An update has a batch's examples, or what a limit of tokens lets in.
		n := own.Steps * need / own.steps
		own = layout{need, train.Updates{Steps: n, Examples: min(n*batch, n*own.Examples/max(own.Steps, 1))}}
	}
	s.recipes, s.alone = append(s.recipes, single), append(s.alone, own)
	return nil
}

// examplesOf are those that the model of a task alone learns from.
func examplesOf(r *recipe.Recipe, task int, set *data.Dataset) []int {
	with := set.With(task)
	if of := r.Tasks[task].Entities; of != "" { // a relation comes with its entities
		i := slices.IndexFunc(r.Tasks, func(t recipe.Task) bool { return t.Name == of })
		with = append(with, set.With(i)...)
		slices.Sort(with)
		with = slices.Compact(with)
	}
	return with
}

// folder names that of a task's model. Budgets that come to the same number of
// steps of the same size share it.
func (s *singles) folder(task int, name string) string {
	if n := s.recipes[task].Train.EpochSteps; n > 0 {
		return fmt.Sprintf("stretched-%dx%d-%s", n, s.recipes[task].Train.Batch, name)
	}
	return "single-" + name
}

// Updated is how many steps of training have a label of a task, and how many
// labelled examples are in them, if patience does not end training before.
type Updated struct {
	Single         int `json:"single"`
	Joint          int `json:"joint"`
	SingleExamples int `json:"single_examples"`
	JointExamples  int `json:"joint_examples"`
}

// updated counts a task's updates in the training of a joint model and of the
// single-task one.
func (s *singles) updated(joint, task, epochs int) Updated {
	alone, of := s.alone[task], s.joint[joint][task]
	return Updated{epochs * alone.Steps, epochs * of.Steps, epochs * alone.Examples, epochs * of.Examples}
}

// short reports whether the joint model updates the task more often, so that a
// difference may be that of more training.
func (u *Updated) short() bool { return u != nil && u.Single < u.Joint }

// long reports whether the single-task model sees the task's examples more than
// twice as often, so that it may be better by more training alone. Whole batches
// of a few examples make it some more.
func (u *Updated) long() bool { return u != nil && u.SingleExamples > 2*u.JointExamples }

func (u *Updated) text() string {
	if u == nil {
		return ""
	}
	return fmt.Sprintf("%d / %d", u.Single, u.Joint)
}

func budgetInWords(budget string) string {
	switch budget {
	case Updates:
		return "single models with at least as many updates of their task"
	case Steps:
		return "single models with at least as many steps"
	}
	return "the same number of epochs"
}
