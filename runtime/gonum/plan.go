package gonum

import (
	"context"
	"fmt"
	"maps"
	"slices"

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

	outer    *plan     // of the graph around a sub-graph, nil for the model's own
	captures []capture // what a sub-graph reads of it
}

// step is one node.
type step struct {
	node     *onnx.Node
	attrs    attributes
	kernel   kernel
	inputs   []int // slots, -1 where omitted
	outputs  []int // slots, -1 where nobody asks
	bodies   map[string]*body
	captures []int // slots that the bodies read
}

// kernel computes a node.
type kernel func(c *call) error

// newPlan decodes a model's graph.
func newPlan(m *onnx.Model, operators map[string]forms) (*plan, error) {
	if err := onnx.Check(m); err != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrModel, err)
	}
	l, err := newLibrary(m, operators)
	if err != nil {
		return nil, err
	}
	if missing := l.missing(m); len(missing) > 0 {
		advice := "use ONNX Runtime"
		if slices.Contains(missing, "ai.onnx.ml.ZipMap") {
			advice = "ZipMap makes maps, which are no tensors: export the model with zipmap=False"
		}
		return nil, fmt.Errorf("%w: the pure-Go engine has no %v; %s", runtime.ErrUnsupported, missing, advice)
	}
	pl := &planner{library: l}
	p, err := pl.graph(m.Graph, nil)
	if err != nil {
		return nil, err
	}
	for _, v := range m.Graph.Inputs {
		if p.find(v.Name) >= 0 {
			continue // an initialiser with the name of an input is its default
		}
		p.place(v.Name)
		p.inputs = append(p.inputs, declared(v))
	}
	if err := pl.addSteps(p, m.Graph); err != nil {
		return nil, err
	}
	for _, v := range m.Graph.Outputs {
		p.outputs = append(p.outputs, declared(v))
	}
	return p, nil
}

// planner makes the plans of a model's graphs.
type planner struct{ *library }

// graph begins the plan of a graph with its initialisers.
func (pl *planner) graph(g *onnx.Graph, outer *plan) (*plan, error) {
	p := &plan{slots: map[string]int{}, outer: outer}
	for _, t := range g.Initializers {
		v, err := t.Value()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", runtime.ErrModel, err)
		}
		p.fixed[p.place(t.Name)] = v
	}
	return p, nil
}

func (pl *planner) addSteps(p *plan, g *onnx.Graph) error {
	ops, err := decodeOperations(g)
	if err != nil {
		return fmt.Errorf("%w: onnx-go: %w", runtime.ErrModel, err)
	}
	for _, op := range ops {
		s := step{node: op.node}
		if s.attrs, err = readAttributes(op.node); err != nil {
			return fmt.Errorf("%w: %w", runtime.ErrModel, err)
		}
		if s.kernel, err = pl.kernel(op.node, s.attrs); err != nil {
			return err
		}
		for _, in := range op.inputs {
			s.inputs = append(s.inputs, p.find(in))
		}
		if err := pl.addBodies(p, &s); err != nil {
			return err
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

// find returns a value's slot, -1 where it has none. A value of the graph
// around gets one.
func (p *plan) find(name string) int {
	if name == "" {
		return -1
	}
	if i, ok := p.slots[name]; ok {
		return i
	}
	if p.outer == nil {
		return -1
	}
	from := p.outer.find(name)
	if from < 0 {
		return -1
	}
	i := p.place(name)
	p.captures = append(p.captures, capture{outer: from, inner: i})
	return i
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

// operator is a node's operator as [kernels] names it.
func operator(n *onnx.Node) string {
	if d := domainOf(n); d != "" {
		return d + "." + n.OpType
	}
	return n.OpType
}

// domainOf returns a node's domain, "" for ONNX's own.
func domainOf(n *onnx.Node) string {
	if n.Domain == "ai.onnx" {
		return ""
	}
	return n.Domain
}

// missing lists the operators that there is no kernel for in any version, those
// of sub-graphs too. A function of the model's is no operator of the engine,
// whatever its name.
func (l *library) missing(m *onnx.Model) []string {
	return l.without(m, func(n *onnx.Node) bool { return l.operators[operator(n)] != nil })
}

// unsupported is missing with the operators that are here in other versions
// than the model's.
func (l *library) unsupported(m *onnx.Model) []string {
	return l.without(m, func(n *onnx.Node) bool { f, _ := l.form(n); return f != nil })
}

// without lists the operators of the nodes that are not known.
func (l *library) without(m *onnx.Model, known func(n *onnx.Node) bool) []string {
	functions := map[string]bool{}
	for i := range m.Functions {
		f := &m.Functions[i]
		functions[operator(&onnx.Node{OpType: f.Name, Domain: f.Domain})] = true
	}
	missing := map[string]bool{}
	var visit func(g *onnx.Graph)
	visit = func(g *onnx.Graph) {
		for _, n := range g.Nodes {
			if functions[operator(n)] || !known(n) {
				missing[displayed(domainOf(n))+"."+n.OpType] = true
			}
			for i := range n.Attributes {
				a := &n.Attributes[i]
				if a.Graph != nil {
					visit(a.Graph)
				}
				for _, inner := range a.Graphs {
					visit(inner)
				}
			}
		}
	}
	if m.Graph != nil {
		visit(m.Graph)
	}
	return slices.Sorted(maps.Keys(missing))
}

// schedule is the part of a plan that some outputs need, and when each value
// is read for the last time.
type schedule struct {
	plan    *plan
	steps   []int
	outputs []int   // slots
	free    [][]int // by position in steps: slots that no later step reads
	needs   []bool  // by slot: some step or output reads it
	// computed is by slot, too: a step makes it. What is not is the caller's.
	computed []bool
}

// schedule finds what the values in some slots need.
func (p *plan) schedule(outputs []int) *schedule {
	s := &schedule{plan: p, outputs: outputs, needs: make([]bool, len(p.fixed))}
	for _, i := range outputs {
		s.needs[i] = true
	}
	for i := len(p.steps) - 1; i >= 0; i-- {
		used := slices.ContainsFunc(p.steps[i].outputs, func(out int) bool { return out >= 0 && s.needs[out] })
		if !used {
			continue
		}
		s.steps = append(s.steps, i)
		for _, list := range [][]int{p.steps[i].inputs, p.steps[i].captures} {
			for _, in := range list {
				if in >= 0 {
					s.needs[in] = true
				}
			}
		}
	}
	slices.Reverse(s.steps)
	s.lifetimes()
	return s
}

// lifetimes finds the last reader of every value that a step computes, but for
// the outputs.
func (s *schedule) lifetimes() {
	s.computed = make([]bool, len(s.plan.fixed))
	for _, i := range s.steps {
		for _, slot := range s.plan.steps[i].outputs {
			if slot >= 0 {
				s.computed[slot] = true
			}
		}
	}
	live := slices.Clone(s.computed)
	for _, slot := range s.outputs {
		live[slot] = false
	}
	s.free = make([][]int, len(s.steps))
	for i := len(s.steps) - 1; i >= 0; i-- {
		st := &s.plan.steps[s.steps[i]]
		for _, list := range [][]int{st.inputs, st.captures, st.outputs} {
			for _, slot := range list {
				if slot >= 0 && live[slot] {
					live[slot] = false
					s.free[i] = append(s.free[i], slot)
				}
			}
		}
	}
}

// runner computes a schedule over a table of values, as often as it is asked.
type runner struct {
	*schedule
	table []*tensor.Tensor // by slot
	call  call
}

// newRunner returns a runner whose table has the initialisers; the caller adds
// the inputs.
func newRunner(ctx context.Context, s *schedule, m *memory) *runner {
	r := &runner{schedule: s, table: slices.Clone(s.plan.fixed)}
	r.call = call{memory: m, ctx: ctx, table: r.table}
	return r
}

// run computes the schedule.
func (r *runner) run() (err error) {
	at := -1
	defer func() {
		// A kernel trusts what shape checks let through; what they missed must
		// not take the program down.
		switch p := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("%s: %w", r.describe(at), p)
		default:
			err = fmt.Errorf("%s: %v", r.describe(at), p)
		}
	}()
	c := &r.call
	for i, number := range r.steps {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		at = number
		st := &r.plan.steps[number]
		c.reset(st)
		if err := st.kernel(c); err != nil {
			return fmt.Errorf("%s: %w", r.describe(number), err)
		}
		for j, slot := range st.outputs {
			if slot < 0 {
				c.release(c.out[j])
				continue
			}
			if c.out[j] == nil {
				return fmt.Errorf("%s: output %d was not computed", r.describe(number), j)
			}
			r.table[slot] = c.out[j]
		}
		for _, slot := range r.free[i] {
			c.release(r.table[slot])
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
