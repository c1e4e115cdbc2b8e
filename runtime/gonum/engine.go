package gonum

import (
	"fmt"
	"os"

	"espalier/onnx"
	"espalier/runtime"
)

// Engine is the pure-Go engine. It is safe for concurrent use.
type Engine struct{}

var _ runtime.Engine = (*Engine)(nil)

// New returns the engine.
func New() *Engine { return &Engine{} }

// Name returns "gonum".
func (*Engine) Name() string { return "gonum" }

// Open prepares a model. Of the options only the defaults mean anything here:
// a provider other than the CPU is refused, threads and optimisation are not
// the engine's to choose, and results never depend on timing.
func (*Engine) Open(model []byte, opts runtime.Options) (runtime.Session, error) {
	for _, p := range opts.Providers {
		if p.Name != "CPU" {
			return nil, fmt.Errorf("%w: the pure-Go engine has no provider %q; it runs on the CPU", runtime.ErrUnsupported, p.Name)
		}
	}
	switch opts.Optimization {
	case "", "all", "extended", "basic", "none":
	default:
		return nil, fmt.Errorf("optimization %q is not one of all, extended, basic, none", opts.Optimization)
	}
	if opts.Threads < 0 || opts.InterOp < 0 {
		return nil, fmt.Errorf("threads are %d and %d, they cannot be negative", opts.Threads, opts.InterOp)
	}
	m, err := decode(model)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(m)
	if err != nil {
		return nil, err
	}
	return newSession(p, m), nil
}

// OpenFile reads a file and opens it.
func (e *Engine) OpenFile(path string, opts runtime.Options) (runtime.Session, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s, err := e.Open(data, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Unsupported lists the operators of the model that the engine lacks.
func (*Engine) Unsupported(model []byte) ([]string, error) {
	m, err := decode(model)
	if err != nil {
		return nil, err
	}
	return unsupported(m), nil
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
