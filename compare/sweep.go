package compare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	goruntime "runtime"

	"espalier/recipe"
	"espalier/runtime"
	"espalier/train/score"
)

// Kinds of searches.
const (
	Grid   = "grid"   // all weights of one step size
	Random = "random" // weights drawn evenly
)

// SweepOptions are settings of [SweepWeights]. Zero fields take the defaults
// that the comments give.
type SweepOptions struct {
	// Engine trains the models.
	Engine runtime.Engine
	// Kind is Grid or Random, the default.
	Kind string
	// Trials is the most weights that are tried, equal ones included; 16.
	Trials int
	// Seeds is how many models each has, counted up from the recipe's seed; 1.
	Seeds int
	// Jobs is how many models are trained at a time, on one thread each; the
	// number of cores.
	Jobs int
	// Done is told when a model is finished, or has failed; nil is silent. It is
	// called from one goroutine at a time.
	Done func(Finished)
}

// Sweep is a finished search of weights.
type Sweep struct {
	Recipe string   `json:"recipe"`
	Kind   string   `json:"kind"`
	Seeds  []int    `json:"seeds"`
	Engine string   `json:"engine"`
	Tasks  []string `json:"tasks"`
	// Trials are all weights, the equal ones first.
	Trials []Weighting `json:"trials"`
	// Best is the number of the trial with the best score, the first of equal
	// ones; -1 where all have failed.
	Best   int       `json:"best"`
	Failed []Failure `json:"failed,omitempty"`
}

// Weighting is one choice of weights and how well it does on validation.
type Weighting struct {
	// Weights are the factors of the tasks' losses, 1 on average.
	Weights map[string]float64 `json:"weights"`
	// Score is what training chooses epochs by, at the best epoch, see
	// [train.Selection]. It is left out where a model has failed, or has no score
	// because no metric that it is made of is defined.
	Score Sample `json:"score,omitzero"`
	// Tasks are the tasks' own metrics, means over seeds; one that is not defined
	// for all of them is left out.
	Tasks map[string]float64 `json:"tasks"`
}

func (o SweepOptions) withDefaults() SweepOptions {
	if o.Kind == "" {
		o.Kind = Random
	}
	if o.Trials == 0 {
		o.Trials = 16
	}
	if o.Seeds == 0 {
		o.Seeds = 1
	}
	if o.Jobs == 0 {
		o.Jobs = goruntime.NumCPU()
	}
	return o
}

func (o SweepOptions) check(r *recipe.Recipe) error {
	switch {
	case o.Kind != Grid && o.Kind != Random:
		return fmt.Errorf("compare: sweep %q is not one of %s, %s", o.Kind, Grid, Random)
	case o.Seeds < 1 || o.Jobs < 1:
		return fmt.Errorf("compare: %d seeds and %d jobs; there must be at least 1 of each", o.Seeds, o.Jobs)
	case o.Trials < 2:
		return fmt.Errorf("compare: %d trials; there must be at least 2: equal weights and others", o.Trials)
	case len(r.Tasks) < 2:
		return fmt.Errorf("compare: recipe %s has one task, whose weight changes nothing", r.Name)
	}
	return nil
}

// SweepWeights trains a recipe's joint model with many fixed weights, each in a
// folder of its own below dir, and chooses the ones that are best on
// validation. The test data is not part of what is trained and cannot be read.
// Like [Run] it goes on where it was stopped, and tells of models that failed.
func SweepWeights(ctx context.Context, r *recipe.Recipe, dir string, o SweepOptions) (*Sweep, error) {
	o = o.withDefaults()
	if err := o.check(r); err != nil {
		return nil, err
	}
	s := &Sweep{Recipe: r.Name, Kind: o.Kind, Engine: o.Engine.Name(), Best: -1}
	for _, t := range r.Tasks {
		s.Tasks = append(s.Tasks, t.Name)
	}
	for i := range o.Seeds {
		s.Seeds = append(s.Seeds, r.Train.Seed+i)
	}
	all, label, err := weightings(o.Kind, len(r.Tasks), o.Trials)
	if err != nil {
		return nil, err
	}
	trials, err := sweepTrials(r, filepath.Join(dir, "sweep-"+r.Name), label, all, s.Seeds)
	if err != nil {
		return nil, err
	}
	training := Options{Engine: o.Engine, Jobs: o.Jobs, Done: o.Done}.withDefaults()
	cache := newCache(r, training.CacheBytes)
	outcomes := trainAll(ctx, cache, trials, training)
	cache.Free()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.gather(all, trials, outcomes)
	return s, errors.Join(keep(s, nil, filepath.Join(dir, "sweep-"+r.Name, label+".json")), err)
}

// sweepTrials lists the models: for each weighting one for every seed.
func sweepTrials(r *recipe.Recipe, dir, label string, all [][]float64, seeds []int) ([]*trial, error) {
	var trials []*trial
	for n, weights := range all {
		weighted, err := r.Weighted(weights)
		if err != nil {
			return nil, err
		}
		for _, seed := range seeds {
			seeded, err := weighted.Derive(func(r *recipe.Recipe) {
				r.DropTest()
				r.Train.Threads, r.Train.Seed = 1, seed
			})
			if err != nil {
				return nil, err
			}
			at := filepath.Join(dir, fmt.Sprintf("%s-%03d", label, n), fmt.Sprintf("seed-%d", seed))
			trials = append(trials, &trial{seed: seed, model: weightsName(n), recipe: seeded, dir: at})
		}
	}
	return trials, nil
}

// weightsName names the models of a weighting.
func weightsName(n int) string { return fmt.Sprintf("weights %d", n) }

// gather scores the weightings and chooses.
func (s *Sweep) gather(all [][]float64, trials []*trial, outcomes []*outcome) error {
	var failed error
	most := 0 // tasks that a score is made of
	for n, weights := range all {
		w := Weighting{Weights: map[string]float64{}}
		for i, task := range s.Tasks {
			w.Weights[task] = weights[i]
		}
		var scores []float64
		var valid []score.Scores
		least := len(s.Tasks)
		for i := range s.Seeds {
			at := n*len(s.Seeds) + i
			if err := outcomes[at].err; err != nil {
				f := newFailure(trials[at], err)
				s.Failed = append(s.Failed, f)
				failed = errors.Join(failed, f)
				continue
			}
			of := outcomes[at].result.Valid
			score, tasks := trials[at].recipe.Training().Select.Score(of)
			valid, scores, least = append(valid, of), append(scores, score), min(least, tasks)
		}
		w.Tasks = means(valid)
		// A weighting of which a model failed or has no score is no choice, nor is
		// one with a score of fewer tasks than another's.
		if len(scores) == len(s.Seeds) && least > 0 {
			w.Score = newSample(scores)
			if s.Best < 0 || least > most || least == most && w.Score.Mean > s.Trials[s.Best].Score.Mean {
				s.Best, most = n, least
			}
		}
		s.Trials = append(s.Trials, w)
	}
	return failed
}

// means are the means of the tasks' metrics over models, of those tasks that have
// theirs defined for all.
func means(models []score.Scores) map[string]float64 {
	of := map[string]float64{}
	for _, scores := range models {
		for _, t := range scores {
			of[t.Task] += t.Value() / float64(len(models))
		}
	}
	maps.DeleteFunc(of, func(_ string, mean float64) bool { return math.IsNaN(mean) })
	return of
}

// weightings lists weights with a mean of 1, the equal ones first, and names
// the list: a longer random one begins with a shorter one.
func weightings(kind string, tasks, trials int) (all [][]float64, label string, err error) {
	equal := make([]float64, tasks)
	for i := range equal {
		equal[i] = 1
	}
	all = [][]float64{equal}
	if kind == Random {
		for n := 1; n < trials; n++ {
			all = append(all, randomWeights(tasks, uint64(n)))
		}
		return all, Random, nil
	}
	parts := gridParts(tasks, trials)
	if parts <= tasks {
		return nil, "", fmt.Errorf("compare: a grid of weights for %d tasks does not fit in %d trials; try more, or sweep at random", tasks, trials)
	}
	compositions(tasks, parts, func(counts []int) {
		weights := make([]float64, tasks)
		same := true
		for i, c := range counts {
			weights[i] = float64(c) * float64(tasks) / float64(parts)
			same = same && c == counts[0]
		}
		if !same {
			all = append(all, weights)
		}
	})
	return all, fmt.Sprintf("%s-%d", Grid, parts), nil
}

// randomWeights draws evenly from all weights of mean 1 (a Dirichlet
// distribution with all parameters 1: exponential draws over their sum).
func randomWeights(tasks int, number uint64) []float64 {
	r := rand.New(rand.NewPCG(sweepSeed, number))
	weights := make([]float64, tasks)
	sum := 0.0
	for i := range weights {
		weights[i] = r.ExpFloat64()
		sum += weights[i]
	}
	for i := range weights {
		// Three digits are enough, and can be read.
		weights[i] = max(math.Round(1000*weights[i]*float64(tasks)/sum)/1000, 0.001)
	}
	return weights
}

// sweepSeed makes the same search try the same weights.
const sweepSeed = 1

// gridParts is the number of parts of the finest grid with at most so many
// points, equal weights counted.
func gridParts(tasks, trials int) int {
	best := tasks
	for parts := tasks; ; parts++ {
		points := 1 // the ways to give each task a part: parts-1 choose tasks-1
		for i := 1; i < tasks; i++ {
			points = points * (parts - i) / i
		}
		if points > trials {
			return best
		}
		if parts%tasks != 0 {
			points++ // equal weights are beside the grid
		}
		if points <= trials {
			best = parts
		}
	}
}

// compositions calls do with every way to give n tasks at least one of the
// parts each, in lexical order.
func compositions(n, parts int, do func([]int)) {
	counts := make([]int, n)
	var place func(i, left int)
	place = func(i, left int) {
		if i == n-1 {
			counts[i] = left
			do(counts)
			return
		}
		for c := 1; c <= left-(n-1-i); c++ {
			counts[i] = c
			place(i+1, left-c)
		}
	}
	place(0, parts)
}

// Settings are the settings of the best weights, for --set; nil where there are
// none.
func (s *Sweep) Settings() []string {
	if s.Best < 0 {
		return nil
	}
	settings := []string{"train.balance.method=fixed"}
	for _, t := range s.Tasks {
		settings = append(settings, fmt.Sprintf("tasks.%s.weight=%v", t, s.Trials[s.Best].Weights[t]))
	}
	return settings
}
