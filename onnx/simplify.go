package onnx

import (
	"fmt"
	"sort"
	"strings"

	"espalier/internal/nearest"
)

// Simplify leaves a graph as small as it can be without changing a result:
// nodes that no output needs are dropped, initialisers that hold the same
// elements become one, and what is left stands in topological order, nodes as
// close to their old order as that allows. The same graph gives the same
// graph.
func Simplify(g *Graph) error {
	prune(g)
	mergeInitializers(g)
	return SortTopologically(g)
}

// prune drops nodes and initialisers that no output depends on, and returns the
// names that one does.
func prune(g *Graph) map[string]bool {
	producer := map[string]*Node{}
	for _, n := range g.Nodes {
		for _, out := range n.Outputs {
			if out != "" {
				producer[out] = n
			}
		}
	}
	need := map[string]bool{}
	keep := map[*Node]bool{}
	var stack []string
	for _, o := range g.Outputs {
		stack = append(stack, o.Name)
	}
	for len(stack) > 0 {
		name := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if name == "" || need[name] {
			continue
		}
		need[name] = true
		if n := producer[name]; n != nil && !keep[n] {
			keep[n] = true
			stack = append(stack, references(n)...)
		}
	}
	nodes := g.Nodes[:0]
	for _, n := range g.Nodes {
		if keep[n] {
			nodes = append(nodes, n)
		}
	}
	g.Nodes = nodes
	inits := g.Initializers[:0]
	for _, t := range g.Initializers {
		if need[t.Name] {
			inits = append(inits, t)
		}
	}
	g.Initializers = inits
	infos := g.ValueInfos[:0]
	for _, v := range g.ValueInfos {
		if need[v.Name] {
			infos = append(infos, v)
		}
	}
	g.ValueInfos = infos
	return need
}

// references lists the values that a node reads, those that its sub-graphs
// read from outside among them.
func references(n *Node) []string {
	names := append([]string{}, n.Inputs...)
	for i := range n.Attributes {
		for _, g := range subgraphs(&n.Attributes[i]) {
			for _, inner := range g.Nodes {
				names = append(names, references(inner)...)
			}
			for _, o := range g.Outputs {
				names = append(names, o.Name)
			}
		}
	}
	return names
}

func subgraphs(a *Attribute) []*Graph {
	if a.Graph != nil {
		return append([]*Graph{a.Graph}, a.Graphs...)
	}
	return a.Graphs
}

// mergeInitializers lets equal initialisers be one. Those that are graph
// outputs keep their names.
func mergeInitializers(g *Graph) {
	fixed := map[string]bool{}
	for _, v := range g.Outputs {
		fixed[v.Name] = true
	}
	for _, v := range g.Inputs { // a default that a caller may replace
		fixed[v.Name] = true
	}
	first := map[string]string{}
	rename := map[string]string{}
	inits := g.Initializers[:0]
	for _, t := range g.Initializers {
		key := contentKey(t)
		if same, ok := first[key]; ok && !fixed[t.Name] && len(t.External) == 0 {
			rename[t.Name] = same
			continue
		}
		if _, ok := first[key]; !ok {
			first[key] = t.Name
		}
		inits = append(inits, t)
	}
	g.Initializers = inits
	if len(rename) > 0 {
		renameInputs(g, rename)
	}
}

func contentKey(t *Tensor) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %v %v %d ", t.DType, t.Dims, t.External, len(t.Strings))
	for _, s := range t.Strings {
		fmt.Fprintf(&b, "%d:%s", len(s), s)
	}
	b.Write(t.Raw)
	return b.String()
}

// renameInputs gives what nodes read other names, in graphs inside them too, whose
// outputs may be values from outside.
func renameInputs(g *Graph, rename map[string]string) {
	for _, n := range g.Nodes {
		for i, name := range n.Inputs {
			if to, ok := rename[name]; ok {
				n.Inputs[i] = to
			}
		}
		for i := range n.Attributes {
			for _, inner := range subgraphs(&n.Attributes[i]) {
				renameInputs(inner, rename)
				for j, o := range inner.Outputs {
					if to, ok := rename[o.Name]; ok {
						inner.Outputs[j].Name = to
					}
				}
			}
		}
	}
}

// SortTopologically puts every node behind those whose results it reads, and
// otherwise keeps the order. A cycle is an error that names its nodes.
func SortTopologically(g *Graph) error {
	producer := map[string]int{}
	for i, n := range g.Nodes {
		for _, out := range n.Outputs {
			if out != "" {
				producer[out] = i
			}
		}
	}
	waits := make([]int, len(g.Nodes))     // results a node still waits for
	readers := make([][]int, len(g.Nodes)) // nodes that wait for a node
	for i, n := range g.Nodes {
		from := map[int]bool{}
		for _, name := range references(n) {
			if p, ok := producer[name]; ok && p != i {
				from[p] = true
			} else if ok && p == i {
				return fmt.Errorf("onnx: node %s reads its own result %q", describeNode(n, i), name)
			}
		}
		waits[i] = len(from)
		for p := range from {
			readers[p] = append(readers[p], i)
		}
	}
	ready := &indexHeap{}
	for i, w := range waits {
		if w == 0 {
			ready.push(i)
		}
	}
	sorted := make([]*Node, 0, len(g.Nodes))
	for ready.len() > 0 {
		i := ready.pop()
		sorted = append(sorted, g.Nodes[i])
		for _, r := range readers[i] {
			if waits[r]--; waits[r] == 0 {
				ready.push(r)
			}
		}
	}
	if len(sorted) < len(g.Nodes) {
		return fmt.Errorf("onnx: the graph has a cycle through %s", cycle(g, waits))
	}
	g.Nodes = sorted
	return nil
}

// cycle names the nodes that wait for each other, at most a handful.
func cycle(g *Graph, waits []int) string {
	var names []string
	for i, w := range waits {
		if w > 0 {
			names = append(names, describeNode(g.Nodes[i], i))
		}
	}
	sort.Strings(names)
	return nearest.Some(names, 5)
}

func describeNode(n *Node, i int) string {
	if n.Name != "" {
		return fmt.Sprintf("%q (%s)", n.Name, n.OpType)
	}
	return fmt.Sprintf("node %d (%s)", i, n.OpType)
}

// indexHeap hands out the smallest index first.
type indexHeap struct{ xs []int }

func (h *indexHeap) len() int { return len(h.xs) }

func (h *indexHeap) push(x int) {
	h.xs = append(h.xs, x)
	for i := len(h.xs) - 1; i > 0; {
		up := (i - 1) / 2
		if h.xs[up] <= h.xs[i] {
			break
		}
		h.xs[up], h.xs[i] = h.xs[i], h.xs[up]
		i = up
	}
}

func (h *indexHeap) pop() int {
	top := h.xs[0]
	last := len(h.xs) - 1
	h.xs[0] = h.xs[last]
	h.xs = h.xs[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			return top
		}
		if down+1 < last && h.xs[down+1] < h.xs[down] {
			down++
		}
		if h.xs[i] <= h.xs[down] {
			return top
		}
		h.xs[i], h.xs[down] = h.xs[down], h.xs[i]
		i = down
	}
}
