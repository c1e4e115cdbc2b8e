package train

import (
	"fmt"
	"slices"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/models"
)

// Names of what the parts of a divided step hand to each other.
const (
	sharedName  = "gradient/shared" // of the shared representation, into the back
	savedPrefix = "saved/"          // what the forward pass computed and the back reads
)

// taskGradient is the gradient of one set of losses by one value: an output of
// a program.
type taskGradient struct {
	set   int // the task's number; the number of tasks for the penalty
	value *builder.Value
	name  string // of the output
}

// division is a training step that computes gradients task by task.
//
// Where all that tasks share reaches them through one value, the shared
// representation, there are two programs. The front goes forward, gives each
// task's gradient by the representation and by the parameters behind it, and
// what the trunk's backward pass reads of the forward pass. The back takes a
// gradient by the representation to the parameters before it: it runs once for
// a combined gradient, or once a task.
//
// Where several values do, back is nil, and the front has all gradients by all
// parameters, one set a task.
type division struct {
	front, back *program
	shared      *builder.Value
	saved       []*builder.Value
	// atShared are the gradients by the shared representation, by task; nil for
	// a task that it does not reach.
	atShared []*taskGradient
	own      []taskGradient // by parameters that the front computes
	rows     []taskGradient // by looked-up rows, without a back
}

// divide compiles the step in parts.
func divide(m *models.Model) (*division, error) {
	built, err := m.Build(models.Training)
	if err != nil {
		return nil, err
	}
	front := &program{built: built, lookup: lookups(built), graded: map[string]bool{}}
	d := &division{front: front, shared: built.Shared}
	before, ok := map[*builder.Value]bool{}, false
	if d.shared != nil && built.Penalty == nil {
		before, ok = d.upstream()
	}
	if !ok {
		d.shared, before = nil, map[*builder.Value]bool{}
	}
	forward := map[*builder.Node]bool{}
	for _, n := range built.Graph.Nodes() {
		forward[n] = true
	}
	outputs := d.frontGradients(before)
	if d.shared != nil {
		back, outs, err := d.compileBack(before, forward)
		if err != nil {
			return nil, err
		}
		d.back = back
		outputs = append(outputs, outs...)
	}
	return d, front.emit(outputs)
}

// ancestors are the values that some are computed from, those themselves
// included, but for what lies behind a cut.
func ancestors(of []*builder.Value, cut map[*builder.Value]bool) map[*builder.Value]bool {
	seen := map[*builder.Value]bool{}
	stack := append([]*builder.Value{}, of...)
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v == nil || seen[v] {
			continue
		}
		seen[v] = true
		if n := v.Node(); n != nil && !cut[v] {
			stack = append(append(stack, n.Inputs...), n.Captures...)
		}
	}
	return seen
}

// upstream are the values before the shared representation. It reports whether
// anything is learned there, and reaches the losses through it alone.
func (d *division) upstream() (map[*builder.Value]bool, bool) {
	before := ancestors([]*builder.Value{d.shared}, nil)
	var losses []*builder.Value
	for _, t := range d.front.built.Tasks {
		losses = append(losses, t.Loss)
	}
	// The gathered rows are leaves of the step, whatever computes them here.
	behind := ancestors(losses, map[*builder.Value]bool{d.shared: true})
	learns := false
	for _, v := range d.front.learned() {
		if before[v] && behind[v] {
			return nil, false
		}
		learns = learns || before[v]
	}
	return before, learns
}

// frontGradients adds each task's gradients by the shared representation and by
// all that is learned behind it. Values in before are the back's.
func (d *division) frontGradients(before map[*builder.Value]bool) []builder.Output {
	p := d.front
	g := p.built.Graph
	var outputs []builder.Output
	var losses []*builder.Value
	var names []string
	for _, t := range p.built.Tasks {
		losses, names = append(losses, t.Loss), append(names, t.Name)
		outputs = append(outputs, builder.Output{Name: lossPrefix + t.Name, Value: t.Loss})
	}
	if p.built.Penalty != nil {
		losses, names = append(losses, p.built.Penalty), append(names, penaltyName)
		outputs = append(outputs, builder.Output{Name: penaltyName, Value: p.built.Penalty})
	}
	var wrt []*builder.Value
	if d.shared != nil {
		wrt = append(wrt, d.shared)
	}
	for _, v := range p.learned() {
		if !before[v] {
			wrt = append(wrt, v)
		}
	}
	d.atShared = make([]*taskGradient, len(losses))
	for i, loss := range losses {
		for j, dv := range grad.Gradients(g, []*builder.Value{loss}, nil, wrt) {
			if dv == nil {
				continue
			}
			// The number tells apart tasks and parameters whose names would run
			// together.
			at := taskGradient{i, wrt[j], fmt.Sprintf("%s%d/%s/%s", gradientPrefix, i, names[i], wrt[j].Name())}
			outputs = append(outputs, builder.Output{Name: at.name, Value: dv})
			switch {
			case wrt[j] == d.shared:
				d.atShared[i] = &at
			case wrt[j].Parameter() != nil:
				d.own = append(d.own, at)
			default:
				d.rows = append(d.rows, at)
			}
		}
	}
	return outputs
}

// compileBack builds the trunk's backward pass, and returns what it needs the
// front to output: the values of the forward pass that it reads.
func (d *division) compileBack(before map[*builder.Value]bool, forward map[*builder.Node]bool) (*program, []builder.Output, error) {
	built := d.front.built
	g := built.Graph
	p := &program{built: built, lookup: d.front.lookup, graded: map[string]bool{}}
	var wrt, results []*builder.Value
	for _, v := range p.learned() {
		if before[v] {
			wrt = append(wrt, v)
		}
	}
	seed := g.Input(sharedName, d.shared.DType(), d.shared.Shape()...)
	var outputs []builder.Output
	for i, dv := range grad.Gradients(g, []*builder.Value{d.shared}, []*builder.Value{seed}, wrt) {
		if dv != nil {
			p.graded[wrt[i].Name()] = true
			outputs = append(outputs, builder.Output{Name: gradientPrefix + wrt[i].Name(), Value: dv})
			results = append(results, dv)
		}
	}
	if err := g.Err(); err != nil {
		return nil, nil, err
	}
	cut := map[*builder.Value]bool{}
	for _, n := range g.Nodes() {
		if forward[n] {
			for _, v := range n.Outputs {
				cut[v] = true
			}
		}
	}
	var saved []builder.Output
	reached := ancestors(results, cut)
	gathered := p.rows()
	for _, n := range g.Nodes() { // in the order of the graph
		for _, v := range n.Outputs {
			if cut[v] && reached[v] && !slices.Contains(gathered, v) {
				d.saved = append(d.saved, v)
				saved = append(saved, builder.Output{Name: savedPrefix + v.Name(), Value: v})
			}
		}
	}
	return p, saved, p.emit(outputs, d.saved...)
}
