package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"espalier"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/train"
)

// seedResult is what one run gave.
type seedResult struct {
	outcome espalier.Outcome
	epoch   float64 // seconds of the fastest epoch
	size    int64   // bytes of the exported file; of the first seed
}

// read returns a row's recipe with a seed, on one thread.
func (w row) read(seed int) (*recipe.Recipe, error) {
	r, err := recipe.Read(filepath.Join("examples", w.file()+".yaml"))
	if err != nil {
		return nil, err
	}
	if w.of != "" {
		if r, err = r.With(append([]string{"name=" + w.recipe}, w.settings...)...); err != nil {
			return nil, err
		}
	}
	if err := r.Set("train.seed", fmt.Sprint(seed)); err != nil {
		return nil, err
	}
	return r, r.Set("train.threads", "1")
}

// fit makes a run, or reads it where it is made already.
func fit(ctx context.Context, e runtime.Engine, row row, seed int, dir string) (*seedResult, error) {
	r, err := row.read(seed)
	if err != nil {
		return nil, err
	}
	resume, done, err := state(r, dir)
	if err != nil {
		return nil, err
	}
	if !done {
		fmt.Fprintf(os.Stderr, "%s, seed %d: training\n", row.recipe, seed)
		if _, _, err := espalier.Train(ctx, r, dir, espalier.Options{Engine: e, Resume: resume}); err != nil {
			return nil, err
		}
	}
	return finished(ctx, e, dir, seed == 1)
}

// finished reads a run that is finished, and the size of its file where that is
// asked for.
func finished(ctx context.Context, e runtime.Engine, dir string, size bool) (*seedResult, error) {
	out := &seedResult{}
	content, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err == nil {
		err = json.Unmarshal(content, &out.outcome)
	}
	if err != nil {
		return nil, err
	}
	if out.epoch, err = fastestEpoch(filepath.Join(dir, "log.jsonl")); err != nil || !size {
		return out, err
	}
	out.size, err = exported(ctx, e, dir)
	return out, err
}

// state says whether a run of the same recipe was begun or finished; one of
// another recipe is removed.
func state(r *recipe.Recipe, dir string) (begun, done bool, err error) {
	want, err := r.Marshal()
	if err != nil {
		return false, false, err
	}
	got, err := os.ReadFile(filepath.Join(dir, "recipe.yaml"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false, os.RemoveAll(dir)
	case err != nil:
		return false, false, err
	case !slices.Equal(got, want):
		return false, false, os.RemoveAll(dir)
	}
	_, err = os.Stat(filepath.Join(dir, "result.json"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "state.safetensors")); err != nil {
			return false, false, os.RemoveAll(dir) // stopped in the first epoch
		}
		return true, false, nil
	}
	return true, err == nil, err
}

func fastestEpoch(path string) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var seconds []float64
	for in := json.NewDecoder(f); in.More(); {
		var e train.Epoch
		if err := in.Decode(&e); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		seconds = append(seconds, e.Seconds)
	}
	if len(seconds) == 0 {
		return 0, fmt.Errorf("%s: there are no epochs", path)
	}
	return slices.Min(seconds), nil
}

// exported writes the run's file beside it, which compares it with the trainer,
// and returns its size.
func exported(ctx context.Context, e runtime.Engine, dir string) (int64, error) {
	run, err := espalier.OpenRun(dir)
	if err != nil {
		return 0, err
	}
	path := filepath.Join(dir, "model.onnx")
	if _, err := run.Export(ctx, path, espalier.ExportOptions{Engines: []runtime.Engine{e}}); err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
