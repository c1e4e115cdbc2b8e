package compare

import (
	"fmt"
	"path/filepath"

	"espalier/data"
	"espalier/recipe"
)

// Budgets: what the models of a comparison have the same number of.
const (
	// Epochs: each model goes through its own data as often as the recipe says.
	Epochs = "epochs"
	// Steps: each single model makes at least as many steps as the joint one.
	Steps = "steps"
)

// trial is one model to train.
type trial struct {
	seed   int
	task   string // "" for the joint model
	recipe *recipe.Recipe
	dir    string
}

func (t *trial) String() string {
	if t.task == "" {
		return fmt.Sprintf("seed %d, joint model", t.seed)
	}
	return fmt.Sprintf("seed %d, task %s alone", t.seed, t.task)
}

// plan lists the models, seed by seed, the joint one first.
func plan(r *recipe.Recipe, dir string, o Options) ([]*trial, error) {
	joint, err := r.Derive(func(r *recipe.Recipe) { r.Train.Threads = 1 })
	if err != nil {
		return nil, err
	}
	singles, err := singleRecipes(joint, o.Budget)
	if err != nil {
		return nil, err
	}
	var trials []*trial
	for i := range o.Seeds {
		seed := r.Train.Seed + i
		at := filepath.Join(dir, fmt.Sprintf("seed-%d", seed))
		add := func(task, name string, of *recipe.Recipe) error {
			seeded, err := of.Derive(func(r *recipe.Recipe) { r.Train.Seed = seed })
			trials = append(trials, &trial{seed: seed, task: task, recipe: seeded, dir: filepath.Join(at, name)})
			return err
		}
		// The joint model's folder has the recipe's name, so that recipes that
		// differ in how they balance tasks can share their single models.
		if err := add("", "joint-"+r.Name, joint); err != nil {
			return nil, err
		}
		for j, t := range r.Tasks {
			if err := add(t.Name, "single-"+t.Name, singles[j]); err != nil {
				return nil, err
			}
		}
	}
	return trials, nil
}

// singleRecipes derives the recipe of each task alone.
func singleRecipes(joint *recipe.Recipe, budget string) ([]*recipe.Recipe, error) {
	var singles []*recipe.Recipe
	steps := 0
	if budget == Steps {
		var err error
		if steps, err = epochSteps(joint); err != nil {
			return nil, err
		}
	}
	for _, t := range joint.Tasks {
		single, err := joint.Single(t.Name)
		if err == nil && budget == Steps {
			single, err = stretch(single, steps)
		}
		if err != nil {
			return nil, err
		}
		singles = append(singles, single)
	}
	return singles, nil
}

// epochSteps is how many steps one pass over a recipe's training data takes.
func epochSteps(r *recipe.Recipe) (int, error) {
	encoder, err := r.Encoder()
	if err != nil {
		return 0, err
	}
	if err := encoder.Learn(r.Sources("train")); err != nil {
		return 0, err
	}
	set, err := encoder.Encode(r.Sources("train"))
	if err != nil {
		return 0, err
	}
	if len(r.Sources("valid")) == 0 {
		set, _ = set.Split(r.Data.Holdout, uint64(r.Train.Seed))
	}
	options := data.BatchOptions{Size: r.Train.Batch, MaxTokens: r.Train.MaxTokens, Shuffle: true, Seed: uint64(r.Train.Seed)}
	return len(set.Plan(options, 0)), nil
}

// stretch gives a single-task recipe so many epochs that it makes at least as
// many steps as a joint one of which an epoch has the given number. What counts
// epochs is stretched alike.
func stretch(single *recipe.Recipe, steps int) (*recipe.Recipe, error) {
	own, err := epochSteps(single)
	if err != nil {
		return nil, err
	}
	longer := func(epochs int) int { return (epochs*steps + own - 1) / own }
	return single.Derive(func(r *recipe.Recipe) {
		r.Train.Epochs, r.Train.Patience = longer(r.Train.Epochs), longer(r.Train.Patience)
		if r.Train.Schedule.Type == "step" {
			r.Train.Schedule.Every = longer(r.Train.Schedule.Every)
		}
	})
}
