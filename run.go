package espalier

import (
	"errors"
	"fmt"

	"espalier/data"
	"espalier/models"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/tensor"
	"espalier/text"
	"espalier/train"
	"espalier/train/score"
)

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

// Learn learns labels and vocabulary from the recipe's training data. The run
// has a model and data, and no directory.
func Learn(r *recipe.Recipe) (*Run, error) { return LearnFrom(r, nil) }

// LearnFrom is Learn with examples from a cache that other models share; with a nil
// cache it is Learn.
func LearnFrom(r *recipe.Recipe, cache *data.Cache) (*Run, error) { return learn(r, cache, nil) }

// learn is LearnFrom with what an earlier run learned, where there is one.
func learn(r *recipe.Recipe, cache *data.Cache, earlier *Run) (*Run, error) {
	encoder, err := r.Encoder()
	if err != nil {
		return nil, err
	}
	encoder.Cache = cache
	if encoder.Kept, err = kept(r, encoder, earlier); err != nil {
		return nil, err
	}
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
	run := &Run{Recipe: r, Model: m, Vocabulary: encoder.Vocabulary(), encoder: encoder, vectors: vectors}
	return run, run.checkPretrained()
}

// OpenRun reads a run directory; an error that is [ErrNoRun] says that there is
// none.
func OpenRun(dir string) (*Run, error) {
	d := directory(dir)
	r, err := d.recipe()
	if err != nil {
		return nil, err
	}
	s, err := d.schema()
	if err != nil {
		return nil, err
	}
	v, err := d.vocabulary(s)
	if err != nil {
		return nil, err
	}
	m, err := models.New(s, r.Model())
	if err != nil {
		return nil, err
	}
	encoder, err := data.Resume(m.Schema(), v)
	if err != nil {
		return nil, err
	}
	r.Configure(encoder)
	return &Run{Dir: dir, Recipe: r, Model: m, Vocabulary: v, encoder: encoder}, nil
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

// Start returns a trainer of the run's model as training begins with it.
func (r *Run) Start(e runtime.Engine) (*train.Trainer, error) {
	t, err := train.New(r.Model, e, r.Recipe.Training())
	if err != nil {
		return nil, err
	}
	silent := func(string, ...any) {}
	if err := r.startPretrained(t, silent); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	r.startVectors(t, silent)
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

// files are those of the run's directory.
func (r *Run) files() directory { return directory(r.Dir) }

// Parameters reads the best epoch's parameters.
func (r *Run) Parameters() (map[string]*tensor.Tensor, error) { return r.files().parameters() }

// Epochs returns what the epochs of training reported so far.
func (r *Run) Epochs() ([]train.Epoch, error) { return r.files().log() }

// Outcome returns how the run ended, nil when it has not.
func (r *Run) Outcome() (*Outcome, error) { return r.files().outcome() }

// Answers reads the answers to test that [Options] made training keep.
func (r *Run) Answers() (*score.Answers, error) { return r.files().answers() }

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
