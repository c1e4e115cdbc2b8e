package compare

import (
	"fmt"
	"slices"

	"espalier"
	"espalier/data"
	"espalier/recipe"
)

// Budgets: what a single-task model has at least as much of as the joint one.
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

// layout is what one epoch of a model does: its steps, and those of them whose
// batch has a label of the task.
type layout struct{ steps, updates int }

// singles are the recipes of the tasks alone, with what an epoch of each does
// and what one of each joint model does for the task.
type singles struct {
	recipes []*recipe.Recipe
	alone   []layout   // by task
	joint   [][]layout // by joint model and task
}

// singleRecipes derives the recipe of each task alone within a budget. None has
// less of it than any of the joint models.
func singleRecipes(r *recipe.Recipe, joint []joined, budget string) (*singles, error) {
	tasks := make([]string, len(r.Tasks))
	for i, t := range r.Tasks {
		tasks[i] = t.Name
	}
	set, err := trainingSet(joint[0].recipe)
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
	}
	return s, nil
}

// trainingSet is what a joint model trains on. All joint models of a comparison
// read the same data.
func trainingSet(r *recipe.Recipe) (*data.Dataset, error) {
	run, err := espalier.Learn(r)
	if err != nil {
		return nil, err
	}
	return run.Data("train", nil)
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
	need := own.steps
	for _, of := range s.joint {
		switch {
		case budget == Steps:
			need = max(need, of[task].steps)
		case budget == Updates && own.updates > 0: // where only some of its steps update the task, it needs more
			need = max(need, (of[task].updates*own.steps+own.updates-1)/own.updates)
		}
	}
	if need > own.steps {
		n := len(examples)
		if single, err = single.Derive(func(r *recipe.Recipe) {
			r.Train.EpochSteps = need
			if budget == Updates {
				r.Train.Batch = (n + need - 1) / need // of the joint model's batch the part that is this task's
			}
		}); err != nil {
			return err
		}
		own = layout{need, own.updates * need / own.steps}
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

// Updated is how many steps of training have a label of a task, if patience
// does not end training before.
type Updated struct {
	Single int `json:"single"`
	Joint  int `json:"joint"`
}

// updated counts a task's updates in the training of a joint model and of the
// single-task one.
func (s *singles) updated(joint, task, epochs int) Updated {
	return Updated{Single: epochs * s.alone[task].updates, Joint: epochs * s.joint[joint][task].updates}
}

// short reports whether the joint model updates the task more often, so that a
// difference may be that of more training.
func (u *Updated) short() bool { return u != nil && u.Single < u.Joint }

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
