package onnx

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// HasFunctions reports whether the bytes of a model define functions, without
// reading more than its outermost fields.
func HasFunctions(model []byte) bool {
	for len(model) > 0 {
		num, typ, n := protowire.ConsumeTag(model)
		if n < 0 {
			return false
		}
		if num == 25 {
			return true
		}
		size := protowire.ConsumeFieldValue(num, typ, model[n:])
		if size < 0 {
			return false
		}
		model = model[n+size:]
	}
	return false
}

// CheckFunctions reports functions that call themselves, and a graph that would
// have more than limit nodes once every function is written out: few functions
// that call each other often are enough for that.
func CheckFunctions(m *Model, limit int) error {
	c := &functions{limit: limit, byName: map[functionName]*Function{}, size: map[*Function]int{}}
	for i := range m.Functions {
		f := &m.Functions[i]
		c.byName[functionName{canonical(f.Domain), f.Name}] = f
	}
	if m.Graph == nil || len(m.Functions) == 0 {
		return nil
	}
	_, err := c.nodes(m.Graph.Nodes)
	return err
}

type functionName struct{ domain, name string }

type functions struct {
	limit  int
	byName map[functionName]*Function
	size   map[*Function]int // written out; -1 while it is being counted
}

// nodes counts nodes with every function written out.
func (c *functions) nodes(nodes []*Node) (int, error) {
	total := 0
	for _, n := range nodes {
		size, err := c.node(n)
		if err != nil {
			return 0, err
		}
		if total += size; total > c.limit {
			return 0, fmt.Errorf("onnx: the graph has more than %d nodes with its functions written out", c.limit)
		}
	}
	return total, nil
}

func (c *functions) node(n *Node) (int, error) {
	total := 1
	for i := range n.Attributes {
		for _, g := range subgraphs(&n.Attributes[i]) {
			size, err := c.nodes(g.Nodes)
			if err != nil {
				return 0, err
			}
			total += size
		}
	}
	f := c.byName[functionName{canonical(n.Domain), n.OpType}]
	if f == nil {
		return total, nil
	}
	size, seen := c.size[f]
	if size < 0 {
		return 0, fmt.Errorf("onnx: function %s calls itself", f.Name)
	}
	if !seen {
		c.size[f] = -1
		var err error
		if size, err = c.nodes(f.Nodes); err != nil {
			return 0, err
		}
		c.size[f] = size
	}
	return total + size, nil
}

// HasOperator reports whether a node of the model, of a sub-graph or of a
// function has that operator.
func HasOperator(m *Model, op string) bool {
	var in func(nodes []*Node) bool
	in = func(nodes []*Node) bool {
		for _, n := range nodes {
			if n.OpType == op {
				return true
			}
			for i := range n.Attributes {
				for _, g := range subgraphs(&n.Attributes[i]) {
					if in(g.Nodes) {
						return true
					}
				}
			}
		}
		return false
	}
	for i := range m.Functions {
		if in(m.Functions[i].Nodes) {
			return true
		}
	}
	return m.Graph != nil && in(m.Graph.Nodes)
}
