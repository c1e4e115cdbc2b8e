//go:build cgo

package ort

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"

	binding "github.com/yalue/onnxruntime_go"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/ort/internal/native"
)

// Engine opens models with ONNX Runtime. It is safe for concurrent use and
// needs no closing: the library stays loaded for the life of the process.
type Engine struct {
	library string
	version string
	spin    Spin
}

var _ runtime.Engine = (*Engine)(nil)

// Open finds and loads the library. Its errors wrap [runtime.ErrLibrary] and
// say where it looked and what to do.
func Open(c Config) (*Engine, error) {
	found := Find(c.Library)
	if found.Path == "" {
		return nil, found.missing()
	}
	version, err := load(found.Path)
	if err != nil {
		return nil, err
	}
	return &Engine{library: found.Path, version: version, spin: c.Spin}, nil
}

// Name returns "ort".
func (e *Engine) Name() string { return "ort" }

// Library returns the path of the library in use.
func (e *Engine) Library() string { return e.library }

// Version returns the version the library gives itself.
func (e *Engine) Version() string { return e.version }

// Open prepares a model given as the bytes of a file. The error carries ORT's
// own text and wraps [runtime.ErrModel] for a file that is no model and
// [runtime.ErrUnsupported] for one with an operator that ORT lacks.
//
// Tensors that the model keeps in other files are read from opts.Folder, and
// from nowhere else.
func (e *Engine) Open(model []byte, opts runtime.Options) (runtime.Session, error) {
	if len(model) == 0 {
		return nil, fmt.Errorf("%w: it is empty", runtime.ErrModel)
	}
	external, err := checkExternal(model, opts.Folder)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrModel, err)
	}
	return e.open(opts, func(o *binding.SessionOptions) (*binding.DynamicAdvancedSession, error) {
		if external {
			if err := o.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", opts.Folder); err != nil {
				return nil, err
			}
		}
		return binding.NewDynamicAdvancedSessionWithONNXData(model, nil, nil, o)
	})
}

// checkExternal reports whether a model has tensors in other files, and whether
// all of them are in the folder: ORT itself would follow a path anywhere, or
// look in the working directory.
func checkExternal(model []byte, folder string) (bool, error) {
	if !bytes.Contains(model, []byte("location")) {
		return false, nil // no such tensor can do without this key
	}
	m, err := onnx.Decode(model, onnx.Limits{})
	if err != nil {
		return false, err
	}
	n, err := onnx.CheckExternal(m, folder)
	return n > 0, err
}

// OpenFile prepares a model from a path. Tensors that the file keeps in other
// files are read from beside it.
func (e *Engine) OpenFile(path string, opts runtime.Options) (runtime.Session, error) {
	data, err := onnx.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if opts.Folder == "" {
		opts.Folder = filepath.Dir(path)
	}
	s, err := e.Open(data, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (e *Engine) open(opts runtime.Options, create func(*binding.SessionOptions) (*binding.DynamicAdvancedSession, error)) (runtime.Session, error) {
	o, err := binding.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrLibrary, err)
	}
	if err := e.configure(o, opts); err != nil {
		return nil, errors.Join(fmt.Errorf("session options: %w", err), o.Destroy())
	}
	created, err := create(o)
	if err := errors.Join(openError(err), o.Destroy()); err != nil {
		return nil, err
	}
	s, err := newSession(created)
	if err != nil {
		return nil, errors.Join(err, created.Destroy())
	}
	return s, nil
}

// configure translates the options. Run errors are returned, so ORT's own log
// is quiet up to fatal conditions.
func (e *Engine) configure(o *binding.SessionOptions, opts runtime.Options) error {
	if opts.Threads < 0 || opts.InterOp < 0 {
		return fmt.Errorf("%d threads and %d operators side by side: neither may be negative", opts.Threads, opts.InterOp)
	}
	level, err := optimization(opts.Optimization)
	if err != nil {
		return err
	}
	steps := []error{
		o.SetLogSeverityLevel(binding.LoggingLevelFatal),
		o.SetGraphOptimizationLevel(level),
		o.SetIntraOpNumThreads(opts.Threads),
		e.configureSpin(o),
	}
	if opts.InterOp > 1 {
		steps = append(steps, o.SetExecutionMode(binding.ExecutionModeParallel), o.SetInterOpNumThreads(opts.InterOp))
	}
	if opts.Profile != "" {
		steps = append(steps, o.EnableProfiling(opts.Profile))
	}
	if opts.Deterministic {
		steps = append(steps, deterministic(o))
	}
	for _, p := range opts.Providers {
		steps = append(steps, appendProvider(o, p))
	}
	return errors.Join(steps...)
}

func optimization(level string) (binding.GraphOptimizationLevel, error) {
	switch level {
	case "", "all":
		return binding.GraphOptimizationLevelEnableAll, nil
	case "extended":
		return binding.GraphOptimizationLevelEnableExtended, nil
	case "basic":
		return binding.GraphOptimizationLevelEnableBasic, nil
	case "none":
		return binding.GraphOptimizationLevelDisableAll, nil
	}
	return 0, fmt.Errorf("optimization %q is none of all, extended, basic, none", level)
}

// configureSpin sets ORT's configuration keys for waiting threads.
func (e *Engine) configureSpin(o *binding.SessionOptions) error {
	const (
		intraOp = "session.intra_op.allow_spinning"
		interOp = "session.inter_op.allow_spinning"
		stop    = "session.force_spinning_stop" // when the last running call returns
	)
	switch e.spin {
	case SpinNever:
		return errors.Join(o.AddSessionConfigEntry(intraOp, "0"), o.AddSessionConfigEntry(interOp, "0"))
	case SpinInRun:
		return o.AddSessionConfigEntry(stop, "1")
	}
	return nil
}

func deterministic(o *binding.SessionOptions) error {
	p, err := handle(o, "o")
	if err != nil {
		return err
	}
	return native.SetDeterministic(p)
}
