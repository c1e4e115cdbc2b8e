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
		h := half(math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
		if h&0x7fff >= 0x7c00 { // infinite, or no number
			return nil, false
		}
		out = binary.LittleEndian.AppendUint16(out, h)
	}
	return out, true
}

// half rounds to the nearest float16, ties to even (IEEE 754, 4.3.1).
func half(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	bits &= 0x7fffffff
	switch {
	case bits > 0x7f800000:
		return sign | 0x7e00 // no number
	case bits >= 0x477ff000: // rounds beyond 65504
		return sign | 0x7c00
	case bits < 0x38800000: // below the smallest normal number: in steps of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(bits))*(1<<24)))
	}
	bits += 0xfff + bits>>13&1 // half of the last place, less one for ties at even
	return sign | uint16((bits-0x38000000)>>13)
}
