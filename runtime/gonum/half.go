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
			x := fromHalf(binary.LittleEndian.Uint16(t.Raw[i:]))
			wide.Raw = binary.LittleEndian.AppendUint32(wide.Raw, math.Float32bits(x))
		}
		g.Initializers = append(g.Initializers, wide)
	}
	g.Nodes = nodes
}

// fromHalf returns the value of a float16, which float32 has exactly.
func fromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h&0x8000)<<16, uint32(h>>10&31), uint32(h&1023)
	switch {
	case exponent == 31:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	case exponent == 0:
		x := float32(fraction) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(x))
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
