package espalier

import (
	"context"
	"fmt"
	"path/filepath"

	"espalier/export"
	"espalier/export/verify"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/train/score"
)

// Summary is what an exported file says about its training.
type Summary struct {
	Recipe string       `json:"recipe"`
	Engine string       `json:"engine,omitempty"`
	Epoch  int          `json:"epoch,omitempty"`
	Seed   int          `json:"seed"`
	Valid  score.Scores `json:"valid,omitempty"`
	Test   score.Scores `json:"test,omitempty"`
}

// ExportOptions say what a file is to hold.
type ExportOptions struct {
	// Heads are the tasks to keep; empty means all.
	Heads []string
	// Input is "ids" (the default) or "text"; see [export.Options].
	Input string
	// Format is how the file is written; its Heads, Input and Training are not
	// read, those here are.
	Format export.Options
	// External puts tensors of at least so many bytes into a second file beside
	// the model; 0 keeps all in one, but where they are more than one file can hold,
	// [export.MaxBytes].
	External int
	// Log is told what is not as it was asked for; it may be nil.
	Log func(format string, args ...any)
	// Triton, where it is set, is the name of the model in a repository of
	// NVIDIA's Triton Inference Server, and path the repository's folder.
	Triton string
	// Engines run the file to verify it; the first runs the trainer's own
	// program, too. Engines after the first may lack operators of the file.
	Engines []runtime.Engine
}

// Export writes the run's best parameters as one ONNX file, whole or not at
// all, and holds the file against the trainer on every engine. A file that is
// further from the trainer than the bound is an error; it stays for inspection.
func (r *Run) Export(ctx context.Context, path string, o ExportOptions) (*verify.Report, error) {
	if len(o.Engines) == 0 {
		return nil, fmt.Errorf("export: no engine is given to verify the file with")
	}
	values, err := r.Parameters()
	if err != nil {
		return nil, err
	}
	outcome, err := r.Outcome()
	if err != nil {
		return nil, err
	}
	summary := Summary{Recipe: r.Recipe.Name, Seed: r.Recipe.Train.Seed}
	if outcome != nil {
		summary.Engine, summary.Epoch, summary.Valid, summary.Test = outcome.Engine, outcome.Best, outcome.Valid, outcome.Test
	}
	format := o.Format
	format.Heads, format.Input, format.Training = o.Heads, o.Input, summary
	m, adapters, err := export.Files(r.Model, values, r.Vocabulary, format)
	if err != nil {
		return nil, err
	}
	if path, err = o.write(path, m); err != nil {
		return nil, err
	}
	verifying := verify.Options{Engines: o.Engines}
	for _, a := range adapters {
		at := a.AdapterPath(path)
		if err := export.WriteAdapter(at, a.Content); err != nil {
			return nil, err
		}
		verifying.Adapters = append(verifying.Adapters, at)
	}
	if format.Half {
		verifying.Bound = halfBound
	}
	report, err := r.Verify(ctx, path, verifying)
	if err != nil {
		return nil, err
	}
	if !report.OK() {
		return report, fmt.Errorf("%s differs from the trainer by more than %g", path, report.Bound)
	}
	return report, nil
}

// Verify holds a file that the run was exported to against the trainer with the
// run's best parameters, which is the options' Reference.
func (r *Run) Verify(ctx context.Context, path string, o verify.Options) (*verify.Report, error) {
	if len(o.Engines) == 0 {
		return nil, fmt.Errorf("verify: no engine is given")
	}
	t, err := r.Trainer(o.Engines[0])
	if err != nil {
		return nil, err
	}
	defer t.Close()
	o.Reference = t.Answers
	return verify.File(ctx, path, o)
}

// halfBound is the largest difference that passes where parameters were rounded
// to float16, whose numbers are 2^-11 apart.
const halfBound = 2e-2

// write writes the file, or the folders and files that it is, and returns the
// model's path.
func (o *ExportOptions) write(path string, m *onnx.Model) (string, error) {
	if o.Triton != "" {
		model, config, err := export.Triton(path, o.Triton, m)
		if err == nil {
			err = export.WriteTritonConfig(model, config)
		}
		if err != nil {
			return "", err
		}
		path = model
	}
	data, err := export.Save(path, m, o.External, 0)
	if err == nil && data != "" && o.External <= 0 && o.Log != nil {
		o.Log("the parameters are more than the 2 GiB that one ONNX file can hold: they are in %s beside %s, and both files are needed", data, filepath.Base(path))
	}
	return path, err
}
