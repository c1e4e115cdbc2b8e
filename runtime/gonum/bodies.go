package gonum

import (
	"fmt"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// body is a sub-graph of a node, planned once for all of its runs.
type body struct {
	*schedule
	graph  *onnx.Graph
	inputs []int // slots
}

// capture is a value that a sub-graph reads of the graph around it: its slot
// in either table.
type capture struct{ outer, inner int }

// addBodies plans the sub-graphs of a node. The node's own outputs have no
// slots yet, so that a sub-graph cannot read them.
func (pl *planner) addBodies(p *plan, s *step) error {
	for i := range s.node.Attributes {
		a := &s.node.Attributes[i]
		if a.Graph == nil || a.Type != onnx.AttrGraph {
			continue
		}
		b, err := pl.body(a.Graph, p)
		if err != nil {
			return fmt.Errorf("node %q (%s): %s: %w", s.node.Name, s.node.OpType, a.Name, err)
		}
		if s.bodies == nil {
			s.bodies = map[string]*body{}
		}
		s.bodies[a.Name] = b
		for _, c := range b.plan.captures {
			s.captures = append(s.captures, c.outer)
		}
	}
	return checkBodies(s)
}

func (pl *planner) body(g *onnx.Graph, outer *plan) (*body, error) {
	p, err := pl.graph(g, outer)
	if err != nil {
		return nil, err
	}
	b := &body{graph: g}
	for _, v := range g.Inputs {
		b.inputs = append(b.inputs, p.place(v.Name))
	}
	if err := pl.addSteps(p, g); err != nil {
		return nil, err
	}
	for i := range p.steps {
		st := &p.steps[i]
		for j, slot := range st.inputs {
			if name := st.node.Inputs[j]; slot < 0 && name != "" {
				return nil, fmt.Errorf("%w: node %q reads %q, which nothing has computed by then", runtime.ErrModel, st.node.Name, name)
			}
		}
	}
	var outputs []int
	for _, v := range g.Outputs {
		slot := p.find(v.Name)
		if slot < 0 {
			return nil, fmt.Errorf("%w: nothing computes output %q", runtime.ErrModel, v.Name)
		}
		outputs = append(outputs, slot)
	}
	b.schedule = p.schedule(outputs)
	return b, nil
}

// checkBodies compares a node's operands with what its sub-graphs take and
// give.
func checkBodies(s *step) (err error) {
	defer func() {
		if r := recover(); r != nil { // an attribute of another type
			err = fmt.Errorf("node %q (%s): %v: %w", s.node.Name, s.node.OpType, r, runtime.ErrModel)
		}
	}()
	n := s.node
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: node %q (%s): %s", runtime.ErrModel, n.Name, n.OpType, fmt.Sprintf(format, args...))
	}
	takes := func(name string, inputs, fewest int) error {
		b := s.bodies[name]
		switch {
		case b == nil:
			return fail("it has no %s", name)
		case len(b.inputs) != inputs:
			return fail("%s takes %d values, it gets %d", name, len(b.inputs), inputs)
		case len(b.outputs) < fewest || len(n.Outputs) > len(b.outputs):
			return fail("%s gives %d values, the node has %d outputs", name, len(b.outputs), len(n.Outputs))
		}
		return nil
	}
	switch operator(n) {
	case "Scan":
		scanned := s.attrs.int("num_scan_inputs", 0)
		if scanned < 1 || scanned > int64(len(n.Inputs)) {
			return fail("num_scan_inputs is %d of %d operands", scanned, len(n.Inputs))
		}
		return takes("body", len(n.Inputs), len(n.Inputs)-int(scanned))
	case "Loop":
		if len(n.Inputs) < 2 {
			return fail("it has %d operands, not at least 2", len(n.Inputs))
		}
		if err := takes("body", len(n.Inputs), len(n.Inputs)-1); err != nil {
			return err
		}
		if len(n.Outputs) > len(s.bodies["body"].outputs)-1 {
			return fail("its body gives %d values and a condition, the node has %d outputs", len(s.bodies["body"].outputs)-1, len(n.Outputs))
		}
	case "If":
		for _, branch := range []string{"then_branch", "else_branch"} {
			if err := takes(branch, 0, len(n.Outputs)); err != nil {
				return err
			}
		}
	}
	return nil
}

// start returns a runner of a body that has what the body reads of the graph
// around it.
func (c *call) start(b *body) (*runner, error) {
	r := newRunner(c.ctx, b.schedule, c.memory)
	for _, from := range b.plan.captures {
		v := c.table[from.outer]
		if v == nil {
			return nil, fmt.Errorf("%w: a value that the sub-graph reads was not computed", runtime.ErrModel)
		}
		r.table[from.inner] = v
	}
	return r, nil
}

// take returns an output of the last run, which the caller has to release.
func (r *runner) take(i int) *tensor.Tensor {
	slot := r.outputs[i]
	t := r.table[slot]
	if !r.computed[slot] {
		r.call.share(t) // passed on as it came
	}
	return t
}

// own returns a value that does not look into another's memory, and takes over
// the one that it is given.
func (c *call) own(t *tensor.Tensor) (*tensor.Tensor, error) {
	if _, owned := c.key(t); owned || t.Len() == 0 {
		return t, nil
	}
	y, err := c.new(t.DType(), t.Shape())
	if err != nil {
		return nil, err
	}
	return y, copyElements(y, 0, t)
}
