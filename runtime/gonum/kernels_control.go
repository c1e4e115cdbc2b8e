package gonum

import (
	"fmt"
	"slices"

	"espalier/onnx"
	"espalier/tensor"
)

// controlKernels are the operators that run sub-graphs.
func controlKernels() map[string]forms {
	return map[string]forms{"If": versions(1, 25, ifThenElse, "else_branch", "then_branch"), "Loop": versions(1, 25, loop, "body"), "Scan": versions(9, 25, scan, "body", "num_scan_inputs", "scan_input_axes", "scan_input_directions", "scan_output_axes", "scan_output_directions")}
}

func ifThenElse(c *call) error {
	cond, err := c.input(0)
	if err != nil {
		return err
	}
	if cond.DType() != tensor.Bool || cond.Len() != 1 {
		return fmt.Errorf("the condition is %v, not one bool", cond)
	}
	branch := "else_branch"
	if cond.Bools()[0] {
		branch = "then_branch"
	}
	r, err := c.start(c.bodies[branch])
	if err != nil {
		return err
	}
	if err := r.run(); err != nil {
		return fmt.Errorf("%s: %w", branch, err)
	}
	var all []*tensor.Tensor
	for i := range r.outputs {
		all = append(all, r.take(i))
	}
	c.give(all)
	return nil
}

// loop runs its body while a condition holds, at most so many times.
func loop(c *call) error {
	b := c.bodies["body"]
	trips, limited, err := tripCount(c.optional(0))
	if err != nil {
		return err
	}
	more := true
	if t := c.optional(1); t != nil {
		if more, err = oneBool(t); err != nil {
			return err
		}
	}
	r, err := c.start(b)
	if err != nil {
		return err
	}
	states, err := c.begin(c.in[2:])
	if err != nil {
		return err
	}
	stacks := make([]stack, len(b.outputs)-1-len(states))
	for trip := int64(0); more && (!limited || trip < trips); trip++ {
		r.table[b.inputs[0]], r.table[b.inputs[1]] = tensor.Scalar(trip), tensor.Scalar(more)
		for i, s := range states {
			r.table[b.inputs[2+i]] = s
		}
		if err := c.runBody(r, trip); err != nil {
			return err
		}
		goOn := r.take(0)
		if more, err = oneBool(goOn); err != nil {
			return fmt.Errorf("iteration %d: %w", trip, err)
		}
		c.release(goOn)
		for i := range states {
			c.release(states[i])
			states[i] = r.take(1 + i)
		}
		for i := range stacks {
			t := r.take(1 + len(states) + i)
			if err := stacks[i].grow(c, t); err != nil {
				return fmt.Errorf("iteration %d: %w", trip, err)
			}
			c.release(t)
		}
	}
	return c.finishLoop(b, states, stacks)
}

func (c *call) finishLoop(b *body, states []*tensor.Tensor, stacks []stack) error {
	all := states
	for i := range stacks {
		t, err := stacks[i].result(c, b.graph.Outputs[1+len(states)+i], nil)
		if err != nil {
			return err
		}
		all = append(all, t)
	}
	c.give(all)
	return nil
}

// give sets the outputs, and takes back what the node has no outputs for.
func (c *call) give(all []*tensor.Tensor) {
	for i, t := range all {
		if i < len(c.out) {
			c.out[i] = t
		} else {
			c.release(t)
		}
	}
}

func tripCount(t *tensor.Tensor) (n int64, limited bool, err error) {
	if t == nil {
		return 0, false, nil
	}
	xs, err := toInts(t)
	if err != nil || len(xs) != 1 {
		return 0, false, fmt.Errorf("the number of iterations is %v, not one integer", t)
	}
	return xs[0], true, nil
}

func oneBool(t *tensor.Tensor) (bool, error) {
	if t.DType() != tensor.Bool || t.Len() != 1 {
		return false, fmt.Errorf("the condition is %v, not one bool", t)
	}
	return t.Bools()[0], nil
}

// begin returns the states that a body starts with. They are shared with the
// graph around, so that each can be released when the next is there.
func (c *call) begin(initial []*tensor.Tensor) ([]*tensor.Tensor, error) {
	for i, t := range initial {
		if t == nil {
			return nil, fmt.Errorf("the first value of state %d is missing", i)
		}
		c.share(t)
	}
	return slices.Clone(initial), nil
}

// runBody runs one iteration.
func (c *call) runBody(r *runner, number int64) error {
	// A body without nodes does not look at the context.
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if err := r.run(); err != nil {
		return fmt.Errorf("iteration %d: %w", number, err)
	}
	return nil
}

// scanning is a Scan at work.
type scanning struct {
	*call
	body    *body
	run     *runner
	steps   int
	states  []*tensor.Tensor
	inputs  []slicer
	outputs []stack
}

// slicer walks over the first axis of a tensor.
type slicer struct {
	of      *tensor.Tensor
	shape   tensor.Shape
	reverse bool
	scratch bool // of is a transposed copy
}

// scan runs its body once for every slice of its inputs.
func scan(c *call) error {
	s := &scanning{call: c, body: c.bodies["body"]}
	scanned := int(c.attrs.int("num_scan_inputs", 0))
	states := len(c.in) - scanned
	var err error
	if s.states, err = c.begin(c.in[:states]); err != nil {
		return err
	}
	if err := s.prepareInputs(c.in[states:]); err != nil {
		return err
	}
	if err := s.prepareOutputs(); err != nil {
		return err
	}
	if s.run, err = c.start(s.body); err != nil {
		return err
	}
	for i := range s.steps {
		if err := s.step(i); err != nil {
			return err
		}
	}
	return s.finish()
}

// perEntry reads a list attribute with an entry for each of n values.
func (s *scanning) perEntry(name string, n int) ([]int64, error) {
	xs := s.attrs.ints(name)
	switch {
	case xs == nil:
		return make([]int64, n), nil
	case len(xs) != n:
		return nil, fmt.Errorf("%s has %d entries for %d values", name, len(xs), n)
	}
	return xs, nil
}

func (s *scanning) prepareInputs(in []*tensor.Tensor) error {
	axes, err := s.perEntry("scan_input_axes", len(in))
	if err != nil {
		return err
	}
	directions, err := s.perEntry("scan_input_directions", len(in))
	if err != nil {
		return err
	}
	for i, t := range in {
		if t == nil || t.Rank() == 0 {
			return fmt.Errorf("scan input %d is missing or a scalar", i)
		}
		axis, err := axisOf(axes[i], t.Rank())
		if err != nil {
			return err
		}
		if n := int(t.Shape()[axis]); i > 0 && n != s.steps {
			return fmt.Errorf("scan input %d has %d slices, the one before %d", i, n, s.steps)
		} else {
			s.steps = n
		}
		moved, err := moveAxis(s.call, t, axis, 0)
		if err != nil {
			return err
		}
		s.inputs = append(s.inputs, slicer{of: moved, shape: slices.Clone(moved.Shape()[1:]), reverse: directions[i] == 1, scratch: axis != 0})
	}
	return nil
}

func (s *scanning) prepareOutputs() error {
	n := len(s.body.outputs) - len(s.states)
	axes, err := s.perEntry("scan_output_axes", n)
	if err != nil {
		return err
	}
	directions, err := s.perEntry("scan_output_directions", n)
	if err != nil {
		return err
	}
	s.outputs = make([]stack, n)
	for i := range s.outputs {
		s.outputs[i] = stack{room: s.steps, reverse: directions[i] == 1, axis: axes[i]}
	}
	return nil
}

func (s *scanning) step(number int) error {
	for i, t := range s.states {
		s.run.table[s.body.inputs[i]] = t
	}
	for i := range s.inputs {
		in := &s.inputs[i]
		at := number
		if in.reverse {
			at = s.steps - 1 - number
		}
		t, err := sliceOf(in.of, at, in.shape)
		if err != nil {
			return err
		}
		s.run.table[s.body.inputs[len(s.states)+i]] = t
	}
	if err := s.runBody(s.run, int64(number)); err != nil {
		return err
	}
	for i, old := range s.states {
		t := s.run.take(i)
		if t.DType() != old.DType() || !t.Shape().Equal(old.Shape()) {
			return fmt.Errorf("iteration %d: state %d was %v and is %v", number, i, old, t)
		}
		s.release(old)
		s.states[i] = t
	}
	for i := range s.outputs {
		t := s.run.take(len(s.states) + i)
		if err := s.outputs[i].put(s.call, number, t); err != nil {
			return fmt.Errorf("iteration %d: scan output %d: %w", number, i, err)
		}
		s.release(t)
	}
	return nil
}

// finish hands the results over. A state may be a slice of an input, whose
// memory is not the state's.
func (s *scanning) finish() error {
	all := make([]*tensor.Tensor, 0, len(s.body.outputs))
	for _, t := range s.states {
		t, err := s.own(t)
		if err != nil {
			return err
		}
		all = append(all, t)
	}
	for i := range s.outputs {
		o := &s.outputs[i]
		t, err := o.result(s.call, s.body.graph.Outputs[len(all)], s.sizes())
		if err != nil {
			return err
		}
		axis, err := axisOf(o.axis, t.Rank())
		if err != nil {
			return err
		}
		moved, err := moveAxis(s.call, t, 0, axis)
		if err != nil {
			return err
		}
		if axis != 0 {
			s.release(t)
		}
		all = append(all, moved)
	}
	s.give(all)
	for _, in := range s.inputs {
		if in.scratch {
			s.release(in.of)
		}
	}
	return nil
}

// sizes are the named dimensions of the body's inputs.
func (s *scanning) sizes() map[string]int64 {
	sizes := map[string]int64{}
	for i, v := range s.body.graph.Inputs {
		var shape tensor.Shape
		if i < len(s.states) {
			shape = s.states[i].Shape()
		} else {
			shape = s.inputs[i-len(s.states)].shape
		}
		for j, d := range v.Shape {
			if d.Name != "" && j < len(shape) {
				sizes[d.Name] = shape[j]
			}
		}
	}
	return sizes
}

// moveAxis returns t with an axis at another place; at its own it is t.
func moveAxis(c *call, t *tensor.Tensor, from, to int) (*tensor.Tensor, error) {
	if from == to {
		return t, nil
	}
	order := make([]int, 0, t.Rank())
	for i := range t.Rank() {
		if i != from {
			order = append(order, i)
		}
	}
	order = slices.Insert(order, to, from)
	st := stridesOf(t.Shape())
	shape, strides := make(tensor.Shape, len(order)), make([]int, len(order))
	for i, a := range order {
		shape[i], strides[i] = t.Shape()[a], st[a]
	}
	y, err := c.new(t.DType(), shape)
	if err != nil {
		return nil, err
	}
	return y, copyBy(t, y, strides, 0)
}

// stack is values of one shape along a new first axis.
type stack struct {
	of      *tensor.Tensor // [room, ...], nil before the first value
	n, room int
	reverse bool // the first value stands last
	axis    int64
}

// put adds the value of a step.
func (s *stack) put(c *call, step int, t *tensor.Tensor) error {
	if s.of == nil {
		var err error
		if s.of, err = c.new(t.DType(), append(tensor.Shape{int64(s.room)}, t.Shape()...)); err != nil {
			return err
		}
	}
	if t.DType() != s.of.DType() || !t.Shape().Equal(s.of.Shape()[1:]) {
		return fmt.Errorf("%v does not stand on values of %v%v", t, s.of.DType(), s.of.Shape()[1:])
	}
	if s.n++; s.reverse {
		step = s.room - 1 - step
	}
	return copyElements(s.of, step*t.Len(), t)
}

// grow is put where nobody knows how many values will come.
func (s *stack) grow(c *call, t *tensor.Tensor) error {
	if s.n == s.room {
		s.room = max(2*s.room, 4)
		if old := s.of; old != nil {
			var err error
			if s.of, err = c.new(old.DType(), append(tensor.Shape{int64(s.room)}, old.Shape()[1:]...)); err != nil {
				return err
			}
			if err := copyElements(s.of, 0, old); err != nil {
				return err
			}
			c.release(old)
		}
	}
	return s.put(c, s.n, t)
}

// result returns the stack. One without values has the shape that is declared,
// and 0 along dimensions that nobody knows.
func (s *stack) result(c *call, v onnx.ValueInfo, sizes map[string]int64) (*tensor.Tensor, error) {
	if s.of == nil {
		shape := tensor.Shape{0}
		for _, d := range v.Shape {
			if !d.Known {
				d.Size = sizes[d.Name]
			}
			shape = append(shape, d.Size)
		}
		return c.new(v.DType, shape)
	}
	if s.n == s.room {
		return s.of, nil
	}
	return firstOf(s.of, int64(s.n))
}
