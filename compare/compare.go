package compare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"espalier"
	"espalier/internal/atomicfile"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/train/score"
)

// Options are settings of [Run]. Zero fields take the defaults that the
// comments give.
type Options struct {
	// Engine trains the models.
	Engine runtime.Engine
	// Seeds is how many there are, counted up from the recipe's; 3.
	Seeds int
	// Budget is Updates, the default, Epochs or Steps.
	Budget string
	// Jobs is how many models are trained at a time, on one thread each; the
	// number of cores.
	Jobs int
	// Confidence of intervals; 0.95.
	Confidence float64
	// Resamples is the number of draws of the bootstrap; 2000. There are at least
	// 50: few draws make the variance itself uncertain.
	Resamples int
	// Baselines adds what constant and linear models reach, see [Baselines].
	Baselines bool
	// CacheBytes is how much memory the examples that all models share may take;
	// 512 MiB. If they take more, or if it is below 0, every model reads the data
	// itself.
	CacheBytes int64
	// Done is told when a model is finished, or has failed; nil is silent. It is
	// called from one goroutine at a time.
	Done func(Finished)
}

// Finished is a model that was finished.
type Finished struct {
	Done, Total int
	Seed        int
	Model       string // which of the seed's it is
	// Kept says that it had been trained before.
	Kept bool
	Err  error
}

// String says it in a line.
func (p Finished) String() string {
	what := describe(p.Seed, p.Model)
	switch {
	case p.Err != nil:
		return fmt.Sprintf("%d of %d: %s: failed: %v", p.Done, p.Total, what, p.Err)
	case p.Kept:
		return fmt.Sprintf("%d of %d: %s: trained before", p.Done, p.Total, what)
	}
	return fmt.Sprintf("%d of %d: %s: trained", p.Done, p.Total, what)
}

func (o Options) withDefaults() Options {
	if o.Seeds == 0 {
		o.Seeds = 3
	}
	if o.Budget == "" {
		o.Budget = Updates
	}
	if o.Jobs == 0 {
		o.Jobs = goruntime.NumCPU()
	}
	if o.Confidence == 0 {
		o.Confidence = 0.95
	}
	if o.Resamples == 0 {
		o.Resamples = 2000
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 512 << 20
	}
	return o
}

const leastResamples = 50

// check reports the first option that cannot be.
func (o Options) check(r *recipe.Recipe) error {
	switch {
	case o.Seeds < 1:
		return fmt.Errorf("compare: %d seeds; there must be at least 1", o.Seeds)
	case o.Jobs < 1:
		return fmt.Errorf("compare: %d jobs; there must be at least 1", o.Jobs)
	case !slices.Contains(Budgets(), o.Budget):
		return fmt.Errorf("compare: budget %q is not one of %s", o.Budget, strings.Join(Budgets(), ", "))
	case !(o.Confidence > 0 && o.Confidence < 1):
		return fmt.Errorf("compare: confidence is %v, it must be above 0 and below 1", o.Confidence)
	case o.Resamples < leastResamples:
		return fmt.Errorf("compare: %d resamples; there must be at least %d, from which the test takes its variances", o.Resamples, leastResamples)
	case len(r.Tasks) < 2:
		return fmt.Errorf("compare: recipe %s has one task; there is nothing to compare it with", r.Name)
	case len(r.Sources("test")) == 0:
		return fmt.Errorf("compare: recipe %s names no test data; the models are compared there, after validation chose their best epochs", r.Name)
	}
	return nil
}

// Run trains the joint model of a recipe and one model per task for every seed,
// each in a folder of its own below dir, and compares them. A model that is
// there already, made by the same recipe, is not trained again, and one that
// was stopped goes on. When models fail the others are trained and compared, and
// the error tells which failed and why; the same call goes on with them. The
// result is left in dir, too.
func Run(ctx context.Context, r *recipe.Recipe, dir string, o Options) (*Result, error) {
	o = o.withDefaults()
	if err := o.check(r); err != nil {
		return nil, err
	}
	cache := newCache(r, o.CacheBytes)
	defer cache.Free()
	trials, err := plan(r, dir, o, cache)
	if err != nil {
		return nil, err
	}
	outcomes := trainAll(ctx, cache, trials, o)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	result, err := conclude(ctx, r, trials, outcomes, o)
	if err == nil && o.Baselines {
		err = result.addBaselines(ctx, r, trials, outcomes, o, cache)
	}
	if err != nil {
		return nil, err
	}
	return result, keep(result, result.Failed, filepath.Join(dir, "compare-"+r.Name+o.suffix()+".json"))
}

// conclude is the comparison of the models of one joint recipe.
func conclude(ctx context.Context, r *recipe.Recipe, trials []*trial, outcomes []*outcome, o Options) (*Result, error) {
	result, err := gather(r, trials, outcomes, o)
	if err != nil {
		return nil, err
	}
	var unweighed []Failure
	result.Resources, unweighed = weigh(ctx, trials, outcomes, o.Engine)
	result.Failed = append(result.Failed, unweighed...)
	return result, nil
}

// keep writes a result, and returns the failures as an error.
func keep(result any, failed []Failure, path string) error {
	err := atomicfile.WriteFile(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(result)
	})
	for _, f := range failed {
		err = errors.Join(err, f)
	}
	return err
}

// suffix tells the files of results of different budgets apart.
func (o Options) suffix() string {
	if o.Budget == Updates {
		return ""
	}
	return "-" + o.Budget
}

// Failure is a model that could not be trained or exported.
type Failure struct {
	Seed    int    `json:"seed"`
	Model   string `json:"model"` // which of the seed's it is
	Message string `json:"error"`
	err     error
}

func newFailure(t *trial, err error) Failure { return Failure{t.seed, t.model, err.Error(), err} }

func (f Failure) Error() string {
	return describe(f.Seed, f.Model) + ": " + f.Message
}

// same reports whether two failures are of one model.
func (f Failure) same(other Failure) bool { return f.Seed == other.Seed && f.Model == other.Model }

// Unwrap returns the cause.
func (f Failure) Unwrap() error { return f.err }

// gather compares the models that there are.
func gather(r *recipe.Recipe, trials []*trial, outcomes []*outcome, o Options) (*Result, error) {
	joint := make([]*score.Answers, o.Seeds)
	single := make([][]*score.TaskAnswers, len(r.Tasks))
	for i := range r.Tasks {
		single[i] = make([]*score.TaskAnswers, o.Seeds)
	}
	var failed []Failure
	var unfinished Unfinished
	var updates []Updated
	for i, t := range trials {
		out := outcomes[i]
		if out.err != nil {
			failed = append(failed, newFailure(t, out.err))
			continue
		}
		unfinished.add(t.single, out.result.Best == t.recipe.Train.Epochs)
		if seed := t.seed - r.Train.Seed; t.single && out.answers != nil {
			single[t.number][seed] = &out.answers.Tasks[0]
		} else if !t.single {
			joint[seed], updates = out.answers, t.updates
		}
	}
	failed = append(failed, unlike(r, joint, single)...)
	result, err := Judge(joint, single, updates, o)
	if err != nil {
		return nil, err
	}
	result.Recipe, result.Budget, result.Engine = r.Name, o.Budget, o.Engine.Name()
	result.Unfinished, result.Failed = unfinished, failed
	for i := range o.Seeds {
		result.Seeds = append(result.Seeds, r.Train.Seed+i)
	}
	return result, nil
}

// finished returns the run in a trial's folder where it is done, whether there
// is one to go on with, and an error where there is one of another recipe.
func finished(t *trial, engine string) (run *espalier.Run, started bool, err error) {
	run, err = espalier.OpenRun(t.dir)
	if errors.Is(err, espalier.ErrNoRun) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	have, err1 := run.Recipe.Marshal()
	want, err2 := t.recipe.Marshal()
	if err := errors.Join(err1, err2); err != nil {
		return nil, false, err
	}
	if string(have) != string(want) {
		return nil, false, fmt.Errorf("%s holds a run of another recipe; remove it, or compare in another directory", t.dir)
	}
	out, err := run.Outcome()
	if err != nil || out == nil {
		return nil, true, err
	}
	if out.Engine != engine {
		return nil, false, fmt.Errorf("%s was trained on engine %s, this comparison is on %s; remove it, or compare in another directory", t.dir, out.Engine, engine)
	}
	return run, true, nil
}
