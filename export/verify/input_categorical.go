package verify

import (
	"math/rand/v2"
	"strconv"

	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
)

// drawValues draws values, one in eight missing, and values that training did not see.
func drawValues(_ *verifier, r *rand.Rand, in *schema.Input, s Shape) (given, ids []runtime.Named, err error) {
	values, numbers := make([]string, s.Batch), make([]int64, s.Batch)
	for j := range values {
		n := r.IntN(len(in.Values))
		values[j], numbers[j] = in.Values[n], int64(n)+schema.UnknownValue+1
		switch r.IntN(8) {
		case 0:
			values[j], numbers[j] = "", schema.MissingValue
			if len(in.Missing) > 0 && r.IntN(2) == 0 {
				values[j] = in.Missing[0]
			}
		case 1: // longer than any value
			values[j], numbers[j] = "\u00e9"+strconv.Itoa(n)+in.Values[len(in.Values)-1]+in.Values[0], schema.UnknownValue
		}
	}
	x := runtime.Named{Name: in.Tensor, Tensor: tensor.Must(tensor.Of(numbers, int64(s.Batch)))}
	ids = []runtime.Named{x}
	if in.InGraph {
		x.Tensor = tensor.Must(tensor.Of(values, int64(s.Batch)))
	}
	return []runtime.Named{x}, ids, nil
}
