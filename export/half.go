package export

import (
	"encoding/binary"
	"math"

	"espalier/onnx"
	"espalier/tensor"
)

// minHalf is the fewest elements of a tensor that is worth a Cast.
const minHalf = 64

// storeHalf keeps large float32 initialisers as float16, with a Cast in front of
// whatever reads them: half the size on disk, the same arithmetic. A tensor with
// an element beyond float16's range stays as it is.
func storeHalf(g *onnx.Graph) {
	var casts []*onnx.Node
	for _, t := range g.Initializers {
		if t.DType != tensor.Float32 || len(t.Raw) < 4*minHalf {
			continue
		}
		raw, ok := halves(t.Raw)
		if !ok {
			continue
		}
		casts = append(casts, &onnx.Node{
			Name: t.Name + "/cast", OpType: "Cast", Inputs: []string{t.Name + "/half"}, Outputs: []string{t.Name},
			Attributes: []onnx.Attribute{onnx.IntAttr("to", int64(tensor.Float32))},
		})
		t.Name, t.DType, t.Raw = t.Name+"/half", tensor.Float16, raw
	}
	g.Nodes = append(casts, g.Nodes...)
}

// halves returns float32 elements as float16, and false where one is too large.
func halves(raw []byte) ([]byte, bool) {
	out := make([]byte, 0, len(raw)/2)
	for i := 0; i+4 <= len(raw); i += 4 {
		h := tensor.ToFloat16(math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
		if h&0x7fff >= 0x7c00 { // infinite, or no number
			return nil, false
		}
		out = binary.LittleEndian.AppendUint16(out, h)
	}
	return out, true
}
