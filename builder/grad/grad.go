// Package grad adds gradients to a graph: reverse-mode differentiation in
// which the vector-Jacobian product of every operator is written with
// operators of the same graph. What trains is therefore a plain ONNX model.
//
// Rules stand in vjp_*.go by the families of builder's ops_*.go. An operator
// without a rule is an error on the graph that names it.
package grad

import (
	"fmt"
	"slices"

	"espalier/builder"
)

// rule computes the gradients of a node's inputs from those of its outputs.
// dy has one entry per output, nil where the output has no gradient; at least
// one is there. The result has one entry per input, nil where need is false or
// the gradient is zero.
type rule func(c call) []*builder.Value

// call is one application of a rule.
type call struct {
	g      *builder.Graph
	n      *builder.Node
	inputs []*builder.Value // of the node, or of the composite that it ends
	dy     []*builder.Value
	need   []bool
}

// x returns input i.
func (c call) x(i int) *builder.Value { return c.inputs[i] }

// y returns the first output.
func (c call) y() *builder.Value { return c.n.Outputs[0] }

// output returns the number of the node's output that is the i-th saved value
// of its composite: a node may have others in front of it.
func (c call) output(i int) int { return slices.Index(c.n.Outputs, c.n.Composite.Saved[i]) }

// rules maps an operator to its rule. Operators whose outputs are integers or
// booleans need none: no gradient ever reaches them.
func rules() map[string]rule {
	all := map[string]rule{}
	for _, family := range []map[string]rule{elementwise(), linear(), reductions(), norms(), indexing(), shapes(), recurrences(), chains()} {
		for op, r := range family {
			all[op] = r
		}
	}
	return all
}

// Gradients returns the gradient of sum_i <seeds[i], outputs[i]> with respect
// to each of wrt, with the same shapes; nil where the outputs do not depend on
// the value. seeds may be nil when every output is a scalar: their plain sum
// is differentiated. Nothing is computed for values that no element of wrt
// feeds, and wrt may name any values, not parameters only.
func Gradients(g *builder.Graph, outputs, seeds, wrt []*builder.Value) []*builder.Value {
	return gradients(g, outputs, seeds, wrt, nil, nil)
}

// GradientsAgain is Gradients with the operators of blocks computed again for the
// backward pass, so that of each only what goes into it is kept (Chen et al. 2016). Blocks
// have no operator in common.
func GradientsAgain(g *builder.Graph, outputs, seeds, wrt []*builder.Value, blocks []Block) []*builder.Value {
	return gradients(g, outputs, seeds, wrt, nil, blocks)
}

// PartialsAgain is Partials with blocks as in [GradientsAgain].
func PartialsAgain(g *builder.Graph, outputs, seeds, wrt []*builder.Value, blocks []Block) []*builder.Value {
	return gradients(g, outputs, seeds, wrt, holding(wrt), blocks)
}

// Partials is Gradients with every value of wrt held as an input: where one of
// them is computed from another, the way through it is not followed.
func Partials(g *builder.Graph, outputs, seeds, wrt []*builder.Value) []*builder.Value {
	return gradients(g, outputs, seeds, wrt, holding(wrt), nil)
}

func holding(values []*builder.Value) map[*builder.Value]bool {
	held := map[*builder.Value]bool{}
	for _, v := range values {
		held[v] = true
	}
	return held
}

func gradients(g *builder.Graph, outputs, seeds, wrt []*builder.Value, held map[*builder.Value]bool, blocks []Block) []*builder.Value {
	grads := make([]*builder.Value, len(wrt))
	if g.Err() != nil {
		return grads
	}
	b := &backward{g: g, rules: rules(), held: held, active: map[*builder.Value]bool{}, parts: map[*builder.Value][]*builder.Value{}}
	if err := b.seed(outputs, seeds); err != nil {
		g.Fail("Gradients", outputs, err)
		return grads
	}
	nodes := slices.Clone(g.Nodes())
	b.markActive(nodes, wrt)
	b.again = newAgain(nodes, wrt, blocks)
	for i := len(nodes) - 1; i >= 0; i-- {
		if b.enter(nodes[i]); g.Err() != nil {
			return grads
		}
		if err := b.step(nodes[i]); err != nil {
			g.Fail("Gradients", nodes[i].Inputs, err)
		}
		if g.Err() != nil {
			return grads
		}
	}
	for i, v := range wrt {
		grads[i] = b.total(v)
	}
	return grads
}

type backward struct {
	g      *builder.Graph
	rules  map[string]rule
	active map[*builder.Value]bool
	// held are the values behind whose gradients nothing is computed.
	held map[*builder.Value]bool
	// parts holds the contributions to a value's gradient that have not been
	// summed yet.
	parts map[*builder.Value][]*builder.Value
	again *again // nil: nothing is computed again
}

func (b *backward) seed(outputs, seeds []*builder.Value) error {
	if seeds != nil && len(seeds) != len(outputs) {
		return fmt.Errorf("%d outputs have %d seeds", len(outputs), len(seeds))
	}
	for i, y := range outputs {
		if !y.Valid() || !y.DType().IsFloat() {
			return fmt.Errorf("output %d is not a float value", i)
		}
		if seeds == nil {
			if y.Rank() != 0 {
				return fmt.Errorf("output %d has shape %v, a seed is needed unless it is a scalar", i, y.Shape())
			}
			b.parts[y] = append(b.parts[y], b.g.ScalarOf(y.DType(), 1))
			continue
		}
		if !seeds[i].Valid() || !seeds[i].Shape().Equal(y.Shape()) {
			return fmt.Errorf("the seed of output %d is %v, the output is %v", i, seeds[i], y)
		}
		b.parts[y] = append(b.parts[y], seeds[i])
	}
	return nil
}

// markActive finds the values that depend on wrt.
func (b *backward) markActive(nodes []*builder.Node, wrt []*builder.Value) {
	for _, v := range wrt {
		b.active[v] = true
	}
	isActive := func(v *builder.Value) bool { return v != nil && b.active[v] }
	for _, n := range nodes {
		if !slices.ContainsFunc(n.Inputs, isActive) && !slices.ContainsFunc(n.Captures, isActive) {
			continue
		}
		for _, out := range n.Outputs {
			if out.DType().IsFloat() {
				b.active[out] = true
			}
		}
	}
}

// total sums the contributions to a value's gradient once.
func (b *backward) total(v *builder.Value) *builder.Value {
	parts := b.parts[v]
	if len(parts) == 0 {
		return nil
	}
	sum := parts[0]
	for _, p := range parts[1:] {
		sum = b.g.Add(sum, p)
	}
	b.parts[v] = []*builder.Value{sum}
	return sum
}

func (b *backward) step(n *builder.Node) error {
	op, inputs := n.Op, n.Inputs
	if n.Composite != nil {
		op, inputs = n.Composite.Op, n.Composite.Inputs
	}
	own, reads := n, inputs
	if own = b.again.copyOf(n); own != n {
		if reads = own.Inputs; own.Composite != nil {
			reads = own.Composite.Inputs
		}
	}
	c := call{g: b.g, n: own, inputs: reads, dy: make([]*builder.Value, len(n.Outputs)), need: make([]bool, len(inputs))}
	reached, needed := false, false
	for i, out := range n.Outputs {
		if b.active[out] && !b.held[out] {
			c.dy[i] = b.total(out)
			reached = reached || c.dy[i] != nil
		}
	}
	for i, in := range inputs {
		c.need[i] = in != nil && b.active[in] && in.DType().IsFloat()
		needed = needed || c.need[i]
	}
	if !reached || !needed {
		return nil
	}
	r := b.rules[op]
	if r == nil {
		return fmt.Errorf("operator %s has no gradient; add its rule to builder/grad", op)
	}
	dx := r(c)
	if b.g.Err() != nil {
		return nil
	}
	for i, d := range dx {
		if d == nil || !c.need[i] {
			continue
		}
		if x := inputs[i]; !d.Shape().Equal(x.Shape()) || d.DType() != x.DType() {
			return fmt.Errorf("the gradient of operand %d of %s is %v, the operand is %v", i, op, d, x)
		}
		b.parts[inputs[i]] = append(b.parts[inputs[i]], d)
		b.again.note(inputs[i], d)
	}
	return nil
}

// sumTo undoes broadcasting: it sums v over the dimensions that shape lacks or
// has as 1.
func sumTo(g *builder.Graph, v *builder.Value, shape builder.Shape) *builder.Value {
	if v.Shape().Equal(shape) {
		return v
	}
	extra := v.Rank() - len(shape)
	if extra == 1 && v.Rank() == 2 && shape[0] == v.Dim(1) {
		return columnSums(g, v)
	}
	var axes []int64
	for i := range v.Rank() {
		if i < extra || shape[i-extra] != v.Shape()[i] {
			axes = append(axes, int64(i))
		}
	}
	return g.Reshape(g.ReduceSum(v, false, axes...), shape...)
}

// columnSums adds up the rows of a matrix, the gradient of every bias. It is
// written as a product with a row of ones: runtimes read a matrix in that order
// far faster than their reductions do.
func columnSums(g *builder.Graph, v *builder.Value) *builder.Value {
	ones := g.Expand(g.Reshape(like(g, v, 1), builder.Dims(1, 1)...), builder.Fixed(1), v.Dim(0))
	return g.Reshape(g.MatMul(ones, v), v.Dim(1))
}
