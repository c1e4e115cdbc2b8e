package train

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"espalier/train/score"
)

// Selection is the rule that scores an epoch. The score decides the best epoch,
// patience and the trunk's plateau. The zero value is the mean of the tasks' scores.
type Selection struct {
	// Weights are those of the tasks' scores, by task; a task that is not named
	// does not count. Without any, all count alike.
	Weights map[string]float64
	// Loss takes the mean of the tasks' losses on validation instead of their
	// scores.
	Loss bool
}

// Score returns the score of an epoch, higher is better: the weighted mean over the
// tasks that have a score, or the mean of the losses with its sign turned. tasks
// is how many there are, and the score is NaN where there is none.
func (s Selection) Score(of score.Scores) (value float64, tasks int) {
	total, weights := 0.0, 0.0
	for _, t := range of {
		x, w := t.Skill(), s.weight(t.Task)
		if s.Loss {
			if x = -t.Loss; t.Labels == 0 {
				x = math.NaN()
			}
		}
		if w == 0 || math.IsNaN(x) {
			continue
		}
		total += w * x
		weights += w
		tasks++
	}
	if tasks == 0 {
		return math.NaN(), 0
	}
	return total / weights, tasks
}

// weight is how much a task counts.
func (s Selection) weight(task string) float64 {
	if s.Weights == nil {
		return 1
	}
	return s.Weights[task]
}

// check reports a choice that cannot be.
func (s Selection) check(tasks []string) error {
	if s.Weights == nil {
		return nil
	}
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(s.Weights)) {
		if !slices.Contains(tasks, name) {
			return fmt.Errorf("train: epochs are to be chosen by task %q; the model has %v", name, tasks)
		}
		w := s.Weights[name]
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("train: epochs are to be chosen with the weight %v of task %q, it must be a number of at least 0", w, name)
		}
		sum += w
	}
	if sum == 0 {
		return fmt.Errorf("train: epochs are to be chosen by tasks whose weights are all 0")
	}
	return nil
}
