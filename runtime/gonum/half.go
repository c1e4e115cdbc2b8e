package gonum

import (
	"encoding/binary"
	"math"

	"espalier/onnx"
	"espalier/tensor"
)

// widenHalves makes float32 initialisers of those that are stored as float16
// and read through a Cast, once instead of at every run.
func widenHalves(g *onnx.Graph) {
	stored := map[string]*onnx.Tensor{}
	for _, t := range g.Initializers {
		if t.DType == tensor.Float16 && len(t.External) == 0 {
			stored[t.Name] = t
		}
	}
	if len(stored) == 0 {
		return
	}
	nodes := g.Nodes[:0:0]
	for _, n := range g.Nodes {
		to := n.Attr("to")
		if n.OpType != "Cast" || n.Domain != "" || len(n.Inputs) != 1 || len(n.Outputs) != 1 || to == nil ||
			tensor.DType(to.Int) != tensor.Float32 || stored[n.Inputs[0]] == nil {
			nodes = append(nodes, n)
			continue
		}
		t := stored[n.Inputs[0]]
		wide := &onnx.Tensor{Name: n.Outputs[0], DType: tensor.Float32, Dims: t.Dims, Raw: make([]byte, 0, 2*len(t.Raw))}
		for i := 0; i+2 <= len(t.Raw); i += 2 {
			x := tensor.FromFloat16(binary.LittleEndian.Uint16(t.Raw[i:]))
			wide.Raw = binary.LittleEndian.AppendUint32(wide.Raw, math.Float32bits(x))
		}
		g.Initializers = append(g.Initializers, wide)
	}
	g.Nodes = nodes
}
