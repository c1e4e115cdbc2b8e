package espalier

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"espalier/data"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/train"
)

// Options are settings of Train.
type Options struct {
	// Engine runs the model; see [OpenEngine].
	Engine runtime.Engine
	// Resume goes on with the run that the directory holds.
	Resume bool
	// From is the directory of an earlier run that the model starts from, "" for none.
	// See [Train].
	From string
	// Cache has examples of the recipe's data that other models are trained on,
	// too; nil reads them for this one alone.
	Cache *data.Cache
	// KeepAnswers leaves the answers to each example of test in the directory.
	KeepAnswers bool
	// Log is told how reading and training go; nil is silent.
	Log func(format string, args ...any)
	// Hooks are called while training runs.
	Hooks train.Hooks
}

// Train fits what the recipe says and leaves a run in dir, which must not hold
// one unless Resume is set. All data is read before the first epoch, test data,
// which is kept in memory meanwhile, included: until then nothing is written,
// so that a start that fails leaves no run behind. The run is complete when an
// Outcome is returned; a run that was stopped can be resumed from its last epoch,
// with other epochs and patience than before, see [recipe.Recipe.Resumed].
//
// With Options.From a model starts from an earlier run's: parameters of the same name and
// shape, the vocabulary, and the labels of tasks that the recipe freezes, of which the
// data needs no labels. Tasks that the run has not start anew.
func Train(ctx context.Context, r *recipe.Recipe, dir string, o Options) (*Run, *Outcome, error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	var earlier *Run
	if o.From != "" && !o.Resume {
		var err error
		if earlier, err = OpenRun(o.From); err != nil {
			return nil, nil, fmt.Errorf("the run to start from: %w", err)
		}
	}
	run, err := prepare(r, dir, o, earlier)
	if err != nil {
		return nil, nil, err
	}
	run.encoder.Cache = o.Cache
	sets, err := run.readAll(o.Log)
	if err != nil {
		return nil, nil, err
	}
	for _, note := range run.encoder.Notes() {
		o.Log("%s", note)
	}
	c := r.Training()
	c.Scratch = dir
	t, err := train.New(run.Model, o.Engine, c)
	if err != nil {
		return nil, nil, err
	}
	defer t.Close()
	resumed := false
	if o.Resume {
		if resumed, err = run.resume(t, o.Log); err != nil {
			return nil, nil, err
		}
	}
	if !resumed {
		if err := run.startPretrained(t, o.Log); err != nil {
			return nil, nil, err
		}
	}
	run.startVectors(t, o.Log)
	if earlier != nil {
		if err := run.startFrom(t, earlier, o.Log); err != nil {
			return nil, nil, err
		}
	}
	if err := tellMemory(t, sets.train, o.Log); err != nil {
		return nil, nil, err
	}
	result, err := t.Fit(ctx, sets.train, sets.valid, run.hooks(t, o))
	if err != nil {
		// The last good parameters are worth keeping when no epoch was: a run
		// that diverged can still be looked at.
		if run.begun && t.Best() == nil {
			err = errors.Join(err, run.files().writeParameters(t.Parameters()))
		}
		return run, nil, err
	}
	outcome, err := run.finish(ctx, t, result, sets, o)
	return run, outcome, err
}

// memoryWorthTelling is how many bytes training must take for the log to say so.
const memoryWorthTelling = 64e6

// tellMemory logs what memory training is going to take.
func tellMemory(t *train.Trainer, set *data.Dataset, log func(string, ...any)) error {
	of, sizes, err := t.Memory(set)
	if err != nil || of.Total() < memoryWorthTelling {
		return err
	}
	var batch []string
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		batch = append(batch, fmt.Sprint(name, " ", sizes[name]))
	}
	log("memory: about %s (largest batch: %s)", of, strings.Join(batch, ", "))
	return nil
}

// hooks are those of the caller, with the run's own in front: it is written from
// the first epoch on.
func (r *Run) hooks(t *train.Trainer, o Options) train.Hooks {
	h := o.Hooks
	h.Warn = func(text string) {
		o.Log("warning: %s", text)
		if o.Hooks.Warn != nil {
			o.Hooks.Warn(text)
		}
	}
	h.Log = func(text string) {
		o.Log("%s", text)
		if o.Hooks.Log != nil {
			o.Hooks.Log(text)
		}
	}
	h.Start = func() error {
		if err := r.begin(o.Resume); err != nil || o.Hooks.Start == nil {
			return err
		}
		return o.Hooks.Start()
	}
	h.Epoch = func(e train.Epoch) error {
		if err := r.saveEpoch(t, e); err != nil || o.Hooks.Epoch == nil {
			return err
		}
		return o.Hooks.Epoch(e)
	}
	return h
}

// prepare learns labels and vocabulary, or reads what an earlier start learned.
func prepare(r *recipe.Recipe, dir string, o Options, earlier *Run) (*Run, error) {
	if o.Resume {
		return reopen(r, dir)
	}
	if directory(dir).holdsRun() {
		return nil, fmt.Errorf("%s holds a run already; resume it, remove it or name another directory", dir)
	}
	run, err := learn(r, o.Cache, earlier)
	if err != nil {
		return nil, err
	}
	run.Dir = dir
	return run, nil
}

// begin writes what does not change during training. Of a run that goes on that is
// its recipe, whose epochs may be others than before.
func (r *Run) begin(resumed bool) error {
	resolved, err := r.Recipe.Marshal()
	if err != nil {
		return err
	}
	if !resumed {
		if err := r.files().begin(r.Model.Schema(), r.Vocabulary, r.Recipe.Trunk.Pretrained); err != nil {
			return err
		}
	}
	r.begun = true
	// Last: it marks a directory as a run.
	return r.files().writeBytes(fileRecipe, resolved)
}

// reopen reads a run to go on with it, with the recipe that it is given where
// that differs in how long to train alone.
func reopen(r *recipe.Recipe, dir string) (*Run, error) {
	run, err := OpenRun(dir)
	if err != nil {
		return nil, fmt.Errorf("there is no run to resume: %w", err)
	}
	if run.Recipe, err = r.Resumed(run.Recipe); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	run.Recipe.Configure(run.encoder)
	return run, nil
}

// resume takes up the state of the last finished epoch, and reports whether there was
// one.
func (r *Run) resume(t *train.Trainer, log func(string, ...any)) (bool, error) {
	f, err := r.files().tensors(fileState)
	if errors.Is(err, fs.ErrNotExist) {
		log("the run had not finished an epoch; it starts anew")
		if file, o := r.Recipe.Vectors(); file != "" {
			o.Add = 0 // the vocabulary has them already
			r.vectors, err = r.encoder.ReadVectors(file, o)
			return false, err
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := t.Resume(f); err != nil {
		return false, fmt.Errorf("%s: %w", r.files().path(fileState), err)
	}
	log("resumed after epoch %s", f.Metadata["epoch"])
	return true, nil
}

// saveEpoch writes the state first: a kill between the files costs a line of
// the log at most.
func (r *Run) saveEpoch(t *train.Trainer, e train.Epoch) error {
	files := r.files()
	if err := files.writeTensors(fileState, t.State()); err != nil {
		return err
	}
	if e.Best {
		if err := files.writeParameters(t.Best()); err != nil {
			return err
		}
	}
	return files.appendLog(e)
}

// splits are a run's data sets; test is nil where the recipe names none.
type splits struct{ train, valid, test *data.Dataset }

// readAll encodes all data of the recipe.
func (r *Run) readAll(log func(string, ...any)) (s splits, err error) {
	if s.train, s.valid, err = r.trainingSets(log); err != nil {
		return s, err
	}
	if len(r.Recipe.Sources("test")) > 0 {
		s.test, err = r.encode("test", log)
	}
	return s, err
}

// finish measures the best epoch, on test once.
func (r *Run) finish(ctx context.Context, t *train.Trainer, res *train.Result, sets splits, o Options) (*Outcome, error) {
	count, err := r.Model.Parameters()
	if err != nil {
		return nil, err
	}
	alone, err := r.Model.Alone()
	if err != nil {
		return nil, err
	}
	out := &Outcome{Best: res.Best, Engine: o.Engine.Name(), Shared: count.Shared, Heads: count.Tasks, Alone: alone}
	epochs, err := r.files().log()
	if err != nil {
		return nil, err
	}
	out.Epochs = len(epochs)
	m, err := t.Measure(ctx, sets.valid)
	if err != nil {
		return nil, err
	}
	whole := m.Whole()
	out.Valid, out.ValidWhole, out.ValidWholeOf = m.Scores(), whole.Share, whole.Examples
	t.Review(m)
	out.Warnings = t.Warnings()
	if sets.test != nil {
		if err := r.measureTest(ctx, t, sets.test, out, o.KeepAnswers); err != nil {
			return nil, err
		}
	}
	return out, r.files().writeOutcome(out)
}

// measureTest scores the test data, and keeps the answers where they are asked
// for.
func (r *Run) measureTest(ctx context.Context, t *train.Trainer, test *data.Dataset, out *Outcome, keep bool) error {
	measure := t.Measure
	if keep {
		measure = t.MeasureKeeping
	}
	m, err := measure(ctx, test)
	if err != nil {
		return err
	}
	whole := m.Whole()
	out.Test, out.TestWhole, out.TestWholeOf = m.Scores(), whole.Share, whole.Examples
	if !keep {
		return nil
	}
	return r.files().writeAnswers(m.Answers())
}
