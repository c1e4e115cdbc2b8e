package gonum

import (
	"fmt"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"

	"espalier/onnx"
	"espalier/runtime"
)

// Engine is the pure-Go engine. The zero value is ready for use. It is safe
// for concurrent use.
type Engine struct {
	// MaxMemory is the most bytes that the values of one run may take together,
	// and that parameters in other files may; a model that asks for more fails
	// with an error. 0 is DefaultMaxMemory.
	MaxMemory int

	once      sync.Once
	operators map[string]forms // of every file that is opened, made for the first
}

var _ runtime.Engine = (*Engine)(nil)

// New returns the engine.
func New() *Engine { return &Engine{} }

// Name returns "gonum".
func (*Engine) Name() string { return "gonum" }

// Open prepares a model. A provider other than the CPU is refused, as is a
// profile, which this engine cannot write. Every level of optimisation means
// the same here, and results depend neither on timing nor on Threads.
func (e *Engine) Open(model []byte, opts runtime.Options) (runtime.Session, error) {
	m, err := decode(model)
	if err != nil {
		return nil, err
	}
	if err := onnx.LoadExternal(m, opts.Folder, int64(e.limit())); err != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrModel, err)
	}
	return e.prepare(m, opts)
}

// kernels returns all operators, which are the same for every file.
func (e *Engine) kernels() map[string]forms {
	e.once.Do(func() { e.operators = kernels() })
	return e.operators
}

// limit is the most bytes that a run's values may take, and those of parameters
// in other files.
func (e *Engine) limit() int {
	if e.MaxMemory <= 0 {
		return DefaultMaxMemory
	}
	return e.MaxMemory
}

func (e *Engine) prepare(m *onnx.Model, opts runtime.Options) (runtime.Session, error) {
	if err := checkOptions(opts); err != nil {
		return nil, err
	}
	widenHalves(m.Graph)
	p, err := newPlan(m, e.kernels())
	if err != nil {
		return nil, err
	}
	s := newSession(p, m)
	s.asked = opts.Providers
	s.memories.limit, s.memories.threads = e.limit(), opts.Threads
	if s.memories.threads == 0 {
		s.memories.threads = goruntime.GOMAXPROCS(0)
	}
	return s, nil
}

func checkOptions(opts runtime.Options) error {
	for _, p := range opts.Providers {
		if !strings.EqualFold(p.Name, "CPU") && !p.Optional {
			return fmt.Errorf("%w: the pure-Go engine has no provider %q; it runs on the CPU", runtime.ErrUnsupported, p.Name)
		}
	}
	switch opts.Optimization {
	case "", "all", "extended", "basic", "none":
	default:
		return fmt.Errorf("optimization %q is not one of all, extended, basic, none", opts.Optimization)
	}
	if opts.Threads < 0 || opts.InterOp < 0 {
		return fmt.Errorf("threads are %d and %d, they cannot be negative", opts.Threads, opts.InterOp)
	}
	if opts.Profile != "" {
		return fmt.Errorf("%w: the pure-Go engine writes no profile; leave it empty", runtime.ErrUnsupported)
	}
	return nil
}

// OpenFile reads a file and opens it. Elements kept in other files are read
// from the model's folder; a location outside of it is an error.
func (e *Engine) OpenFile(path string, opts runtime.Options) (runtime.Session, error) {
	s, err := e.openFile(path, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (e *Engine) openFile(path string, opts runtime.Options) (runtime.Session, error) {
	data, err := onnx.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if opts.Folder == "" {
		opts.Folder = filepath.Dir(path)
	}
	return e.Open(data, opts)
}

// Unsupported lists the operators of the model that the engine lacks, in the
// version that the model's operator sets have. An operator set that the engine
// does not know is an error.
func (e *Engine) Unsupported(model []byte) ([]string, error) {
	m, err := decode(model)
	if err != nil {
		return nil, err
	}
	l, err := newLibrary(m, e.kernels())
	if err != nil {
		return nil, err
	}
	return l.unsupported(m), nil
}

// decode copies the bytes first: the decoded tensors look into them, and the
// caller may reuse the slice.
func decode(model []byte) (*onnx.Model, error) {
	m, err := onnx.Decode(append([]byte{}, model...), onnx.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrModel, err)
	}
	return m, nil
}
