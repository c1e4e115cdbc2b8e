//go:build cgo

package ort

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"

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
	limit   int64 // of memory, the process's; 0 is none
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
	if err := limitMemory(c.MaxMemory); err != nil {
		return nil, err
	}
	return &Engine{library: found.Path, version: version, spin: c.Spin, limit: c.MaxMemory}, nil
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
	external, err := e.check(model, opts.Folder)
	if err == nil && e.limit > 0 {
		err = checkTexts(model)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrModel, err)
	}
	if external {
		opts.Config = maps.Clone(opts.Config)
		if opts.Config == nil {
			opts.Config = map[string]string{}
		}
		opts.Config["session.model_external_initializers_file_folder_path"] = opts.Folder
	} else if opts.Cache != "" {
		return e.openCached(model, opts)
	}
	return e.open(model, opts)
}

// maxNodes bounds a graph with its functions written out: ORT infers types in
// each use of each function anew.
const maxNodes = 1_000_000

// check looks at what ORT takes as it comes: tensors in other files, for which
// it would follow a path anywhere, or look in the working directory, and
// functions. It reports whether there are such tensors. Other files are left to
// ORT's own reading.
func (e *Engine) check(model []byte, folder string) (external bool, err error) {
	// No external tensor can do without this key.
	if !bytes.Contains(model, []byte("location")) && !onnx.HasFunctions(model) {
		return false, nil
	}
	m, err := onnx.Decode(model, onnx.Limits{})
	if err != nil {
		return false, err
	}
	if err := onnx.CheckFunctions(m, maxNodes); err != nil {
		return false, err
	}
	most := e.limit
	if most == 0 {
		most = math.MaxInt64
	}
	n, err := onnx.CheckExternal(m, folder, most)
	return n > 0, err
}

// checkTexts refuses the operator by which a few nodes make any amount of text:
// ORT keeps texts beside its arena, and joins those that do not change when it
// opens a model, which nothing can stop.
func checkTexts(model []byte) error {
	const op = "StringConcat"
	if !bytes.Contains(model, []byte(op)) {
		return nil
	}
	m, err := onnx.Decode(model, onnx.Limits{})
	if err != nil {
		return err
	}
	if onnx.HasOperator(m, op) {
		return fmt.Errorf("%s makes texts that ONNX Runtime's limit of memory does not count; run the model in pure Go or, if it is to be trusted, without Config.MaxMemory", op)
	}
	return nil
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

// open tries the providers as they were asked for. Where that fails and some are
// optional, it tries without these.
func (e *Engine) open(model []byte, opts runtime.Options) (runtime.Session, error) {
	s, err := e.create(model, opts, nil)
	if err == nil || errors.Is(err, runtime.ErrUnsupported) {
		return s, err
	}
	required := slices.DeleteFunc(slices.Clone(opts.Providers), func(p runtime.Provider) bool { return p.Optional })
	if len(required) == len(opts.Providers) {
		return nil, err
	}
	if s, without := e.create(model, opts, err); without == nil {
		return s, nil
	}
	return nil, err
}

// create makes a session. With a reason, optional providers are not tried.
func (e *Engine) create(model []byte, opts runtime.Options, reason error) (runtime.Session, error) {
	created, states, err := e.bare(model, opts, reason, "")
	if err != nil {
		return nil, err
	}
	s, err := newSession(created)
	if err != nil {
		return nil, errors.Join(err, created.Destroy())
	}
	s.providers, s.runConfig = states, opts.RunConfig
	return s, nil
}

// bare makes the binding's session. Where a path is given, ORT writes the graph
// there as it has optimised it.
func (e *Engine) bare(model []byte, opts runtime.Options, reason error, path string) (
	created *binding.DynamicAdvancedSession, states []runtime.ProviderState, err error,
) {
	o, err := binding.NewSessionOptions()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", runtime.ErrLibrary, err)
	}
	defer func() { err = errors.Join(err, o.Destroy()) }()
	err = e.configure(o, opts)
	if err == nil {
		states, err = appendProviders(o, opts.Providers, reason)
	}
	if err == nil && path != "" {
		err = o.SetOptimizedModelFilePath(path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("session options: %w", err)
	}
	created, err = binding.NewDynamicAdvancedSessionWithONNXData(model, nil, nil, o)
	return created, states, openError(err)
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
		o.SetMemPattern(!opts.SaveMemory),
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
	if e.limit > 0 {
		const fold = "16777216" // more is computed at each run, not kept
		steps = append(steps, o.AddSessionConfigEntry("session.use_env_allocators", "1"),
			o.AddSessionConfigEntry("optimization.constant_folding_max_output_size_in_bytes", fold))
	}
	for _, key := range slices.Sorted(maps.Keys(opts.Config)) {
		steps = append(steps, o.AddSessionConfigEntry(key, opts.Config[key]))
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
