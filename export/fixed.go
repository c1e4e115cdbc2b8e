package export

import (
	"fmt"
	"strings"

	"espalier/onnx"
)

// fixDims puts sizes in the place of names of dimensions. A declaration of an
// inner value whose size is made of such a name is dropped: nothing needs it.
func fixDims(g *onnx.Graph, sizes map[string]int64) error {
	if len(sizes) == 0 {
		return nil
	}
	put := func(infos []onnx.ValueInfo) []onnx.ValueInfo {
		var out []onnx.ValueInfo
		for _, v := range infos {
			v.Shape = append([]onnx.Dim(nil), v.Shape...)
			derived := false
			for i, d := range v.Shape {
				if size, ok := sizes[d.Name]; ok && !d.Known {
					v.Shape[i] = onnx.Dim{Size: size, Known: true}
					continue
				}
				for name := range sizes {
					derived = derived || strings.Contains(d.Name, name)
				}
			}
			if !derived {
				out = append(out, v)
			}
		}
		return out
	}
	inputs, outputs := len(g.Inputs), len(g.Outputs)
	g.Inputs, g.Outputs, g.ValueInfos = put(g.Inputs), put(g.Outputs), put(g.ValueInfos)
	if len(g.Inputs) != inputs || len(g.Outputs) != outputs {
		return fmt.Errorf("export: an input or output has a size that is computed from one that is fixed, which is a fault of espalier")
	}
	return nil
}
