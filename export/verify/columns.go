package verify

import (
	"math"
	"math/rand/v2"
	"strconv"

	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
)

// columns draws rows of a table: numbers about their mean and values, one of
// either in eight missing, and values that training did not see. Beside what
// the file is given it returns what the trainer is given for the same answers.
func (v *verifier) columns(s Shape) (given, ids []runtime.Named, err error) {
	r := rand.New(rand.NewPCG(uint64(s.Batch), 1))
	for i := range v.schema.Inputs {
		in := &v.schema.Inputs[i]
		if in.Type == schema.Numeric {
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
			given, ids = append(given, x), append(ids, x)
			continue
		}
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
		ids = append(ids, x)
		if in.InGraph {
			x.Tensor = tensor.Must(tensor.Of(values, int64(s.Batch)))
		}
		given = append(given, x)
	}
	return given, ids, nil
}
