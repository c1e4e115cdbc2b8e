package espalier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"espalier/data"
	"espalier/internal/atomicfile"
	"espalier/models"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/safetensors"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
	"espalier/train"
)

// The files of a run directory. Each is whole or not there.
const (
	fileRecipe     = "recipe.yaml"            // the recipe with every default written out
	fileSchema     = "schema.json"            // tasks and labels
	fileVocabulary = "vocabulary.txt"         // one word a line, in id order
	fileTokenizer  = "tokenizer.json"         // in its place, where tokens are pieces of words
	fileParameters = "parameters.safetensors" // of the best epoch
	fileState      = "state.safetensors"      // all that resuming needs
	fileLog        = "log.jsonl"              // one line an epoch
	fileAnswers    = "answers.json"           // to each example of test, where they are kept
	fileResult     = "result.json"            // written once, when training is over
)

// Outcome is how a run ended: the epoch that was kept and its scores. Test is
// measured once, after the choice was made on validation.
type Outcome struct {
	Best   int          `json:"best_epoch"`
	Epochs int          `json:"epochs"`
	Valid  train.Scores `json:"valid"`
	Test   train.Scores `json:"test,omitempty"`
	// The shares of examples that are answered right as a whole, nil where none
	// has labels of all tasks, and of how many they are: see [train.Meter.Whole].
	// A run from before they were counted does not know how many.
	ValidWhole   *float64 `json:"valid_whole,omitempty"`
	ValidWholeOf int      `json:"valid_whole_examples,omitempty"`
	TestWhole    *float64 `json:"test_whole,omitempty"`
	TestWholeOf  int      `json:"test_whole_examples,omitempty"`
	Engine       string   `json:"engine"`
	// Warnings say what may not be as it was meant, a line each.
	Warnings []string `json:"warnings,omitempty"`
	// How many numbers the model learns: those that tasks share, those of one
	// task each, and, beside it, those of a model of each task by itself.
	Shared int            `json:"shared_parameters"`
	Heads  map[string]int `json:"task_parameters"`
	Alone  map[string]int `json:"single_task_parameters"`
}

// Run is a run directory: a recipe, what was learned from its data, and the
// parameters that training found.
type Run struct {
	Dir        string
	Recipe     *recipe.Recipe
	Model      *models.Model
	Vocabulary *text.Vocabulary
	encoder    *data.Encoder
	vectors    *data.Vectors // to start from, when the recipe names a file
	begun      bool          // it has been written
}

// Options are settings of Train.
type Options struct {
	// Engine runs the model; see [OpenEngine].
	Engine runtime.Engine
	// Resume goes on with the run that the directory holds.
	Resume bool
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
func Train(ctx context.Context, r *recipe.Recipe, dir string, o Options) (*Run, *Outcome, error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	run, err := prepare(r, dir, o)
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
	t, err := train.New(run.Model, o.Engine, r.Training())
	if err != nil {
		return nil, nil, err
	}
	defer t.Close()
	if o.Resume {
		if err := run.resume(t, o.Log); err != nil {
			return nil, nil, err
		}
	}
	run.startVectors(t, o.Log)
	result, err := t.Fit(ctx, sets.train, sets.valid, run.hooks(t, o))
	if err != nil {
		// The last good parameters are worth keeping when no epoch was: a run
		// that diverged can still be looked at.
		if run.begun && t.Best() == nil {
			err = errors.Join(err, run.saveParameters(t.Parameters()))
		}
		return run, nil, err
	}
	outcome, err := run.finish(ctx, t, result, sets, o)
	return run, outcome, err
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
func prepare(r *recipe.Recipe, dir string, o Options) (*Run, error) {
	if o.Resume {
		return reopen(r, dir)
	}
	if _, err := os.Stat(filepath.Join(dir, fileRecipe)); err == nil {
		return nil, fmt.Errorf("%s holds a run already; resume it, remove it or name another directory", dir)
	}
	run, err := LearnFrom(r, o.Cache)
	if err != nil {
		return nil, err
	}
	run.Dir = dir
	return run, nil
}

// Learn learns labels and vocabulary from the recipe's training data. The run
// has a model and data, and no directory.
func Learn(r *recipe.Recipe) (*Run, error) { return LearnFrom(r, nil) }

// LearnFrom is Learn with examples from a cache that other models share; with a nil
// cache it is Learn.
func LearnFrom(r *recipe.Recipe, cache *data.Cache) (*Run, error) {
	encoder, err := r.Encoder()
	if err != nil {
		return nil, err
	}
	encoder.Cache = cache
	if err := encoder.Learn(r.Sources("train")); err != nil {
		if of := new(data.TaskError); errors.As(err, &of) {
			err = fmt.Errorf("%s: %w", r.Where("tasks."+of.Task), err)
		}
		return nil, err
	}
	var vectors *data.Vectors
	if file, o := r.Vectors(); file != "" {
		if vectors, err = encoder.ReadVectors(file, o); err != nil {
			return nil, err
		}
	}
	if err := r.CheckLabels(encoder.Schema()); err != nil {
		return nil, err
	}
	m, err := models.New(encoder.Schema(), r.Model())
	if err != nil {
		return nil, err
	}
	return &Run{Recipe: r, Model: m, Vocabulary: encoder.Vocabulary(), encoder: encoder, vectors: vectors}, nil
}

// begin makes the directory and writes what does not change during training. Of a
// run that goes on that is its recipe, whose epochs may be others than before.
func (r *Run) begin(resumed bool) error {
	resolved, err := r.Recipe.Marshal()
	if err != nil {
		return err
	}
	if !resumed {
		if err := os.MkdirAll(r.Dir, 0o755); err != nil {
			return err
		}
		if err := r.describe(); err != nil {
			return err
		}
	}
	r.begun = true
	// Last: it marks a directory as a run.
	return r.write(fileRecipe, func(w io.Writer) error { _, err := w.Write(resolved); return err })
}

// describe writes the vocabulary and the schema.
func (r *Run) describe() error {
	description, err := r.Model.Schema().Encode()
	if err != nil {
		return err
	}
	if r.Vocabulary != nil {
		words := fileVocabulary
		if r.Vocabulary.Subwords() != nil {
			words = fileTokenizer
		}
		err = r.write(words, func(w io.Writer) error { _, err := r.Vocabulary.WriteTo(w); return err })
	}
	if err == nil {
		err = r.write(fileSchema, func(w io.Writer) error { _, err := w.Write(append(description, '\n')); return err })
	}
	return err
}

func (r *Run) write(name string, content func(io.Writer) error) error {
	return atomicfile.WriteFile(filepath.Join(r.Dir, name), content)
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

// ErrNoRun says that a directory holds no run.
var ErrNoRun = errors.New("not a run directory")

// OpenRun reads a run directory; an error that is [ErrNoRun] says that there is
// none.
func OpenRun(dir string) (*Run, error) {
	r, err := recipe.Read(filepath.Join(dir, fileRecipe))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is %w: it has no %s", dir, ErrNoRun, fileRecipe)
	}
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(filepath.Join(dir, fileSchema))
	if err != nil {
		return nil, err
	}
	s, err := schema.Decode(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, fileSchema), err)
	}
	v, err := readVocabulary(dir, s)
	if err != nil {
		return nil, err
	}
	m, err := models.New(s, r.Model())
	if err != nil {
		return nil, err
	}
	encoder, err := resumeEncoder(m.Schema(), v)
	if err != nil {
		return nil, err
	}
	r.Configure(encoder)
	return &Run{Dir: dir, Recipe: r, Model: m, Vocabulary: v, encoder: encoder}, nil
}

// resumeEncoder returns what encodes data for a model of text or of a table,
// which has no vocabulary.
func resumeEncoder(s *schema.Schema, v *text.Vocabulary) (*data.Encoder, error) {
	if s.Tabular() {
		return data.ResumeTabular(s)
	}
	return data.Resume(s, v)
}

// readVocabulary reads a run's words or subwords, nil for a model of a table.
func readVocabulary(dir string, s *schema.Schema) (*text.Vocabulary, error) {
	if s.Tabular() {
		return nil, nil
	}
	path := filepath.Join(dir, fileVocabulary)
	if s.Inputs[0].Tokenizer == text.Subword {
		path = filepath.Join(dir, fileTokenizer)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	read := func(b []byte) (*text.Vocabulary, error) { return text.Read(bytes.NewReader(b)) }
	if s.Inputs[0].Tokenizer == text.Subword {
		read = text.ReadSubwords
	}
	v, err := read(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
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

// trainingSets encodes the training and validation data.
func (r *Run) trainingSets(log func(string, ...any)) (set, valid *data.Dataset, err error) {
	if set, err = r.encode("train", log); err != nil {
		return nil, nil, err
	}
	if len(r.Recipe.Sources("valid")) == 0 {
		set, valid = set.Split(r.Recipe.Data.Holdout, uint64(r.Recipe.Train.Seed))
		log("valid: %d of the training examples held out", valid.Len())
		return set, valid, nil
	}
	valid, err = r.encode("valid", log)
	return set, valid, err
}

func (r *Run) encode(split string, log func(string, ...any)) (*data.Dataset, error) {
	d, err := r.encoder.Encode(r.Recipe.Sources(split))
	if err != nil {
		return nil, err
	}
	tell(log, split, d)
	return d, nil
}

// tell logs what a data set holds.
func tell(log func(string, ...any), split string, d *data.Dataset) {
	for _, line := range d.Summary() {
		log("%s: %s", split, line)
	}
}

// Data encodes a split of the run's recipe: train, valid or test.
func (r *Run) Data(split string, log func(string, ...any)) (*data.Dataset, error) {
	if log == nil {
		log = func(string, ...any) {}
	}
	if held := len(r.Recipe.Sources("valid")) == 0; held && (split == "valid" || split == "train") {
		set, valid, err := r.trainingSets(log)
		if split == "valid" {
			return valid, err
		}
		return set, err
	}
	if split != "train" && split != "valid" && split != "test" {
		return nil, fmt.Errorf("split %q is not one of train, valid, test", split)
	}
	if len(r.Recipe.Sources(split)) == 0 {
		return nil, fmt.Errorf("the recipe names no %s data", split)
	}
	return r.encode(split, log)
}

func (r *Run) resume(t *train.Trainer, log func(string, ...any)) error {
	path := filepath.Join(r.Dir, fileState)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		log("the run had not finished an epoch; it starts anew")
		if file, o := r.Recipe.Vectors(); file != "" {
			o.Add = 0 // the vocabulary has them already
			r.vectors, err = r.encoder.ReadVectors(file, o)
			return err
		}
		return nil
	}
	if err != nil {
		return err
	}
	f, err := safetensors.Decode(content)
	if err == nil {
		err = t.Resume(f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	log("resumed after epoch %s", f.Metadata["epoch"])
	return nil
}

// Start returns a trainer of the run's model as training begins with it.
func (r *Run) Start(e runtime.Engine) (*train.Trainer, error) {
	t, err := train.New(r.Model, e, r.Recipe.Training())
	if err != nil {
		return nil, err
	}
	r.startVectors(t, func(string, ...any) {})
	return t, nil
}

// startVectors puts the file's word vectors in the place of those drawn by
// chance, and reports how many of the vocabulary's words they are.
func (r *Run) startVectors(t *train.Trainer, log func(string, ...any)) {
	v := r.vectors
	if v == nil {
		return
	}
	table := t.Parameters()[models.EmbeddingTable]
	dim := int(table.Shape()[1])
	for id, row := range v.Rows {
		copy(table.Float32s()[int(id)*dim:(int(id)+1)*dim], row)
	}
	found := v.Exact + v.Lowered
	log("vectors: %s has %d of the vocabulary's %d words (%.1f %%), %d of them lower-cased; %d words were added",
		v.File, found, v.Words, 100*float64(found)/float64(max(v.Words, 1)), v.Lowered, len(v.Added))
	r.vectors = nil
}

// saveEpoch writes the state first: a kill between the files costs a line of
// the log at most.
func (r *Run) saveEpoch(t *train.Trainer, e train.Epoch) error {
	if err := r.write(fileState, func(w io.Writer) error { return safetensors.Write(w, t.State()) }); err != nil {
		return err
	}
	if e.Best {
		if err := r.saveParameters(t.Best()); err != nil {
			return err
		}
	}
	return r.appendLog(e)
}

func (r *Run) saveParameters(values map[string]*tensor.Tensor) error {
	return r.write(fileParameters, func(w io.Writer) error {
		return safetensors.Write(w, &safetensors.File{Tensors: values})
	})
}

// appendLog adds a line and drops lines of epochs that are run again.
func (r *Run) appendLog(e train.Epoch) error {
	path := filepath.Join(r.Dir, fileLog)
	epochs, err := readLog(path)
	if err != nil {
		return err
	}
	for len(epochs) > 0 && epochs[len(epochs)-1].Epoch >= e.Epoch {
		epochs = epochs[:len(epochs)-1]
	}
	return r.write(fileLog, func(w io.Writer) error {
		out := json.NewEncoder(w)
		for _, e := range append(epochs, e) {
			if err := out.Encode(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// Epochs returns what the epochs of training reported so far.
func (r *Run) Epochs() ([]train.Epoch, error) { return readLog(filepath.Join(r.Dir, fileLog)) }

func readLog(path string) ([]train.Epoch, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var epochs []train.Epoch
	for in := json.NewDecoder(f); ; {
		var e train.Epoch
		if err := in.Decode(&e); err == io.EOF {
			return epochs, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		epochs = append(epochs, e)
	}
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
	epochs, err := readLog(filepath.Join(r.Dir, fileLog))
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
	return out, r.write(fileResult, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	})
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
	return r.write(fileAnswers, func(w io.Writer) error { return json.NewEncoder(w).Encode(m.Answers()) })
}

// Answers reads the answers to test that [Options] made training keep.
func (r *Run) Answers() (*train.Answers, error) {
	path := filepath.Join(r.Dir, fileAnswers)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no answers to test: they are kept only where training is told to", r.Dir)
	}
	if err != nil {
		return nil, err
	}
	var a train.Answers
	if err := json.Unmarshal(content, &a); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a.Unpad() // earlier versions kept rows as long as their batch
	return &a, nil
}

// Parameters reads the best epoch's parameters.
func (r *Run) Parameters() (map[string]*tensor.Tensor, error) {
	path := filepath.Join(r.Dir, fileParameters)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no parameters yet: no epoch was finished", r.Dir)
	}
	if err != nil {
		return nil, err
	}
	f, err := safetensors.Decode(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f.Tensors, nil
}

// Trainer opens the run's model with its best parameters, to evaluate it.
func (r *Run) Trainer(e runtime.Engine) (*train.Trainer, error) {
	values, err := r.Parameters()
	if err != nil {
		return nil, err
	}
	t, err := train.New(r.Model, e, r.Recipe.Training())
	if err != nil {
		return nil, err
	}
	if err := t.SetParameters(values); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", r.Dir, err), t.Close())
	}
	return t, nil
}
