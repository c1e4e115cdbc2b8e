package gonum

import (
	"context"
	"fmt"
	"slices"

	"espalier/runtime"
	"espalier/tensor"
)

// binding is a prepared call. It is for one goroutine at a time.
type binding struct {
	session *session
	*arrangement
	closed bool
}

// enter fails when the binding or its session is closed; leave must follow
// otherwise.
func (b *binding) enter() error {
	b.session.mu.RLock()
	if b.closed || b.session.closed {
		b.session.mu.RUnlock()
		return fmt.Errorf("gonum: binding: %w", runtime.ErrClosed)
	}
	return nil
}

func (b *binding) leave() { b.session.mu.RUnlock() }

// Run computes the bound outputs. It allocates nothing where outputs are given
// and shapes are those of an earlier run.
func (b *binding) Run(ctx context.Context) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	return b.run(ctx)
}

// SetInput replaces the tensor of an input.
func (b *binding) SetInput(name string, t *tensor.Tensor) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	p := b.session.plan
	if err := p.fitsInput(name, t); err != nil {
		return fmt.Errorf("gonum: %w", err)
	}
	if slot, read := p.slots[name]; read {
		b.inputs[slot] = t
	}
	return nil
}

// SetOutput replaces the tensor of a bound output; nil has it allocated.
func (b *binding) SetOutput(name string, t *tensor.Tensor) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	i, err := b.bound(name)
	if err != nil {
		return err
	}
	if err := b.session.plan.fitsOutput(name, t); err != nil {
		return fmt.Errorf("gonum: %w", err)
	}
	b.outputs[i] = t
	return nil
}

// bound finds an output among those the binding computes.
func (b *binding) bound(name string) (int, error) {
	slot, ok := b.session.plan.slots[name]
	i := slices.Index(b.prog.outputs, slot)
	if !ok || i < 0 || b.session.plan.outputs[name] == nil {
		return 0, fmt.Errorf("gonum: %w: output %q is not bound", runtime.ErrInput, name)
	}
	return i, nil
}

// Output returns the tensor of a bound output after the last Run.
func (b *binding) Output(name string) (*tensor.Tensor, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.leave()
	i, err := b.bound(name)
	if err != nil {
		return nil, err
	}
	if b.results[i] == nil {
		return nil, fmt.Errorf("gonum: output %q has not been computed; call Run first", name)
	}
	return b.results[i], nil
}

// Close lets go of the tensors. Closing again does nothing.
func (b *binding) Close() error {
	b.session.mu.RLock()
	defer b.session.mu.RUnlock()
	if !b.closed {
		b.closed = true
		b.arrangement = nil
	}
	return nil
}
