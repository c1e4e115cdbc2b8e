package grad

import (
	"slices"

	"espalier/builder"
)

// Block is a part of a graph: what is computed of In on the way to Out. One with a
// graph inside an operator, such as a loop, is never computed again.
type Block struct{ In, Out *builder.Value }

// again computes blocks again.
type again struct {
	blocks map[*builder.Node]*span // by their last node
	copies map[*builder.Node]*builder.Node
	wrt    map[*builder.Value]bool
	since  []*builder.Value // gradients by wrt since the last block was entered
}

// span is a block's nodes, in the order of the graph.
type span struct {
	Block
	nodes []*builder.Node
}

// newAgain finds the nodes of blocks.
func newAgain(nodes []*builder.Node, wrt []*builder.Value, blocks []Block) *again {
	if len(blocks) == 0 {
		return nil
	}
	a := &again{blocks: map[*builder.Node]*span{}, copies: map[*builder.Node]*builder.Node{}, wrt: holding(wrt)}
	for _, block := range blocks {
		if of := block.nodes(nodes); repeatable(of) {
			a.blocks[of[len(of)-1]] = &span{block, of}
		}
	}
	return a
}

// Repeatable reports whether a block of a graph can be computed again: it has operators,
// and none with a graph inside.
func (block Block) Repeatable(g *builder.Graph) bool { return repeatable(block.nodes(g.Nodes())) }

func repeatable(nodes []*builder.Node) bool {
	return len(nodes) > 0 && !slices.ContainsFunc(nodes, func(n *builder.Node) bool { return len(n.Bodies) > 0 })
}

// nodes are those that read what is computed of In and compute what Out needs, in the
// order of the graph.
func (block Block) nodes(all []*builder.Node) []*builder.Node {
	after, before := map[*builder.Value]bool{block.In: true}, map[*builder.Value]bool{block.Out: true}
	var reading, of []*builder.Node
	for _, n := range all {
		if readsAny(n, after) {
			reading = append(reading, n)
			for _, v := range n.Outputs {
				after[v] = true
			}
		}
	}
	for _, n := range slices.Backward(reading) {
		if slices.ContainsFunc(n.Outputs, func(v *builder.Value) bool { return before[v] }) {
			of = append(of, n)
			for _, v := range slices.Concat(n.Inputs, n.Captures) {
				before[v] = true
			}
		}
	}
	slices.Reverse(of)
	return of
}

func readsAny(n *builder.Node, of map[*builder.Value]bool) bool {
	in := func(v *builder.Value) bool { return v != nil && of[v] }
	return slices.ContainsFunc(n.Inputs, in) || slices.ContainsFunc(n.Captures, in)
}

// enter copies a block whose last node the backward pass has come to. The copies read
// In after the gradient of Out, so that no engine takes them for what it has computed
// in the forward pass, and none computes them early; that gradient comes after those by
// wrt of the blocks behind, which an engine may leave for last.
func (b *backward) enter(n *builder.Node) {
	if b.again == nil || b.again.blocks[n] == nil {
		return
	}
	s, a := b.again.blocks[n], b.again
	if b.held[s.Out] {
		return
	}
	dy := b.total(s.Out)
	if dy == nil || !b.active[s.Out] {
		return
	}
	dy = b.g.After(dy, a.since...)
	b.parts[s.Out], a.since = []*builder.Value{dy}, nil
	replaced := map[*builder.Value]*builder.Value{s.In: b.g.After(s.In, dy)}
	for i, again := range b.g.Repeat(s.nodes, replaced) {
		a.copies[s.nodes[i]] = again
	}
}

// copyOf returns the copy that the backward pass reads in a node's place, or the node.
func (a *again) copyOf(n *builder.Node) *builder.Node {
	if a == nil || a.copies[n] == nil {
		return n
	}
	return a.copies[n]
}

// note takes in a contribution to the gradient of a value.
func (a *again) note(v, d *builder.Value) {
	if a != nil && a.wrt[v] {
		a.since = append(a.since, d)
	}
}
