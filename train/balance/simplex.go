package balance

import "slices"

// ontoSimplex returns the nearest point to y with numbers of at least 0 and sum
// 1: Duchi et al., Efficient Projections onto the l1-Ball for Learning in High
// Dimensions, ICML 2008, figure 1.
func ontoSimplex(y []float64) []float64 {
	sorted := slices.Sorted(slices.Values(y))
	slices.Reverse(sorted)
	total, shift := 0.0, 0.0
	for i, x := range sorted {
		total += x
		if s := (total - 1) / float64(i+1); x > s {
			shift = s
		}
	}
	x := make([]float64, len(y))
	for i := range x {
		x[i] = max(y[i]-shift, 0)
	}
	return x
}

// crossTimes returns M*w for a square matrix.
func crossTimes(m, w []float64) []float64 {
	out := make([]float64, len(w))
	for i := range out {
		out[i] = dot(m[i*len(w):(i+1)*len(w)], w)
	}
	return out
}
