package compare

import (
	"fmt"
	"slices"

	"espalier/recipe"
	"espalier/train/score"
)

// unlike takes out of the comparison what cannot be compared: answers to a task
// that are not to the examples of the other model, or not to those of the seeds
// before. It returns a failure for each, of the model that is left out; the
// others are compared.
func unlike(r *recipe.Recipe, joint []*score.Answers, single [][]*score.TaskAnswers) []Failure {
	var failed []Failure
	for i, t := range r.Tasks {
		var first *score.TaskAnswers
		for s := range joint {
			if joint[s] == nil || single[i][s] == nil {
				continue
			}
			own := &joint[s].Tasks[i]
			err := sameExamples(t.Name, own, single[i][s])
			if err == nil && first != nil && !slices.Equal(first.Rows, own.Rows) {
				err = fmt.Errorf("task %q: the models of this seed were tested on other examples than those of the seeds before: the data has changed; start anew in another directory", t.Name)
			}
			if err != nil {
				failed = append(failed, Failure{Seed: r.Train.Seed + s, Model: singleModel(t.Name), Message: err.Error(), err: err})
				single[i][s] = nil
				continue
			}
			if first == nil {
				first = own
			}
		}
	}
	return failed
}

// sameExamples reports what is not the same in the truth that two models'
// answers to a task stand beside.
func sameExamples(task string, joint, single *score.TaskAnswers) error {
	const remedy = "the data has changed between their trainings, or some examples are broken for one of them alone; " +
		"correct those, and start anew in another directory"
	switch {
	case !slices.Equal(joint.Labels, single.Labels):
		return fmt.Errorf("task %q: the models learned other labels, %d together and %d alone: %s", task, len(joint.Labels), len(single.Labels), remedy)
	case len(joint.Rows) != len(single.Rows):
		return fmt.Errorf("task %q: the models were tested on other examples, %d together and %d alone: %s", task, len(joint.Rows), len(single.Rows), remedy)
	case !slices.Equal(joint.TrueValues, single.TrueValues) || !slices.EqualFunc(joint.Truth, single.Truth, slices.Equal):
		return fmt.Errorf("task %q: the models were tested on examples with other labels: %s", task, remedy)
	}
	return nil
}

// singleModel is what a single-task model is called.
func singleModel(task string) string { return "task " + task + " alone" }
