package compare

import (
	"fmt"
	"path/filepath"

	"espalier"
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
	// number is that of its task or, of joint models, of its variant.
	number int
	recipe *recipe.Recipe
	dir    string
	// answers says that the answers to test are wanted, too.
	answers bool
}

func describe(seed int, model string) string { return fmt.Sprintf("seed %d, %s", seed, model) }

// plan lists the models of a comparison of one joint model.
func plan(r *recipe.Recipe, dir string, o Options) ([]*trial, error) {
	joint, err := oneThread(r)
	if err != nil {
		return nil, err
	}
	return planAll(joint, []joined{{"joint model", "joint-" + r.Name, joint}}, dir, o)
}

func oneThread(r *recipe.Recipe) (*recipe.Recipe, error) {
	return r.Derive(func(r *recipe.Recipe) { r.Train.Threads = 1 })
}

// joined is one kind of joint model.
type joined struct {
	model  string // what it is, for people
	folder string
	recipe *recipe.Recipe
}

// planAll lists the models, seed by seed, the joint ones first. The single ones
// are those of r.
func planAll(r *recipe.Recipe, joint []joined, dir string, o Options) ([]*trial, error) {
	singles, err := singleRecipes(r, joint, o.Budget)
	if err != nil {
		return nil, err
	}
	alone := "single-"
	if o.Budget == Steps {
		alone = "stretched-" // beside those of the other budget
	}
	var trials []*trial
	for i := range o.Seeds {
		seed := r.Train.Seed + i
		at := filepath.Join(dir, fmt.Sprintf("seed-%d", seed))
		add := func(t trial, folder string) error {
			seeded, err := t.recipe.Derive(func(r *recipe.Recipe) { r.Train.Seed = seed })
			t.seed, t.recipe, t.dir, t.answers = seed, seeded, filepath.Join(at, folder), true
			trials = append(trials, &t)
			return err
		}
		// The joint model's folder has the recipe's name, so that recipes that
		// differ in how they balance tasks can share their single models.
		for j, of := range joint {
			if err := add(trial{model: of.model, number: j, recipe: of.recipe}, of.folder); err != nil {
				return nil, err
			}
		}
		for j, t := range r.Tasks {
			if err := add(trial{model: singleModel(t.Name), single: true, number: j, recipe: singles[j]}, alone+t.Name); err != nil {
				return nil, err
			}
		}
	}
	return trials, nil
}

// singleRecipes derives the recipe of each task alone. By steps, none makes
// fewer than any of the joint models.
func singleRecipes(r *recipe.Recipe, joint []joined, budget string) ([]*recipe.Recipe, error) {
	var singles []*recipe.Recipe
	steps := 0
	if budget == Steps {
		for _, of := range joint {
			own, err := epochSteps(of.recipe)
			if err != nil {
				return nil, err
			}
			steps = max(steps, own)
		}
	}
	for _, t := range r.Tasks {
		single, err := r.Single(t.Name)
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
	return r.Training().EpochSteps(set, run.Model.Schema().TaskNames())
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
		schedules := []*recipe.Schedule{&r.Train.Schedule, &r.Train.Trunk.Schedule}
		for i := range r.Tasks { // a relation comes with its entities
			schedules = append(schedules, &r.Tasks[i].Schedule)
		}
		for _, s := range schedules {
			switch s.Type {
			case "step":
				s.Every = longer(s.Every)
			case "plateau":
				s.Patience = longer(s.Patience)
			}
		}
	})
}

// only picks the trials that a comparison of one kind of joint model is of.
func only(variant int, trials []*trial, outcomes []*outcome) ([]*trial, []*outcome) {
	var of []*trial
	var out []*outcome
	for i, t := range trials {
		if t.single || t.number == variant {
			of, out = append(of, t), append(out, outcomes[i])
		}
	}
	return of, out
}
