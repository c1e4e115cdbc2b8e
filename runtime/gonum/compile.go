package gonum

import (
	"fmt"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// compile makes the plan of a checked model whose operators all have kernels.
func compile(m *onnx.Model, limit, threads int) (*plan, error) {
	n, err := normalise(m.Graph)
	if err != nil {
		return nil, err
	}
	b, err := receive(n)
	if err != nil {
		return nil, err
	}
	p := &plan{
		names: make([]string, len(b.values)), maker: make([]int, len(b.values)), constants: map[int]*tensor.Tensor{},
		inputs: map[string]*runtime.ValueInfo{}, outputs: map[string]*runtime.ValueInfo{}, slots: map[string]int{},
		limit: limit, threads: threads, programs: map[string]*program{},
	}
	if err := p.addValues(b); err != nil {
		return nil, err
	}
	if err := p.declare(m.Graph); err != nil {
		return nil, err
	}
	opsets := map[string]int64{}
	for _, id := range m.OpsetImports {
		opsets[operator(id.Domain, "")] = id.Version
	}
	c := &planner{plan: p, normal: n, table: registry(), opsets: opsets, known: map[int]bool{}}
	return p, c.build(b)
}

// addValues takes over the values with their elements.
func (p *plan) addValues(b *backend) error {
	for slot, v := range b.values {
		p.names[slot], p.maker[slot] = v.name, -1
		p.slots[v.name] = slot
		if v.data == nil {
			continue
		}
		t, err := convert(v.data)
		if err != nil {
			return fmt.Errorf("%w: initialiser %q: %w", runtime.ErrModel, v.name, err)
		}
		p.constants[slot] = t
		v.data = nil
	}
	return nil
}

// declare keeps the inputs and outputs as the file declares them.
func (p *plan) declare(g *onnx.Graph) error {
	initial := map[string]bool{}
	for _, t := range g.Initializers {
		initial[t.Name] = true
	}
	for i, list := range [][]onnx.ValueInfo{g.Inputs, g.Outputs} {
		to := []map[string]*runtime.ValueInfo{p.inputs, p.outputs}[i]
		for _, v := range list {
			if v.Kind != "" && v.Kind != "tensor" {
				return fmt.Errorf("%w: %q is a %s; only tensors can go in and out", runtime.ErrUnsupported, v.Name, v.Kind)
			}
			if i == 0 && initial[v.Name] {
				continue // a default that cannot be overridden here
			}
			info := declaration(v)
			to[v.Name] = &info
		}
	}
	return nil
}

func declaration(v onnx.ValueInfo) runtime.ValueInfo {
	info := runtime.ValueInfo{Name: v.Name, DType: v.DType}
	if !v.HasShape {
		return info
	}
	info.Shape = make([]runtime.Dim, len(v.Shape))
	for i, d := range v.Shape {
		info.Shape[i] = runtime.Dim{Size: -1, Name: d.Name}
		if d.Known && d.Size >= 0 {
			info.Shape[i] = runtime.Dim{Size: d.Size}
		}
	}
	return info
}

// planner turns operations into steps.
type planner struct {
	plan   *plan
	normal *normalised
	table  map[string]compiler
	opsets map[string]int64
	known  map[int]bool // slots that have a value before the next step
}

func (c *planner) build(b *backend) error {
	for slot := range c.plan.constants {
		c.known[slot] = true
	}
	for name := range c.plan.inputs {
		if slot, ok := c.plan.slots[name]; ok {
			c.known[slot] = true
		}
	}
	for i, o := range b.operations {
		n, err := c.node(c.normal.nodes[i], o)
		if err != nil {
			return err
		}
		if err := c.step(n); err != nil {
			return fmt.Errorf("%s: %w", describe(n), err)
		}
	}
	for name := range c.plan.outputs {
		if slot, ok := c.plan.slots[name]; !ok || !c.known[slot] {
			return fmt.Errorf("%w: output %q is computed by no node", runtime.ErrModel, name)
		}
	}
	return nil
}

func (c *planner) node(from *onnx.Node, o operation) (*node, error) {
	n := &node{name: from.Doc, op: o.op, opset: c.opsets[operator(from.Domain, "")]}
	if len(from.Inputs) > 0 { // else onnx-go made one up
		n.inputs = c.slots(o.operands)
	}
	n.outputs = c.slots(o.makes)
	var err error
	if n.attrs, err = attributes(o.attributes); err != nil {
		return nil, fmt.Errorf("%s: %w", describe(n), err)
	}
	return n, nil
}

func (c *planner) slots(values []*value) []int {
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = int(v.id)
		if c.normal.omitted[v.name] {
			out[i] = -1
		}
	}
	return out
}

func (c *planner) step(n *node) error {
	for _, slot := range n.inputs {
		if slot >= 0 && !c.known[slot] {
			return fmt.Errorf("%w: it reads %q, which no node before it computes", runtime.ErrModel, c.plan.names[slot])
		}
	}
	for _, slot := range n.outputs {
		if slot >= 0 && c.known[slot] {
			return fmt.Errorf("%w: it computes %q, which there is already", runtime.ErrModel, c.plan.names[slot])
		}
		c.known[slot] = true
	}
	if n.op == "Constant" {
		t := constant(n)
		if n.err != nil {
			return fmt.Errorf("%w: %w", runtime.ErrModel, n.err)
		}
		c.plan.constants[n.outputs[0]] = t
		return nil
	}
	k := c.table[n.op](n)
	if n.err != nil {
		return fmt.Errorf("%w: %w", runtime.ErrModel, n.err)
	}
	for _, slot := range n.outputs {
		if slot >= 0 {
			c.plan.maker[slot] = len(c.plan.steps)
		}
	}
	c.plan.steps = append(c.plan.steps, step{node: n, run: k})
	return nil
}

// constant reads the value of a Constant node, whichever attribute holds it.
func constant(n *node) *tensor.Tensor {
	var t *tensor.Tensor
	var err error
	switch {
	case n.has("value"):
		t = attr(n, "value", (*tensor.Tensor)(nil))
	case n.has("value_float"):
		t = tensor.Scalar(attr(n, "value_float", float32(0)))
	case n.has("value_int"):
		t = tensor.Scalar(attr(n, "value_int", int64(0)))
	case n.has("value_string"):
		t = tensor.Scalar(attr(n, "value_string", ""))
	case n.has("value_floats"):
		v := attr(n, "value_floats", []float32{})
		t, err = tensor.Of(v, int64(len(v)))
	case n.has("value_ints"):
		v := attr(n, "value_ints", []int64{})
		t, err = tensor.Of(v, int64(len(v)))
	case n.has("value_strings"):
		v := attr(n, "value_strings", []string{})
		t, err = tensor.Of(v, int64(len(v)))
	}
	if err != nil || t == nil {
		n.fail("there is no value to be constant")
	}
	return t
}
