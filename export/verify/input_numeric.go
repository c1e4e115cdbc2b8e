package verify

import (
	"math"
	"math/rand/v2"

	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
)

// drawNumbers draws numbers about their mean, one in eight missing.
func drawNumbers(_ *verifier, r *rand.Rand, in *schema.Input, s Shape) (given, ids []runtime.Named, err error) {
	numbers, doubles := make([]float32, s.Batch), make([]float64, s.Batch)
	for j := range numbers {
		if doubles[j] = in.Mean + in.Deviation*r.NormFloat64(); r.IntN(8) == 0 {
			doubles[j] = math.NaN()
		}
		numbers[j] = float32(doubles[j])
	}
	x := runtime.Named{Name: in.Tensor, Tensor: tensor.Must(tensor.Of(numbers, int64(s.Batch)))}
	if in.Double {
		x.Tensor = tensor.Must(tensor.Of(doubles, int64(s.Batch)))
	}
	return []runtime.Named{x}, []runtime.Named{x}, nil
}
