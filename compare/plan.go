package compare

import (
	"fmt"
	"path/filepath"

	"espalier"
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
	model  string // what it is, for people
	single bool
	recipe *recipe.Recipe
	dir    string
	// answers says that the answers to test are wanted, too.
	answers bool
}

func describe(seed int, model string) string { return fmt.Sprintf("seed %d, %s", seed, model) }

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
		add := func(model, name string, of *recipe.Recipe) error {
			seeded, err := of.Derive(func(r *recipe.Recipe) { r.Train.Seed = seed })
			trials = append(trials, &trial{
				seed: seed, model: model, single: of != joint, recipe: seeded, dir: filepath.Join(at, name), answers: true,
			})
			return err
		}
		// The joint model's folder has the recipe's name, so that recipes that
		// differ in how they balance tasks can share their single models.
		if err := add("joint model", "joint-"+r.Name, joint); err != nil {
			return nil, err
		}
		for j, t := range r.Tasks {
			if err := add("task "+t.Name+" alone", "single-"+t.Name, singles[j]); err != nil {
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
	run, err := espalier.Learn(r)
	if err != nil {
		return 0, err
	}
	set, err := run.Data("train", nil)
	if err != nil {
		return 0, err
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
