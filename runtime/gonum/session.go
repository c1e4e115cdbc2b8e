package gonum

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// session is an opened model. The lock is held for reading by every call under
// way, so that Close waits for them.
type session struct {
	plan            *plan
	inputs, outputs []runtime.ValueInfo
	metadata        map[string]string

	mu     sync.RWMutex
	closed bool
}

func newSession(m *onnx.Model, p *plan) *session {
	s := &session{plan: p, metadata: map[string]string{}}
	for _, v := range m.Graph.Inputs {
		if info := p.inputs[v.Name]; info != nil {
			s.inputs = append(s.inputs, *info)
		}
	}
	for _, v := range m.Graph.Outputs {
		s.outputs = append(s.outputs, *p.outputs[v.Name])
	}
	for _, kv := range m.Metadata {
		s.metadata[kv.Key] = kv.Value
	}
	return s
}

// Inputs returns the inputs as the file declares them, those with a default
// value left out.
func (s *session) Inputs() []runtime.ValueInfo { return copyInfos(s.inputs) }

// Outputs returns the outputs as the file declares them.
func (s *session) Outputs() []runtime.ValueInfo { return copyInfos(s.outputs) }

func copyInfos(infos []runtime.ValueInfo) []runtime.ValueInfo {
	out := slices.Clone(infos)
	for i := range out {
		out[i].Shape = slices.Clone(out[i].Shape)
	}
	return out
}

// Metadata returns the file's metadata_props.
func (s *session) Metadata() map[string]string { return maps.Clone(s.metadata) }

// Run computes the outputs listed and whatever they need, nothing else.
func (s *session) Run(ctx context.Context, inputs, outputs []runtime.Named) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return fmt.Errorf("gonum: run: %w", runtime.ErrClosed)
	}
	c, err := s.plan.arrange(inputs, outputs)
	if err != nil {
		return fmt.Errorf("gonum: %w", err)
	}
	if err := c.run(ctx); err != nil {
		return err
	}
	for i, t := range c.results {
		outputs[i].Tensor = t
	}
	return nil
}

// Bind prepares a call. The binding takes the program's memory with it.
func (s *session) Bind(inputs, outputs []runtime.Named) (runtime.Binding, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, fmt.Errorf("gonum: bind: %w", runtime.ErrClosed)
	}
	c, err := s.plan.arrange(inputs, outputs)
	if err != nil {
		return nil, fmt.Errorf("gonum: %w", err)
	}
	return &binding{session: s, arrangement: c}, nil
}

// Close waits for calls under way. Closing again does nothing.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// arrangement is a call with its tensors: which program, what goes in where.
type arrangement struct {
	prog    *program
	inputs  map[int]*tensor.Tensor // by slot
	outputs []*tensor.Tensor       // in the program's order; nil: to allocate
	results []*tensor.Tensor       // the outputs of the last run
}

// arrange checks names, types and shapes.
func (p *plan) arrange(inputs, outputs []runtime.Named) (*arrangement, error) {
	if len(outputs) == 0 {
		return nil, fmt.Errorf("%w: no outputs are asked for", runtime.ErrInput)
	}
	slots := make([]int, len(outputs))
	a := &arrangement{
		inputs:  make(map[int]*tensor.Tensor, len(inputs)),
		outputs: make([]*tensor.Tensor, len(outputs)),
		results: make([]*tensor.Tensor, len(outputs)),
	}
	for i, o := range outputs {
		if err := p.fitsOutput(o.Name, o.Tensor); err != nil {
			return nil, err
		}
		slots[i], a.outputs[i] = p.slots[o.Name], o.Tensor
		if slices.Contains(slots[:i], slots[i]) {
			return nil, fmt.Errorf("%w: output %q is asked for twice", runtime.ErrInput, o.Name)
		}
	}
	for _, in := range inputs {
		if err := p.fitsInput(in.Name, in.Tensor); err != nil {
			return nil, err
		}
		slot, read := p.slots[in.Name]
		if !read {
			continue
		}
		if a.inputs[slot] != nil {
			return nil, fmt.Errorf("%w: input %q is given twice", runtime.ErrInput, in.Name)
		}
		a.inputs[slot] = in.Tensor
	}
	a.prog = p.program(slots)
	return a, nil
}

func (p *plan) fitsInput(name string, t *tensor.Tensor) error {
	info := p.inputs[name]
	if info == nil {
		return fmt.Errorf("%w: the model has no input %q", runtime.ErrInput, name)
	}
	if t == nil {
		return fmt.Errorf("%w: input %q has no tensor", runtime.ErrInput, name)
	}
	return fits("input", info, t)
}

func (p *plan) fitsOutput(name string, t *tensor.Tensor) error {
	info := p.outputs[name]
	if info == nil {
		return fmt.Errorf("%w: the model has no output %q", runtime.ErrInput, name)
	}
	if t == nil || info.DType == tensor.Undefined || t.DType() == info.DType {
		return nil
	}
	return fmt.Errorf("%w: output %q is %v, the tensor given for it is %v", runtime.ErrInput, name, info.DType, t)
}

// fits compares a tensor with a declaration.
func fits(what string, info *runtime.ValueInfo, t *tensor.Tensor) error {
	if info.DType != tensor.Undefined && t.DType() != info.DType {
		return fmt.Errorf("%w: %s %q has type %v, the model wants %v", runtime.ErrInput, what, info.Name, t.DType(), info.DType)
	}
	if info.Shape == nil {
		return nil
	}
	ok := len(info.Shape) == t.Rank()
	for i := 0; ok && i < t.Rank(); i++ {
		ok = info.Shape[i].Size < 0 || info.Shape[i].Size == t.Shape()[i]
	}
	if !ok {
		return fmt.Errorf("%w: %s %q has shape %v, the model wants %s", runtime.ErrInput, what, info.Name, t.Shape(), dims(info.Shape))
	}
	return nil
}

// dims writes a declared shape as [batch,64].
func dims(shape []runtime.Dim) string {
	out := "["
	for i, d := range shape {
		if i > 0 {
			out += ","
		}
		switch {
		case d.Size >= 0:
			out += fmt.Sprint(d.Size)
		case d.Name != "":
			out += d.Name
		default:
			out += "?"
		}
	}
	return out + "]"
}

// run computes the outputs and leaves them in results.
func (a *arrangement) run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("gonum: run: %w", err)
	}
	g := a.prog
	s := g.acquire()
	defer g.retire(s)
	for _, slot := range g.inputs {
		t := a.inputs[slot]
		if t == nil {
			return fmt.Errorf("gonum: %w: input %q is needed and not given", runtime.ErrInput, g.plan.names[slot])
		}
		s.values[slot].setTensor(t)
	}
	for i, slot := range g.outputs {
		s.targets[slot] = a.outputs[i]
	}
	if err := s.execute(ctx); err != nil {
		if ctxErr := ctx.Err(); ctxErr != nil && errors.Is(err, ctxErr) {
			return fmt.Errorf("gonum: run: %w", err)
		}
		return err
	}
	for i, slot := range g.outputs {
		a.results[i] = a.outputs[i]
		if a.results[i] == nil {
			a.results[i] = s.results[slot]
		}
	}
	return nil
}
