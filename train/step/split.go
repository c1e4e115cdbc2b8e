package step

import (
	"fmt"
	"slices"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/models"
)

// Names of what the forward program hands to the backward one.
const (
	cutPrefix   = "gradient/cut/" // of the values at the cut, into the backward program
	savedPrefix = "saved/"        // what does not depend on gradients and the backward program reads
	valuePrefix = "value/cut/"    // the values at the cut themselves, for methods that read them
)

// taskGradient is the gradient of one set of losses by one value: an output of
// a program.
type taskGradient struct {
	set   int // the task's number; the number of tasks for the penalty
	value *builder.Value
	name  string // of the output
}

// split is a training step that computes gradients task by task.
//
// It is cut where what all tasks share reaches their own parameters: at one
// value, which the trunk hands to the heads, or at several. The forward program
// runs the forward pass and each task's gradient at and above the cut. It also
// computes all operators of the backward program that do not depend on those
// gradients. The backward program takes gradients at the cut to the parameters
// before it: it runs once for a combined gradient, or once a task.
//
// Without a backward program, the forward one has each task's gradients by all
// parameters. Then nothing is handed over through memory, which is faster where
// all tasks' gradients are wanted by parameters; with one, those of tasks that a
// batch lacks cost nothing. Where nothing is learned before a cut, there is no
// other way.
type split struct {
	forward, backward *program
	cut               []*builder.Value
	saved             []*builder.Value
	// atCut are the gradients by the values at the cut, by set; nil for one that
	// a loss does not reach.
	atCut [][]*taskGradient
	// valued says that the forward program has the values at the cut as outputs, too.
	valued bool
	blocks []grad.Block   // that are computed again
	own    []taskGradient // by parameters, from the forward program
	rows   []taskGradient // by looked-up rows, without a backward program
}

// compileSplit compiles the step; again: with blocks that are computed again; whole: without a backward program; valued: with
// the values at the cut as outputs.
func compileSplit(m *models.Model, f *features, again, whole, valued bool) (*split, error) {
	built, err := m.Build(models.Training)
	if err != nil {
		return nil, err
	}
	forward := newProgram(built, f)
	d := &split{forward: forward, valued: valued, blocks: blocksOf(built, again)}
	if !whole {
		d.cut = d.shared()
		if d.cut == nil {
			d.cut = d.frontier()
		}
	}
	before := ancestors(d.cut, nil)
	outputs := d.forwardGradients(before)
	if len(d.cut) > 0 {
		backward, outs, err := d.compileBackward(before)
		if err != nil {
			return nil, err
		}
		d.backward = backward
		outputs = append(outputs, outs...)
	}
	if d.valued {
		for k, v := range d.cut {
			outputs = append(outputs, builder.Output{Name: fmt.Sprint(valuePrefix, k), Value: v})
		}
	}
	return d, forward.emit(outputs)
}

// ancestors are the values that some are computed from, those themselves
// included, but for what lies behind a cut.
func ancestors(of []*builder.Value, cut map[*builder.Value]bool) map[*builder.Value]bool {
	return walk(of, func(v *builder.Value, _ *builder.Node) bool { return !cut[v] })
}

// walk goes from some values back to what they are computed from, and on from each
// for which further says so. It returns the values that it has met.
func walk(of []*builder.Value, further func(*builder.Value, *builder.Node) bool) map[*builder.Value]bool {
	seen := map[*builder.Value]bool{}
	stack := slices.Clone(of)
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v == nil || seen[v] {
			continue
		}
		seen[v] = true
		if n := v.Node(); n != nil && further(v, n) {
			stack = append(append(stack, n.Inputs...), n.Captures...)
		}
	}
	return seen
}

// descendants are the values that are computed from some, those themselves
// included.
func descendants(g *builder.Graph, of []*builder.Value) map[*builder.Value]bool {
	from := map[*builder.Value]bool{}
	for _, v := range of {
		from[v] = true
	}
	for _, n := range g.Nodes() {
		if slices.ContainsFunc(n.Inputs, func(v *builder.Value) bool { return from[v] }) ||
			slices.ContainsFunc(n.Captures, func(v *builder.Value) bool { return from[v] }) {
			for _, v := range n.Outputs {
				from[v] = true
			}
		}
	}
	return from
}

// shared is the model's shared representation, where anything is learned before
// it and reaches the losses through it alone.
func (d *split) shared() []*builder.Value {
	x := d.forward.built.Shared
	if x == nil {
		return nil
	}
	before := ancestors([]*builder.Value{x}, nil)
	// The gathered rows are leaves of the step, whatever computes them here.
	behind := ancestors(d.losses(), map[*builder.Value]bool{x: true})
	learns := false
	for _, v := range d.forward.learned() {
		if v != x && behind[v] && (before[v] || v.Parameter() == nil) {
			return nil
		}
		learns = learns || before[v]
	}
	if !learns {
		return nil
	}
	return []*builder.Value{x}
}

// losses are those of the tasks and the penalty.
func (d *split) losses() []*builder.Value {
	var losses []*builder.Value
	for _, t := range d.forward.built.Tasks {
		losses = append(losses, t.Loss)
	}
	if p := d.forward.built.Penalty; p != nil {
		losses = append(losses, p)
	}
	return losses
}

// frontier are the last values on the way to the losses that no parameter of a
// task's own has a part in, in the order of the graph. A parameter is one of
// them only where others are computed from it: else it lies behind.
func (d *split) frontier() []*builder.Value {
	g := d.forward.built.Graph
	learned := d.forward.learned()
	var own []*builder.Value
	for _, v := range g.Parameters() {
		if !shared(v.Name()) {
			own = append(own, v)
		}
	}
	private, active := descendants(g, own), descendants(g, learned)
	readers := map[*builder.Value]int{}
	for _, n := range g.Nodes() {
		for _, v := range n.Inputs {
			readers[v]++
		}
	}
	reached := map[*builder.Value]bool{}
	stack := d.losses()
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v == nil || reached[v] || !active[v] || !v.DType().IsFloat() {
			continue
		}
		reached[v] = true
		n := v.Node()
		switch {
		case n != nil && !private[v] && (isView(n) || n.Op == "Concat" && slices.ContainsFunc(n.Inputs, func(v *builder.Value) bool { return readers[v] > 1 })):
			// Tasks that look at one value in several ways, or at it beside others,
			// share that value.
			delete(reached, v)
			stack = append(stack, n.Inputs...)
		case !private[v] || n == nil:
		case n.Composite != nil: // gradients go straight to its operands
			stack = append(stack, n.Composite.Inputs...)
		default:
			stack = append(append(stack, n.Inputs...), n.Captures...)
		}
	}
	var cut, parameters []*builder.Value
	for _, v := range learned {
		switch {
		case !reached[v] || private[v]:
		case v.Parameter() != nil:
			parameters = append(parameters, v)
		default:
			cut = append(cut, v)
		}
	}
	for _, n := range g.Nodes() {
		for _, v := range n.Outputs {
			if reached[v] && !private[v] && !slices.Contains(cut, v) {
				cut = append(cut, v)
			}
		}
	}
	before := ancestors(cut, nil)
	for _, v := range parameters {
		if before[v] {
			cut = append(cut, v)
		}
	}
	return cut
}

// forwardGradients adds each task's gradients by the values at the cut and by all
// that is learned behind it. Those by values in before are the backward program's.
func (d *split) forwardGradients(before map[*builder.Value]bool) []builder.Output {
	p := d.forward
	var outputs []builder.Output
	var names []string
	for _, t := range p.built.Tasks {
		names = append(names, t.Name)
		outputs = append(outputs, builder.Output{Name: lossPrefix + t.Name, Value: t.Loss})
	}
	if p.built.Penalty != nil {
		names = append(names, penaltyName)
		outputs = append(outputs, builder.Output{Name: penaltyName, Value: p.built.Penalty})
	}
	wrt := slices.Clone(d.cut)
	for _, v := range p.learned() {
		if !before[v] {
			wrt = append(wrt, v)
		}
	}
	losses := d.losses()
	d.atCut = make([][]*taskGradient, len(losses))
	for i, loss := range losses {
		d.atCut[i] = make([]*taskGradient, len(d.cut))
		for j, dv := range grad.PartialsAgain(p.built.Graph, []*builder.Value{loss}, nil, wrt, d.blocks) {
			if dv == nil {
				continue
			}
			// The number tells dropped tasks and parameters whose names would run
			// together.
			at := taskGradient{i, wrt[j], fmt.Sprintf("%s%d/%s/%s", gradientPrefix, i, names[i], wrt[j].Name())}
			outputs = append(outputs, builder.Output{Name: at.name, Value: dv})
			switch {
			case j < len(d.cut):
				d.atCut[i][j] = &at
			case wrt[j].Parameter() != nil:
				d.own = append(d.own, at)
			default:
				d.rows = append(d.rows, at)
			}
		}
	}
	return outputs
}

// compileBackward builds the backward program, and returns what it needs the forward
// one to output.
func (d *split) compileBackward(before map[*builder.Value]bool) (*program, []builder.Output, error) {
	built := d.forward.built
	g := built.Graph
	p := &program{built: built, lookup: d.forward.lookup, features: slices.Clone(d.forward.features), graded: map[string]bool{}}
	var wrt, results, seeds []*builder.Value
	for _, v := range p.learned() {
		if before[v] {
			wrt = append(wrt, v)
		}
	}
	for i, v := range d.cut {
		seeds = append(seeds, g.Input(fmt.Sprint(cutPrefix, i), v.DType(), v.Shape()...))
	}
	var outputs []builder.Output
	for i, dv := range grad.GradientsAgain(g, d.cut, seeds, wrt, d.blocks) {
		if dv != nil {
			p.graded[wrt[i].Name()] = true
			outputs = append(outputs, builder.Output{Name: gradientPrefix + wrt[i].Name(), Value: dv})
			results = append(results, dv)
		}
	}
	if err := g.Err(); err != nil {
		return nil, nil, err
	}
	d.saved = d.save(results, seeds)
	var saved []builder.Output
	for _, v := range d.saved {
		saved = append(saved, builder.Output{Name: savedPrefix + v.Name(), Value: v})
	}
	return p, saved, p.emit(outputs, d.saved...)
}

// save finds what the backward program reads that does not depend on the seeds, which is
// computed once for all tasks. Of a value that is another in a different shape,
// the other is saved: the backward program looks at it in that shape at no cost,
// while the forward one would copy it.
func (d *split) save(results, seeds []*builder.Value) []*builder.Value {
	g := d.forward.built.Graph
	varies := descendants(g, seeds)
	given := d.forward.given()
	kept := map[*builder.Value]bool{}
	walk(results, func(v *builder.Value, n *builder.Node) bool {
		if slices.Contains(given, v) {
			return false
		}
		again := varies[v] || isView(n) || spreads(n)
		kept[v] = !again
		return again
	})
	var saved []*builder.Value
	for _, n := range g.Nodes() { // in the order of the graph
		for _, v := range n.Outputs {
			if kept[v] {
				saved = append(saved, v)
			}
		}
	}
	return saved
}

// spreads reports whether a node repeats smaller operands over its result, so
// that computing it again reads less than saving it.
func spreads(n *builder.Node) bool {
	switch n.Op {
	case "Expand":
		return true
	case "Mul", "Add":
		same := func(v *builder.Value) bool { return v.Shape().Equal(n.Outputs[0].Shape()) }
		return !slices.ContainsFunc(n.Inputs, same)
	}
	return false
}

// isView reports whether an engine hands on a node's operand as it is, or reads
// it in another order within the product that follows.
func isView(n *builder.Node) bool {
	switch n.Op {
	case "Reshape", "Squeeze", "Unsqueeze", "Identity":
		return true
	case "Transpose":
		perm := n.Attr("perm").Ints
		last := len(perm) - 1
		for i, p := range perm[:max(last-1, 0)] {
			if p != int64(i) {
				return false
			}
		}
		return last > 0 && perm[last] == int64(last-1)
	}
	return false
}
