package export

import (
	"fmt"
	"slices"

	"espalier/onnx"
	"espalier/tensor"
)

// The operator sets that a file may be written for. The graph is made for the
// default, 17.
const (
	minOpset = 14
	maxOpset = 22
)

// since says which operators of our graphs an operator set before 17 lacks: the
// rest is as it was in 14, which brought Reshape without the meaning of 0.
var since = map[string]int64{"LayerNormalization": 17}

// axesAreInputs are the operators that take their axes as an input from 18 on.
var axesAreInputs = []string{
	"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare",
}

// irVersion is the file format's version that an operator set came with.
func irVersion(opset int64) int64 {
	switch {
	case opset >= 21:
		return 10
	case opset >= 19:
		return 9
	}
	return 8
}

// setOpset rewrites a graph made for operator set 17 for another one. The
// changelog of ONNX's operators says what differs.
func setOpset(m *onnx.Model, opset int64) error {
	if opset < minOpset || opset > maxOpset {
		return fmt.Errorf("export: operator set %d is not one of %d to %d", opset, minOpset, maxOpset)
	}
	for i := range m.OpsetImports {
		if m.OpsetImports[i].Domain == "" {
			m.OpsetImports[i].Version = opset
		}
	}
	m.IRVersion = irVersion(opset)
	return opsetGraph(m.Graph, opset, "")
}

// opsetGraph rewrites a graph and those inside of it, whose new constants are
// named after the path.
func opsetGraph(g *onnx.Graph, opset int64, path string) error {
	for i, n := range g.Nodes {
		if n.Domain != "" {
			continue
		}
		if first := since[n.OpType]; first > opset {
			return fmt.Errorf("export: operator set %d has no %s, which this model needs; use %d or newer", opset, n.OpType, first)
		}
		if n.OpType == "ScatterElements" && n.Attr("reduction") != nil && opset < 16 {
			return fmt.Errorf("export: operator set %d has no ScatterElements with a reduction, which this model needs; use 16 or newer", opset)
		}
		if opset >= 18 && slices.Contains(axesAreInputs, n.OpType) {
			axesToInput(g, n, fmt.Sprintf("%saxes/%d", path, i))
		}
		for j := range n.Attributes {
			if inner := n.Attributes[j].Graph; inner != nil {
				if err := opsetGraph(inner, opset, fmt.Sprintf("%s%d/", path, i)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// axesToInput makes the attribute axes an input of that name.
func axesToInput(g *onnx.Graph, n *onnx.Node, name string) {
	axes := n.Attr("axes")
	if axes == nil {
		return
	}
	g.Initializers = append(g.Initializers, onnx.TensorOf(name, tensor.Must(tensor.Of(axes.Ints, int64(len(axes.Ints))))))
	n.Inputs = append(n.Inputs, name)
	n.Attributes = slices.DeleteFunc(n.Attributes, func(a onnx.Attribute) bool { return a.Name == "axes" })
}
