package gonum

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// plan is a graph ready to run. It is immutable and shared by concurrent runs.
type plan struct {
	slots   map[string]int // value -> place in a run's table
	steps   []step
	fixed   []*tensor.Tensor // by slot: an initialiser's elements, else nil
	inputs  []runtime.ValueInfo
	outputs []runtime.ValueInfo
}

// step is one node.
type step struct {
	node    *onnx.Node
	attrs   attributes
	kernel  kernel
	inputs  []int // slots, -1 where omitted
	outputs []int // slots, -1 where nobody asks
}

// kernel computes a node.
type kernel func(c *call) error

// newPlan decodes a model's graph.
func newPlan(m *onnx.Model) (*plan, error) {
	if err := onnx.Check(m); err != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrModel, err)
	}
	if missing := unsupported(m); len(missing) > 0 {
		return nil, fmt.Errorf("%w: the pure-Go engine has no %v; use ONNX Runtime", runtime.ErrUnsupported, missing)
	}
	ops, err := decodeOperations(m.Graph)
	if err != nil {
		return nil, fmt.Errorf("%w: onnx-go: %w", runtime.ErrModel, err)
	}
	p := &plan{slots: map[string]int{}}
	for _, t := range m.Graph.Initializers {
		v, err := t.Value()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", runtime.ErrModel, err)
		}
		p.fixed[p.place(t.Name)] = v
	}
	for _, v := range m.Graph.Inputs {
		if p.find(v.Name) >= 0 {
			continue // an initialiser with the name of an input is its default
		}
		p.place(v.Name)
		p.inputs = append(p.inputs, declared(v))
	}
	if err := p.addSteps(ops); err != nil {
		return nil, err
	}
	for _, v := range m.Graph.Outputs {
		p.outputs = append(p.outputs, declared(v))
	}
	return p, nil
}

func (p *plan) addSteps(ops []operation) error {
	known := kernels()
	var err error
	for _, op := range ops {
		s := step{node: op.node, kernel: known[op.node.OpType]}
		if s.attrs, err = readAttributes(op.node); err != nil {
			return fmt.Errorf("%w: %w", runtime.ErrModel, err)
		}
		for _, in := range op.inputs {
			s.inputs = append(s.inputs, p.find(in))
		}
		for _, out := range op.outputs {
			slot := -1
			if out != "" {
				slot = p.place(out)
			}
			s.outputs = append(s.outputs, slot)
		}
		p.steps = append(p.steps, s)
	}
	return nil
}

// place gives a value a slot.
func (p *plan) place(name string) int {
	p.slots[name] = len(p.fixed)
	p.fixed = append(p.fixed, nil)
	return len(p.fixed) - 1
}

// find returns a value's slot, -1 where it has none.
func (p *plan) find(name string) int {
	if i, ok := p.slots[name]; ok && name != "" {
		return i
	}
	return -1
}

func declared(v onnx.ValueInfo) runtime.ValueInfo {
	out := runtime.ValueInfo{Name: v.Name, DType: v.DType}
	if !v.HasShape {
		return out
	}
	out.Shape = []runtime.Dim{}
	for _, d := range v.Shape {
		if d.Known {
			out.Shape = append(out.Shape, runtime.Dim{Size: d.Size})
		} else {
			out.Shape = append(out.Shape, runtime.Dim{Size: -1, Name: d.Name})
		}
	}
	return out
}

// unsupported lists the operators that there is no kernel for.
func unsupported(m *onnx.Model) []string {
	known := kernels()
	missing := map[string]bool{}
	for _, n := range m.Graph.Nodes {
		switch {
		case n.Domain != "" && n.Domain != "ai.onnx":
			missing[n.Domain+"."+n.OpType] = true
		case known[n.OpType] == nil:
			missing["ai.onnx."+n.OpType] = true
		}
	}
	names := make([]string, 0, len(missing))
	for name := range missing {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// schedule is the part of a plan that some outputs need, and when each value
// is read for the last time.
type schedule struct {
	plan    *plan
	steps   []int
	outputs []int   // slots
	free    [][]int // by position in steps: slots that no later step reads
	needs   []bool  // by slot: some step or output reads it
}

func (p *plan) schedule(outputs []string) (*schedule, error) {
	s := &schedule{plan: p, needs: make([]bool, len(p.fixed))}
	keep := make([]bool, len(p.fixed))
	for _, name := range outputs {
		i := p.find(name)
		if i < 0 {
			return nil, fmt.Errorf("%w: the model has no output %q", runtime.ErrInput, name)
		}
		s.outputs = append(s.outputs, i)
		s.needs[i], keep[i] = true, true
	}
	for i := len(p.steps) - 1; i >= 0; i-- {
		used := slices.ContainsFunc(p.steps[i].outputs, func(out int) bool { return out >= 0 && s.needs[out] })
		if !used {
			continue
		}
		s.steps = append(s.steps, i)
		for _, in := range p.steps[i].inputs {
			if in >= 0 {
				s.needs[in] = true
			}
		}
	}
	slices.Reverse(s.steps)
	s.lifetimes(keep)
	return s, nil
}

// lifetimes finds the last reader of every value that a step computes.
func (s *schedule) lifetimes(keep []bool) {
	s.free = make([][]int, len(s.steps))
	done := append([]bool{}, keep...)
	for i := len(s.steps) - 1; i >= 0; i-- {
		st := &s.plan.steps[s.steps[i]]
		for _, list := range [][]int{st.inputs, st.outputs} {
			for _, slot := range list {
				if slot >= 0 && !done[slot] {
					done[slot] = true
					s.free[i] = append(s.free[i], slot)
				}
			}
		}
	}
}

// run computes the schedule over a table of values that holds the inputs.
func (s *schedule) run(ctx context.Context, table []*tensor.Tensor, m *memory) (err error) {
	at := -1
	defer func() {
		// A kernel trusts what shape checks let through; what they missed must
		// not take the program down.
		switch r := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("%s: %w", s.describe(at), r)
		default:
			err = fmt.Errorf("%s: %v", s.describe(at), r)
		}
	}()
	c := call{memory: m}
	for i, number := range s.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		at = number
		st := &s.plan.steps[number]
		c.reset(st, table)
		if err := st.kernel(&c); err != nil {
			return fmt.Errorf("%s: %w", s.describe(number), err)
		}
		for j, slot := range st.outputs {
			if slot < 0 {
				continue
			}
			if c.out[j] == nil {
				return fmt.Errorf("%s: output %d was not computed", s.describe(number), j)
			}
			table[slot] = c.out[j]
		}
		for _, slot := range s.free[i] {
			m.release(table[slot])
		}
	}
	return nil
}

func (s *schedule) describe(step int) string {
	if step < 0 {
		return "graph"
	}
	n := s.plan.steps[step].node
	return fmt.Sprintf("node %q (%s)", n.Name, n.OpType)
}
