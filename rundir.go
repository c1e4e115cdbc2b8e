package espalier

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"espalier/input"
	"espalier/internal/atomicfile"
	"espalier/pretrained"
	"espalier/recipe"
	"espalier/safetensors"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/text"
	"espalier/train"
	"espalier/train/score"
)

// The files of a run directory. Each is whole or not there.
const (
	fileRecipe     = "recipe.yaml"            // the recipe with every default written out
	fileSchema     = "schema.json"            // tasks and labels
	fileVocabulary = "vocabulary.txt"         // one word a line, in id order
	fileTokenizer  = "tokenizer.json"         // in its place, where tokens are pieces of words
	fileEncoder    = "encoder.json"           // the config.json of a pretrained trunk
	filePooling    = "pooling.json"           // how its folder makes embeddings
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
	Valid  score.Scores `json:"valid"`
	Test   score.Scores `json:"test,omitempty"`
	// The shares of examples that are answered right as a whole, nil where none
	// has labels of all tasks, and of how many they are: see [score.Meter.Whole].
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

// ErrNoRun says that a directory holds no run.
var ErrNoRun = errors.New("not a run directory")

// directory is a run's folder. Its methods are the format: what each file holds, who
// reads it and who writes it. All writing goes through write, all reading through
// load.
type directory string

func (d directory) path(name string) string { return filepath.Join(string(d), name) }

// write writes a file, whole or not at all.
func (d directory) write(name string, content func(io.Writer) error) error {
	return atomicfile.WriteFile(d.path(name), content)
}

// writeBytes writes a file that is in memory.
func (d directory) writeBytes(name string, content []byte) error {
	return d.write(name, func(w io.Writer) error { _, err := w.Write(content); return err })
}

// load returns what a file holds. An error that is [fs.ErrNotExist] says that there
// is no such file.
func (d directory) load(name string) ([]byte, error) { return os.ReadFile(d.path(name)) }

// decode loads a file and decodes it; what is wrong with its content is told with
// its path.
func (d directory) decode(name string, decode func([]byte) error) error {
	content, err := d.load(name)
	if err != nil {
		return err
	}
	if err := decode(content); err != nil {
		return fmt.Errorf("%s: %w", d.path(name), err)
	}
	return nil
}

// holdsRun reports whether the folder is a run's: it has a recipe.
func (d directory) holdsRun() bool {
	_, err := os.Stat(d.path(fileRecipe))
	return err == nil
}

// begin makes the folder and writes what was learned of the data. It is no run
// before its recipe is written.
func (d directory) begin(s *schema.Schema, v *text.Vocabulary, encoder *pretrained.Config) error {
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return err
	}
	description, err := s.Encode()
	if err != nil {
		return err
	}
	if v != nil {
		words := fileVocabulary
		if v.Subwords() != nil {
			words = fileTokenizer
		}
		if err := d.write(words, func(w io.Writer) error { _, err := v.WriteTo(w); return err }); err != nil {
			return err
		}
	}
	if encoder != nil {
		if err := d.writeBytes(fileEncoder, encoder.JSON()); err != nil {
			return err
		}
		pooling, err := json.Marshal(encoder.Pooling)
		if err != nil {
			return err
		}
		if err := d.writeBytes(filePooling, append(pooling, '\n')); err != nil {
			return err
		}
	}
	return d.writeBytes(fileSchema, append(description, '\n'))
}

// recipe reads the recipe; an error that is [ErrNoRun] says that there is none.
func (d directory) recipe() (*recipe.Recipe, error) {
	content, err := d.load(fileRecipe)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is %w: it has no %s", string(d), ErrNoRun, fileRecipe)
	}
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	encoder, err := d.encoder()
	if err != nil {
		return nil, err
	}
	return recipe.ParseFor(d.path(fileRecipe), content, encoder)
}

// encoder reads the configuration of a pretrained trunk, nil where the run has none.
func (d directory) encoder() (c *pretrained.Config, err error) {
	err = d.decode(fileEncoder, func(b []byte) (err error) { c, err = pretrained.ParseConfig(b); return err })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = d.decode(filePooling, func(b []byte) error { return json.Unmarshal(b, &c.Pooling) })
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // it is the mean
	}
	return c, err
}

func (d directory) schema() (s *schema.Schema, err error) {
	err = d.decode(fileSchema, func(b []byte) (err error) { s, err = task.Decode(b); return err })
	return s, err
}

// vocabulary reads the words or subwords of a schema, nil for a model that has none.
func (d directory) vocabulary(s *schema.Schema) (v *text.Vocabulary, err error) {
	in := input.WithVocabulary(s)
	if in == nil {
		return nil, nil
	}
	name := fileVocabulary
	if in.Tokenizer == text.Subword {
		name = fileTokenizer
	}
	err = d.decode(name, func(b []byte) (err error) { v, err = input.Stored(in).Read(b); return err })
	return v, err
}

// tensors reads parameters or a state.
func (d directory) tensors(name string) (f *safetensors.File, err error) {
	err = d.decode(name, func(b []byte) (err error) { f, err = safetensors.Decode(b); return err })
	return f, err
}

func (d directory) writeTensors(name string, f *safetensors.File) error {
	return d.write(name, func(w io.Writer) error { return safetensors.Write(w, f) })
}

// parameters reads those of the best epoch.
func (d directory) parameters() (map[string]*tensor.Tensor, error) {
	f, err := d.tensors(fileParameters)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no parameters yet: no epoch was finished", string(d))
	}
	if err != nil {
		return nil, err
	}
	return f.Tensors, nil
}

func (d directory) writeParameters(values map[string]*tensor.Tensor) error {
	return d.writeTensors(fileParameters, &safetensors.File{Tensors: values})
}

// log reads the epochs' lines; before the first there are none.
func (d directory) log() (epochs []train.Epoch, err error) {
	err = d.decode(fileLog, func(content []byte) error {
		for in := json.NewDecoder(bytes.NewReader(content)); ; {
			var e train.Epoch
			if err := in.Decode(&e); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			epochs = append(epochs, e)
		}
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return epochs, nil
}

// appendLog adds a line and drops lines of epochs that are run again.
func (d directory) appendLog(e train.Epoch) error {
	epochs, err := d.log()
	if err != nil {
		return err
	}
	for len(epochs) > 0 && epochs[len(epochs)-1].Epoch >= e.Epoch {
		epochs = epochs[:len(epochs)-1]
	}
	return d.write(fileLog, func(w io.Writer) error {
		out := json.NewEncoder(w)
		for _, e := range append(epochs, e) {
			if err := out.Encode(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// answers reads the answers to test, where they were kept.
func (d directory) answers() (*score.Answers, error) {
	var a score.Answers
	err := d.decode(fileAnswers, func(b []byte) error { return json.Unmarshal(b, &a) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no answers to test: they are kept only where training is told to", string(d))
	}
	if err != nil {
		return nil, err
	}
	a.Unpad() // earlier versions kept rows as long as their batch
	return &a, nil
}

func (d directory) writeAnswers(a *score.Answers) error {
	return d.write(fileAnswers, func(w io.Writer) error { return json.NewEncoder(w).Encode(a) })
}

// outcome reads how the run ended, nil when it has not.
func (d directory) outcome() (*Outcome, error) {
	var o Outcome
	err := d.decode(fileResult, func(b []byte) error { return json.Unmarshal(b, &o) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &o, nil
}

func (d directory) writeOutcome(o *Outcome) error {
	return d.write(fileResult, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(o)
	})
}
