//go:build cgo

package ort

import (
	"context"
	"fmt"
	goruntime "runtime"
	"slices"

	"espalier/runtime"
	"espalier/tensor"
)

// bound is a call that stays prepared between runs.
type bound struct{ call *call }

// lock holds the session open while the binding is at work; a binding has one
// goroutine, but its session may be closed from another.
func (b *bound) lock() (unlock func(), err error) {
	if b.call == nil {
		return nil, runtime.ErrClosed
	}
	s := b.call.session
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return nil, runtime.ErrClosed
	}
	return s.mu.RUnlock, nil
}

// Run computes the bound outputs.
func (b *bound) Run(ctx context.Context) error {
	if b.call == nil {
		return runtime.ErrClosed
	}
	s := b.call.session
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return runtime.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("run not begun: %w", err)
	}
	err := b.call.run(ctx)
	goruntime.KeepAlive(b)
	return err
}

// SetInput replaces a bound input.
func (b *bound) SetInput(name string, t *tensor.Tensor) error {
	unlock, err := b.lock()
	if err != nil {
		return err
	}
	defer unlock()
	i := slices.IndexFunc(b.call.inputs, func(in slot) bool { return in.info.Name == name })
	if i < 0 {
		return fmt.Errorf("%w: no input %q is bound", runtime.ErrInput, name)
	}
	return b.call.setInput(i, t)
}

// SetOutput replaces a bound output.
func (b *bound) SetOutput(name string, t *tensor.Tensor) error {
	unlock, err := b.lock()
	if err != nil {
		return err
	}
	defer unlock()
	i := slices.IndexFunc(b.call.outputs, func(out slot) bool { return out.info.Name == name })
	if i < 0 {
		return fmt.Errorf("%w: no output %q is bound", runtime.ErrInput, name)
	}
	return b.call.setOutput(i, t)
}

// Output returns the tensor of an output after Run.
func (b *bound) Output(name string) (*tensor.Tensor, error) {
	if b.call == nil {
		return nil, runtime.ErrClosed
	}
	for i := range b.call.outputs {
		if out := &b.call.outputs[i]; out.info.Name == name {
			if out.result == nil {
				return nil, fmt.Errorf("output %q has not been computed: call Run first", name)
			}
			return out.result, nil
		}
	}
	return nil, fmt.Errorf("%w: no output %q is bound", runtime.ErrInput, name)
}

// Close releases the call's native values and unpins its tensors.
func (b *bound) Close() error {
	if b.call == nil {
		return nil
	}
	goruntime.SetFinalizer(b, nil)
	b.call.release()
	b.call = nil
	return nil
}
