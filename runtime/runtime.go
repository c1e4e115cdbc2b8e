// Package runtime says what it is to run an ONNX model: an [Engine] opens a
// model as a [Session], and a Session computes named outputs from named
// inputs. Packages ort (ONNX Runtime) and gonum (pure Go) are engines; package
// enginetest is the suite that both must pass.
package runtime

import (
	"context"
	"errors"

	"espalier/tensor"
)

// Errors that a caller can act on. Engines wrap them with what and where.
var (
	// ErrClosed is returned by every call on a closed session or binding.
	ErrClosed = errors.New("session is closed")
	// ErrLibrary is returned when an engine's native library is missing or
	// does not fit; the error that wraps it says what to do.
	ErrLibrary = errors.New("native library cannot be used")
	// ErrUnsupported is returned when a model needs what an engine lacks.
	ErrUnsupported = errors.New("model is not supported by this engine")
	// ErrModel is returned for a file that is not a well-formed model.
	ErrModel = errors.New("not a valid model")
	// ErrInput is returned when an input's name, type or shape does not fit.
	ErrInput = errors.New("input does not fit the model")
)

// Dim is one dimension of a declared input or output: a size, or -1 with the
// name the file gives it ("" where it gives none).
type Dim struct {
	Size int64
	Name string
}

// ValueInfo declares an input or output of a model. Shape is nil where the
// file leaves the rank open.
type ValueInfo struct {
	Name  string
	DType tensor.DType
	Shape []Dim
}

// Named pairs a tensor with the name of an input or output.
type Named = tensor.Named

// Options are settings of a session. The zero value is a good default.
type Options struct {
	// Threads is the number of threads one operator may use; 0 leaves it to
	// the engine (all cores).
	Threads int
	// InterOp is the number of operators that may run side by side; 0 is 1.
	InterOp int
	// Optimization is the graph optimisation level: "", "all", "extended",
	// "basic" or "none". Empty means "all".
	Optimization string
	// Providers are execution providers in order of preference, such as
	// {Name: "CUDA"}; empty means the CPU.
	Providers []Provider
	// Cache is a folder for the graph as ONNX Runtime has optimised it, so that
	// the next opening of the same model starts from there; "" is none. Models
	// with tensors in other files are not kept.
	Cache string
	// Config and RunConfig are settings of ONNX Runtime by its own keys, for the
	// session and for each of its runs. Pure Go has no use for these three.
	Config, RunConfig map[string]string
	// Deterministic asks for kernels whose results do not depend on timing.
	Deterministic bool
	// SaveMemory is for models whose values take much memory while they run. ONNX
	// Runtime then allocates each value by itself. Else, from the second run with the
	// same shapes on, it lays all of them out in one block, beside what the first run
	// took: that saves a small model a tenth of its time and costs a large one a third
	// of its memory. Pure Go has no use for it.
	SaveMemory bool
	// Folder is where tensors that a model keeps in other files are read from;
	// nothing outside of it is. OpenFile takes the file's own folder when it is
	// empty; without one, Open refuses such a model.
	Folder string
	// Profile is a file prefix: the engine writes its profile there on Close.
	Profile string
}

// Provider names an execution provider and its options.
type Provider struct {
	Name    string
	Options map[string]string
	// Optional lets the next provider, and in the end the CPU, take its place
	// where the library or the machine cannot use it; see [Reporter].
	Optional bool
}

// ProviderState is what became of a provider that was asked for.
type ProviderState struct {
	Name string
	Used bool
	// Reason is why it is not used.
	Reason error
}

// Reporter is a [Session] that says what it runs on.
type Reporter interface {
	// Providers returns the providers in the order in which they get the
	// graph's nodes: those asked for, and the CPU last.
	Providers() []ProviderState
}

// Engine opens models. It is safe for concurrent use.
type Engine interface {
	// Name is the engine's short name: "ort" or "gonum".
	Name() string
	// Open checks a model given as the bytes of an ONNX file and prepares it.
	// It does not keep the slice.
	Open(model []byte, opts Options) (Session, error)
	// OpenFile does the same from a path; data that the file keeps in other
	// files is looked for beside it.
	OpenFile(path string, opts Options) (Session, error)
	// Unsupported lists the operators of the model that the engine lacks, as
	// "domain.Op", sorted, without running anything.
	Unsupported(model []byte) ([]string, error)
}

// Session is an opened model. Run may be called from many goroutines at once.
// Close waits for running calls; it is idempotent.
type Session interface {
	Inputs() []ValueInfo
	Outputs() []ValueInfo
	// Metadata returns the file's metadata_props.
	Metadata() map[string]string
	// Run computes the outputs listed, and only those. An output whose Tensor
	// is nil is allocated by the engine, which sets the field; one that is
	// given is written in place and must have the type and shape the model
	// computes, else Run fails. Outputs must not share memory with inputs or
	// each other. All inputs that the outputs need must be given.
	// Cancelling ctx stops the run.
	Run(ctx context.Context, inputs, outputs []Named) error
	// Bind prepares a call that will be made many times with the same
	// tensors: running it again allocates nothing.
	Bind(inputs, outputs []Named) (Binding, error)
	Close() error
}

// Binding is a prepared call. It is for one goroutine at a time; make one per
// goroutine.
type Binding interface {
	// Run computes the bound outputs from the current elements of the bound
	// inputs.
	Run(ctx context.Context) error
	// SetInput and SetOutput replace one bound tensor. Its shape may differ
	// from the one before. A nil output tensor asks the engine to allocate it
	// anew at every Run.
	SetInput(name string, t *tensor.Tensor) error
	SetOutput(name string, t *tensor.Tensor) error
	// Output returns the tensor of an output after Run.
	Output(name string) (*tensor.Tensor, error)
	Close() error
}
