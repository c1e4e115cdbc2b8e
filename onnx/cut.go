package onnx

import "fmt"

// Cut returns the part of a model that computes some of its outputs: the nodes,
// initialisers, inputs and value infos that these need, in their old order. The
// parts are shared with m, which stays as it is.
func Cut(m *Model, outputs []string) (*Model, error) {
	part, graph := *m, *m.Graph
	part.Graph = &graph
	graph.Outputs = nil
	wanted := map[string]bool{}
	for _, name := range outputs {
		wanted[name] = true
	}
	for _, v := range m.Graph.Outputs {
		if wanted[v.Name] {
			graph.Outputs = append(graph.Outputs, v)
			delete(wanted, v.Name)
		}
	}
	for _, name := range outputs {
		if wanted[name] {
			return nil, fmt.Errorf("onnx: the graph has no output %q", name)
		}
	}
	graph.Nodes = append([]*Node(nil), graph.Nodes...)
	graph.Initializers = append([]*Tensor(nil), graph.Initializers...)
	graph.ValueInfos = append([]ValueInfo(nil), graph.ValueInfos...)
	need := prune(&graph)
	graph.Inputs = nil
	for _, v := range m.Graph.Inputs {
		if need[v.Name] {
			graph.Inputs = append(graph.Inputs, v)
		}
	}
	return &part, nil
}
