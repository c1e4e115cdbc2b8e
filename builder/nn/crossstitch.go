package nn

import (
	"fmt"

	"espalier/builder"
)

// CrossStitch mixes the hidden states of task trunks that have one shape (Misra
// et al. 2016): task i goes on with
//
//	y_i = a_ii x_i + sum over j != i of a_ij x_j
//
// where a_ii starts as own and the others share 1-own. The weights of y_i
// stand in scopes[i]: "own", a_ii, and "others", a_ij in the order of j.
func CrossStitch(scopes []*builder.Scope, xs []*builder.Value, own float64) []*builder.Value {
	if len(xs) < 2 || xs[0].Graph().Err() != nil {
		return xs
	}
	n := int64(len(xs))
	if len(scopes) != len(xs) {
		v := xs[0].Graph().Fail("CrossStitch", xs, fmt.Errorf("%d values have %d scopes", len(xs), len(scopes)))
		return []*builder.Value{v}
	}
	out := make([]*builder.Value, n)
	for i, s := range scopes {
		a := s.Parameter("own", builder.ParameterOptions{Init: builder.Filled(own)}, 1)
		others := s.Parameter("others", builder.ParameterOptions{Init: builder.Filled((1 - own) / float64(n-1))}, n-1)
		y := s.Mul(xs[i], a)
		for j := range n {
			if j == int64(i) {
				continue
			}
			at := j
			if j > int64(i) {
				at--
			}
			y = s.Add(y, s.Mul(xs[j], s.Slice(others, 0, at, n-2-at)))
		}
		out[i] = y
	}
	return out
}
