package onnx

import (
	"fmt"

	"espalier/tensor"
)

// Check reports the first thing that keeps a model from being well formed:
// versions and names that must be there, values used before they are made or
// made twice, nodes in a cycle, elements that do not fill their dimensions,
// attributes whose type and value disagree. It does not know what operators
// mean; an engine does.
func Check(m *Model) error {
	if m.IRVersion < 1 {
		return fmt.Errorf("onnx: the model has no IR version")
	}
	if len(m.OpsetImports) == 0 {
		return fmt.Errorf("onnx: the model imports no operator set")
	}
	c := &checker{domains: map[string]int64{}}
	for _, id := range m.OpsetImports {
		domain := canonical(id.Domain)
		// skl2onnx imports a set twice, in one version.
		if v, twice := c.domains[domain]; twice && v != id.Version {
			return fmt.Errorf("onnx: operator set %q is imported in versions %d and %d", id.Domain, v, id.Version)
		}
		c.domains[domain] = id.Version
	}
	if m.Graph == nil {
		return fmt.Errorf("onnx: the model has no graph")
	}
	if m.Graph.Name == "" {
		return fmt.Errorf("onnx: the graph has no name")
	}
	if len(m.Graph.Outputs) == 0 {
		return fmt.Errorf("onnx: the graph has no outputs")
	}
	return c.graph(m.Graph, "graph", nil, 0)
}

// maxCheckDepth bounds the nesting of sub-graphs, as Decode does.
const maxCheckDepth = 64

func canonical(domain string) string {
	if domain == "ai.onnx" {
		return ""
	}
	return domain
}

// checker knows the versions of the operator sets by domain.
type checker struct{ domains map[string]int64 }

// scope is the names that a graph knows, and those around it.
type scope struct {
	names map[string]bool
	outer *scope
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if s.names[name] {
			return true
		}
	}
	return false
}

func (c *checker) graph(g *Graph, path string, outer *scope, depth int) error {
	if depth > maxCheckDepth {
		return fmt.Errorf("onnx: %s: sub-graphs are nested more than %d deep", path, maxCheckDepth)
	}
	s := &scope{names: map[string]bool{}, outer: outer}
	for i, v := range g.Inputs {
		if v.Name == "" {
			return fmt.Errorf("onnx: %s: input %d has no name", path, i)
		}
		if s.names[v.Name] {
			return fmt.Errorf("onnx: %s: input %q stands twice", path, v.Name)
		}
		s.names[v.Name] = true
	}
	if err := c.initializers(g, path, s); err != nil {
		return err
	}
	made := map[string]bool{}
	for _, n := range g.Nodes {
		for _, out := range n.Outputs {
			made[out] = true
		}
	}
	for i, n := range g.Nodes {
		if err := c.node(g, n, i, path, s, made, depth); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for i, o := range g.Outputs {
		switch {
		case o.Name == "":
			return fmt.Errorf("onnx: %s: output %d has no name", path, i)
		case seen[o.Name]:
			return fmt.Errorf("onnx: %s: output %q stands twice", path, o.Name)
		case !s.has(o.Name):
			return fmt.Errorf("onnx: %s: nothing computes output %q", path, o.Name)
		}
		seen[o.Name] = true
	}
	return nil
}

func (c *checker) initializers(g *Graph, path string, s *scope) error {
	inits := map[string]bool{}
	for i, t := range g.Initializers {
		if t.Name == "" {
			return fmt.Errorf("onnx: %s: initializer %d has no name", path, i)
		}
		if inits[t.Name] {
			return fmt.Errorf("onnx: %s: initializer %q stands twice", path, t.Name)
		}
		inits[t.Name], s.names[t.Name] = true, true
		if err := checkTensor(t); err != nil {
			return fmt.Errorf("onnx: %s: %w", path, err)
		}
	}
	return nil
}

// checkTensor compares elements and dimensions where both are known.
func checkTensor(t *Tensor) error {
	n, err := tensor.Shape(t.Dims).Elements()
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if t.DType == tensor.Undefined {
		return fmt.Errorf("tensor %q has no element type", t.Name)
	}
	if len(t.External) > 0 || t.DType != tensor.String && t.DType.Size() == 0 {
		return nil
	}
	return t.checkLength(n)
}

func (c *checker) node(g *Graph, n *Node, i int, path string, s *scope, made map[string]bool, depth int) error {
	where := fmt.Sprintf("onnx: %s: %s", path, describeNode(n, i))
	if n.OpType == "" {
		return fmt.Errorf("%s has no operator", where)
	}
	if _, known := c.domains[canonical(n.Domain)]; !known {
		return fmt.Errorf("%s is of domain %q, which the model does not import", where, n.Domain)
	}
	for _, name := range n.Inputs {
		if name == "" || s.has(name) {
			continue
		}
		if !made[name] {
			return fmt.Errorf("%s reads %q, which nothing computes", where, name)
		}
		// The value comes later: either the order is wrong or there is none.
		copied := *g
		copied.Nodes = append([]*Node{}, g.Nodes...)
		if err := SortTopologically(&copied); err != nil {
			return err
		}
		return fmt.Errorf("%s reads %q before it is computed; the nodes are not in topological order", where, name)
	}
	for _, out := range n.Outputs {
		if out == "" {
			continue
		}
		if s.names[out] {
			return fmt.Errorf("%s makes %q, which was made before", where, out)
		}
		s.names[out] = true
	}
	attrs := map[string]bool{}
	for j := range n.Attributes {
		a := &n.Attributes[j]
		if a.Name == "" || attrs[a.Name] {
			return fmt.Errorf("%s: attribute %q has no name or stands twice", where, a.Name)
		}
		attrs[a.Name] = true
		if err := c.attribute(a, where, s, depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) attribute(a *Attribute, where string, s *scope, depth int) error {
	if a.Ref == "" && (a.Type < AttrFloat || a.Type > AttrGraphs) {
		return fmt.Errorf("%s: attribute %q has type %d, which does not exist", where, a.Name, a.Type)
	}
	for _, t := range append([]*Tensor{a.Tensor}, a.Tensors...) {
		if t != nil {
			if err := checkTensor(t); err != nil {
				return fmt.Errorf("%s: attribute %q: %w", where, a.Name, err)
			}
		}
	}
	for _, inner := range subgraphs(a) {
		if err := c.graph(inner, where[len("onnx: "):]+" attribute "+a.Name, s, depth+1); err != nil {
			return err
		}
	}
	return nil
}
