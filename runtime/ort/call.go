//go:build cgo

package ort

import (
	"context"
	"fmt"
	"maps"
	goruntime "runtime"
	"slices"
	"sync"
	"unsafe"

	"espalier/runtime"
	"espalier/runtime/ort/internal/native"
	"espalier/tensor"
)

// call is one prepared run: native values over the caller's tensors, in the
// order of the argument block. It is for one goroutine at a time.
type call struct {
	session *session
	block   *native.Call
	inputs  []slot
	outputs []slot
	stop    *stopper // of the context of the last run, nil before
	texts   native.Texts
}

// slot is one input or output. While value is not nil, tensor is held and,
// unless it holds strings, pinned.
type slot struct {
	info   *runtime.ValueInfo
	tensor *tensor.Tensor // what the caller gave; nil for an output to allocate
	result *tensor.Tensor // of an output: what the last run filled
	value  native.Value
	memory span
	// pin holds the memory in place; spare takes the next one's until it is
	// known that the change succeeds.
	pin, spare goruntime.Pinner
}

func (s *session) newCall(inputs, outputs []runtime.Named) (*call, error) {
	if len(outputs) == 0 {
		return nil, fmt.Errorf("%w: no output is asked for", runtime.ErrInput)
	}
	c := s.idle.take(len(inputs), len(outputs))
	if c == nil {
		c = &call{
			session: s,
			block:   native.NewCall(len(inputs), len(outputs)),
			inputs:  make([]slot, len(inputs)),
			outputs: make([]slot, len(outputs)),
		}
	}
	if err := c.fill(inputs, outputs); err != nil {
		c.release()
		return nil, err
	}
	return c, nil
}

// idleCalls keeps the blocks and pinners of finished calls for the next ones:
// an unbound run makes its values anew, and little else.
type idleCalls struct {
	mu    sync.Mutex
	calls []*call
}

// maxIdle is about as many as run at once on one machine.
const maxIdle = 16

func (l *idleCalls) take(inputs, outputs int) *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range l.calls {
		if len(c.inputs) == inputs && len(c.outputs) == outputs {
			last := len(l.calls) - 1
			l.calls[i], l.calls[last] = l.calls[last], nil
			l.calls = l.calls[:last]
			return c
		}
	}
	return nil
}

// put keeps an emptied call, or says that there are enough.
func (l *idleCalls) put(c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) == maxIdle {
		return false
	}
	l.calls = append(l.calls, c)
	return true
}

func (l *idleCalls) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.calls {
		c.release()
	}
	l.calls = nil
}

func (c *call) fill(inputs, outputs []runtime.Named) error {
	s := c.session
	for i, in := range inputs {
		info, err := s.inputs.find("input", in.Name)
		if err != nil {
			return err
		}
		if taken(c.inputs[:i], info) {
			return fmt.Errorf("%w: input %q is given twice", runtime.ErrInput, in.Name)
		}
		c.inputs[i].info = info
		if err := c.setInput(i, in.Tensor); err != nil {
			return err
		}
	}
	for i, out := range outputs {
		info, err := s.outputs.find("output", out.Name)
		if err != nil {
			return err
		}
		if taken(c.outputs[:i], info) {
			return fmt.Errorf("%w: output %q is asked for twice", runtime.ErrInput, out.Name)
		}
		c.outputs[i].info = info
		if err := c.setOutput(i, out.Tensor); err != nil {
			return err
		}
	}
	return nil
}

func taken(slots []slot, info *runtime.ValueInfo) bool {
	for i := range slots {
		if slots[i].info == info {
			return true
		}
	}
	return false
}

// setInput puts a tensor in place of the one before. When it fails, the one
// before stays.
func (c *call) setInput(i int, t *tensor.Tensor) error {
	in := &c.inputs[i]
	if t == nil {
		return fmt.Errorf("%w: input %q has no tensor", runtime.ErrInput, in.info.Name)
	}
	if err := fits("input", in.info, t); err != nil {
		return err
	}
	memory := spanOf(t)
	for o := range c.outputs {
		if out := &c.outputs[o]; out.memory.overlaps(memory) {
			return sharing("input", in.info.Name, out.info.Name)
		}
	}
	if in.reusable(t, memory) {
		in.tensor = t
		return nil
	}
	if err := in.view(t, memory); err != nil {
		return fmt.Errorf("input %q: %w", in.info.Name, err)
	}
	c.block.SetInput(i, c.session.names[in.info.Name], in.value)
	return nil
}

// setOutput puts a tensor, or none, in place of the one before. When it fails,
// the one before stays.
func (c *call) setOutput(i int, t *tensor.Tensor) error {
	out := &c.outputs[i]
	var memory span
	if t != nil {
		if err := fits("output", out.info, t); err != nil {
			return err
		}
		memory = spanOf(t)
	}
	for j := range c.inputs {
		if in := &c.inputs[j]; in.memory.overlaps(memory) {
			return sharing("input", in.info.Name, out.info.Name)
		}
	}
	for j := range c.outputs {
		if other := &c.outputs[j]; j != i && other.memory.overlaps(memory) {
			return sharing("output", other.info.Name, out.info.Name)
		}
	}
	if t == nil { // allocated by ORT at every run
		out.drop()
		out.tensor, out.result = t, nil
	} else if out.reusable(t, memory) {
		out.tensor, out.result = t, nil
	} else if err := out.view(t, memory); err != nil {
		return fmt.Errorf("output %q: %w", out.info.Name, err)
	}
	c.block.SetOutput(i, c.session.names[out.info.Name], out.value)
	return nil
}

func sharing(kind, name, output string) error {
	return fmt.Errorf("%w: output %q shares memory with %s %q; give it memory of its own",
		runtime.ErrInput, output, kind, name)
}

// reusable reports whether the slot's value already is a view of t.
func (s *slot) reusable(t *tensor.Tensor, memory span) bool {
	return s.value != nil && t.DType() != tensor.String && s.memory == memory && memory.size > 0 &&
		s.tensor.DType() == t.DType() && s.tensor.Shape().Equal(t.Shape())
}

// view replaces the slot's value by one over t.
func (s *slot) view(t *tensor.Tensor, memory span) error {
	var value native.Value
	var err error
	if t.DType() == tensor.String {
		value, err = native.NewStrings(t.Shape())
	} else {
		if memory.size > 0 {
			s.spare.Pin(memory.start)
		}
		value, err = native.NewTensor(uintptr(memory.start), memory.size, t.Shape(), int32(t.DType()))
	}
	if err != nil {
		s.spare.Unpin()
		return err
	}
	s.drop()
	s.pin, s.spare = s.spare, s.pin
	s.value, s.tensor, s.result, s.memory = value, t, nil, memory
	return nil
}

// drop releases the slot's value and lets go of its tensor.
func (s *slot) drop() {
	native.Release(s.value)
	s.pin.Unpin()
	s.value, s.tensor, s.result, s.memory = nil, nil, nil, span{}
}

// empty lets go of everything that belongs to one use of the call.
func (c *call) empty() {
	for i := range c.inputs {
		c.inputs[i].drop()
		c.inputs[i].info = nil
	}
	for i := range c.outputs {
		c.outputs[i].drop()
		c.outputs[i].info = nil
	}
	if c.stop != nil {
		c.stop.release()
		c.stop = nil
	}
}

func (c *call) release() {
	c.empty()
	c.block.Release()
}

// run makes the call. The session is held open by the caller.
func (c *call) run(ctx context.Context) error {
	for i := range c.inputs {
		if in := &c.inputs[i]; in.tensor.DType() == tensor.String {
			if err := native.SetStrings(in.value, in.tensor.Strings()); err != nil {
				return fmt.Errorf("input %q: %w", in.info.Name, err)
			}
		}
	}
	options, err := c.watch(ctx)
	if err != nil {
		return err
	}
	if err := c.block.Run(c.session.handle, options); err != nil {
		for i := range c.outputs {
			c.outputs[i].result = nil
		}
		return c.explain(ctx, err)
	}
	return c.collect()
}

// collect copies what ORT allocated.
func (c *call) collect() error {
	var first error
	for i := range c.outputs {
		out := &c.outputs[i]
		var err error
		switch {
		case out.value == nil:
			value := c.block.TakeOutput(i)
			out.result, err = c.copyOut(value)
			native.Release(value)
		case out.tensor.DType() == tensor.String: // ORT owns the value's strings
			out.result, err = out.tensor, c.texts.Read(out.value, out.tensor.Strings())
		default:
			out.result = out.tensor
		}
		if err != nil && first == nil {
			first = fmt.Errorf("output %q: %w", out.info.Name, err)
		}
	}
	return first
}

// copyOut copies a value of ORT's into a new tensor.
func (c *call) copyOut(value native.Value) (*tensor.Tensor, error) {
	element, shape, isTensor, err := native.Describe(value)
	if err != nil {
		return nil, err
	}
	dtype := tensor.DType(element)
	if !isTensor {
		return nil, fmt.Errorf("%w: it is not a tensor but a sequence, a map or the like; "+
			"export it as a tensor, which skl2onnx does with zipmap=False", runtime.ErrUnsupported)
	}
	result, err := tensor.New(dtype, shape...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrUnsupported, err)
	}
	if dtype == tensor.String {
		if err := c.texts.Read(value, result.Strings()); err != nil {
			return nil, err
		}
		return result, nil
	}
	memory := spanOf(result)
	elements, err := native.Bytes(value, memory.size)
	if err != nil {
		return nil, err
	}
	copy(unsafe.Slice((*byte)(memory.start), memory.size), elements)
	return result, nil
}

// watch makes ctx able to stop the run. What it registers with a context stays
// for the next run with the same one, so that only the first costs anything.
func (c *call) watch(ctx context.Context) (*native.RunOptions, error) {
	done := ctx.Done()
	if done == nil && c.session.runConfig == nil {
		return nil, nil
	}
	if c.stop != nil {
		if c.stop.done == done {
			return c.stop.options, nil
		}
		c.stop.release()
		c.stop = nil
	}
	options, err := c.newOptions()
	if err != nil {
		return nil, err
	}
	c.stop = &stopper{done: done, options: options}
	c.stop.unregister = context.AfterFunc(ctx, c.stop.raise)
	return options, nil
}

// stopper carries a context's end to ORT.
type stopper struct {
	done       <-chan struct{}
	unregister func() bool

	mu      sync.Mutex
	options *native.RunOptions // nil once released
}

// newOptions makes the options of runs, with the session's settings.
func (c *call) newOptions() (*native.RunOptions, error) {
	options, err := native.NewRunOptions()
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(c.session.runConfig)) {
		if err := options.Set(key, c.session.runConfig[key]); err != nil {
			options.Release()
			return nil, fmt.Errorf("run option %q: %w", key, err)
		}
	}
	return options, nil
}

func (s *stopper) raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options != nil {
		_ = s.options.Terminate(true) // fails only on nil options
	}
}

func (s *stopper) release() {
	s.unregister()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Release()
	s.options = nil
}
