package gonum

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// session is an opened model.
type session struct {
	plan     *plan
	metadata map[string]string
	memories memories
	asked    []runtime.Provider

	mu     sync.RWMutex // held for reading by runs, for writing by Close
	closed bool
}

func newSession(p *plan, m *onnx.Model) *session {
	s := &session{plan: p, metadata: map[string]string{}}
	for _, pair := range m.Metadata {
		s.metadata[pair.Key] = pair.Value
	}
	return s
}

func (s *session) Inputs() []runtime.ValueInfo  { return copied(s.plan.inputs) }
func (s *session) Outputs() []runtime.ValueInfo { return copied(s.plan.outputs) }

func (s *session) Metadata() map[string]string { return maps.Clone(s.metadata) }

// Providers says that this is the CPU, whatever else was asked for.
func (s *session) Providers() []runtime.ProviderState {
	var states []runtime.ProviderState
	for _, p := range s.asked {
		if !strings.EqualFold(p.Name, "CPU") {
			states = append(states, runtime.ProviderState{Name: p.Name, Reason: fmt.Errorf("%w: it is pure Go", runtime.ErrUnsupported)})
		}
	}
	return append(states, runtime.ProviderState{Name: "CPU", Used: true})
}

// copied keeps what a caller does to a declaration from the session.
func copied(infos []runtime.ValueInfo) []runtime.ValueInfo {
	out := slices.Clone(infos)
	for i := range out {
		out[i].Shape = slices.Clone(out[i].Shape)
	}
	return out
}

func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *session) Run(ctx context.Context, inputs, outputs []runtime.Named) error {
	b, err := s.bind(inputs, outputs)
	if err != nil {
		return err
	}
	if err := b.Run(ctx); err != nil {
		return err
	}
	for i := range outputs {
		outputs[i].Tensor = b.results[i]
	}
	return nil
}

func (s *session) Bind(inputs, outputs []runtime.Named) (runtime.Binding, error) {
	return s.bind(inputs, outputs)
}

func (s *session) bind(inputs, outputs []runtime.Named) (*binding, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, runtime.ErrClosed
	}
	if len(outputs) == 0 {
		return nil, fmt.Errorf("%w: no output is asked for", runtime.ErrInput)
	}
	b := &binding{session: s, inputs: map[string]*tensor.Tensor{}, outputs: map[string]int{}}
	for i, o := range outputs {
		if _, twice := b.outputs[o.Name]; twice {
			return nil, fmt.Errorf("%w: output %q is named twice", runtime.ErrInput, o.Name)
		}
		if err := s.fitsOutput(o.Name, o.Tensor); err != nil {
			return nil, err
		}
		b.outputs[o.Name] = i
		b.names = append(b.names, o.Name)
		b.given = append(b.given, o.Tensor)
	}
	b.results = make([]*tensor.Tensor, len(outputs))
	slots := make([]int, len(b.names))
	for i, name := range b.names {
		if slots[i] = s.plan.find(name); slots[i] < 0 {
			return nil, fmt.Errorf("%w: the model has no output %q", runtime.ErrInput, name)
		}
	}
	b.schedule = s.plan.schedule(slots)
	for _, in := range inputs {
		if _, twice := b.inputs[in.Name]; twice {
			return nil, fmt.Errorf("%w: input %q is named twice", runtime.ErrInput, in.Name)
		}
		if err := b.setInput(in.Name, in.Tensor); err != nil {
			return nil, err
		}
	}
	for _, v := range s.plan.inputs {
		if b.schedule.needs[s.plan.slots[v.Name]] && b.inputs[v.Name] == nil {
			return nil, fmt.Errorf("%w: input %q is missing", runtime.ErrInput, v.Name)
		}
	}
	return b, nil
}

// fitsOutput checks that an output exists and that a given tensor has its type.
func (s *session) fitsOutput(name string, t *tensor.Tensor) error {
	for _, v := range s.plan.outputs {
		if v.Name != name {
			continue
		}
		if t != nil && v.DType != tensor.Undefined && t.DType() != v.DType {
			return fmt.Errorf("%w: output %q is given as %v, the model computes %v", runtime.ErrInput, name, t, v.DType)
		}
		return nil
	}
	return fmt.Errorf("%w: the model has no output %q", runtime.ErrInput, name)
}

func (s *session) input(name string) *runtime.ValueInfo {
	for i := range s.plan.inputs {
		if s.plan.inputs[i].Name == name {
			return &s.plan.inputs[i]
		}
	}
	return nil
}

// binding is a prepared call.
type binding struct {
	session  *session
	schedule *schedule
	inputs   map[string]*tensor.Tensor
	outputs  map[string]int
	names    []string         // of the outputs
	given    []*tensor.Tensor // nil where the engine allocates
	results  []*tensor.Tensor
	closed   bool
}

func (b *binding) SetInput(name string, t *tensor.Tensor) error {
	if err := b.open(); err != nil {
		return err
	}
	return b.setInput(name, t)
}

// open reports whether the binding and its session are.
func (b *binding) open() error {
	b.session.mu.RLock()
	defer b.session.mu.RUnlock()
	if b.closed || b.session.closed {
		return runtime.ErrClosed
	}
	return nil
}

func (b *binding) setInput(name string, t *tensor.Tensor) error {
	v := b.session.input(name)
	if v == nil {
		return fmt.Errorf("%w: the model has no input %q", runtime.ErrInput, name)
	}
	if err := fitsDeclaration(v, t); err != nil {
		return err
	}
	b.inputs[name] = t
	return nil
}

func fitsDeclaration(v *runtime.ValueInfo, t *tensor.Tensor) error {
	if t == nil {
		return fmt.Errorf("%w: input %q is nil", runtime.ErrInput, v.Name)
	}
	if t.DType() != v.DType {
		return fmt.Errorf("%w: input %q is %v, the model takes %v", runtime.ErrInput, v.Name, t.DType(), v.DType)
	}
	if v.Shape == nil {
		return nil
	}
	if t.Rank() != len(v.Shape) {
		return fmt.Errorf("%w: input %q has shape %v, the model takes rank %d", runtime.ErrInput, v.Name, t.Shape(), len(v.Shape))
	}
	for i, d := range v.Shape {
		if d.Size >= 0 && d.Size != t.Shape()[i] {
			return fmt.Errorf("%w: input %q has shape %v, the model takes %d in dimension %d", runtime.ErrInput, v.Name, t.Shape(), d.Size, i)
		}
	}
	return nil
}

func (b *binding) SetOutput(name string, t *tensor.Tensor) error {
	if err := b.open(); err != nil {
		return err
	}
	i, ok := b.outputs[name]
	if !ok {
		return fmt.Errorf("%w: output %q is not bound", runtime.ErrInput, name)
	}
	if err := b.session.fitsOutput(name, t); err != nil {
		return err
	}
	b.given[i] = t
	return nil
}

func (b *binding) Output(name string) (*tensor.Tensor, error) {
	if err := b.open(); err != nil {
		return nil, err
	}
	i, ok := b.outputs[name]
	if !ok {
		return nil, fmt.Errorf("%w: output %q is not bound", runtime.ErrInput, name)
	}
	if b.results[i] == nil {
		return nil, fmt.Errorf("%w: output %q was not computed yet", runtime.ErrInput, name)
	}
	return b.results[i], nil
}

func (b *binding) Close() error {
	b.closed = true
	return nil
}

func (b *binding) Run(ctx context.Context) error {
	s := b.session
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed || b.closed {
		return runtime.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m := s.memories.get()
	defer s.memories.put(m)
	r := newRunner(ctx, b.schedule, m)
	for name, t := range b.inputs {
		r.table[s.plan.slots[name]] = t
	}
	if err := r.run(); err != nil {
		return err
	}
	return b.collect(r.table, m)
}

// handOver returns a tensor that the caller may keep: the value itself, or a
// copy where something else looks at its memory.
func (m *memory) handOver(t *tensor.Tensor) (*tensor.Tensor, error) {
	if key, owned := m.key(t); owned && m.shared[key] == 0 {
		return t, nil
	}
	if t.Len() == 0 {
		return tensor.New(t.DType(), t.Shape()...)
	}
	return t.Clone(), nil
}

// collect hands out the results: into the tensors that were given, else as
// they are, copied where they look at memory that is not the caller's.
func (b *binding) collect(table []*tensor.Tensor, m *memory) error {
	for i, slot := range b.schedule.outputs {
		got, to := table[slot], b.given[i]
		switch {
		case got == nil:
			return fmt.Errorf("%w: output %q needs an input that was not given", runtime.ErrInput, b.names[i])
		case to == nil:
			result, err := m.handOver(got)
			if err != nil {
				return err
			}
			b.results[i] = result
		case to.DType() != got.DType() || !to.Shape().Equal(got.Shape()):
			return fmt.Errorf("%w: output %q is given as %v, the model computes %v", runtime.ErrInput, b.names[i], to, got)
		default:
			if err := copyBy(got, to, stridesOf(got.Shape()), 0); err != nil {
				return err
			}
			b.results[i] = to
			m.release(got)
		}
	}
	return nil
}
