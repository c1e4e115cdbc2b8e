package compare

import (
	"fmt"
	"path/filepath"

	"espalier/data"
	"espalier/recipe"
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
	// updates of each task, of a joint model beside the single-task ones.
	updates []Updated
	// answers says that the answers to test are wanted, too: to a task without a
	// label there is nothing to answer.
	answers bool
}

func describe(seed int, model string) string { return fmt.Sprintf("seed %d, %s", seed, model) }

// plan lists the models of a comparison of one joint model.
func plan(r *recipe.Recipe, dir string, o Options, cache *data.Cache) ([]*trial, error) {
	joint, err := oneThread(r)
	if err != nil {
		return nil, err
	}
	return planAll(joint, []joined{{"joint model", "joint-" + r.Name, joint}}, dir, o, cache)
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
func planAll(r *recipe.Recipe, joint []joined, dir string, o Options, cache *data.Cache) ([]*trial, error) {
	singles, err := singleRecipes(r, joint, o.Budget, cache)
	if err != nil {
		return nil, err
	}
	var trials []*trial
	for i := range o.Seeds {
		seed := r.Train.Seed + i
		at := filepath.Join(dir, fmt.Sprintf("seed-%d", seed))
		add := func(t trial, folder string) error {
			seeded, err := t.recipe.Derive(func(r *recipe.Recipe) { r.Train.Seed = seed })
			t.seed, t.recipe, t.dir = seed, seeded, filepath.Join(at, folder)
			t.answers = err == nil && len(seeded.Sources("test")) > 0
			trials = append(trials, &t)
			return err
		}
		// The joint model's folder has the recipe's name, so that recipes that
		// differ in how they balance tasks can share their single models.
		for j, of := range joint {
			t := trial{model: of.model, number: j, recipe: of.recipe}
			for task := range r.Tasks {
				t.updates = append(t.updates, singles.updated(j, task, of.recipe.Train.Epochs))
			}
			if err := add(t, of.folder); err != nil {
				return nil, err
			}
		}
		for j, t := range r.Tasks {
			if err := add(trial{model: singleModel(t.Name), single: true, number: j, recipe: singles.recipes[j]}, singles.folder(j, t.Name)); err != nil {
				return nil, err
			}
		}
	}
	return trials, nil
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
