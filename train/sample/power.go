package sample

import "math"

// power draws tasks in proportion to n^alpha of their n examples: 1 is
// proportional, 0 uniform, 1/2 the square root, 1/T the temperature T of
// Arivazhagan et al., Massively Multilingual Neural Machine Translation in the
// Wild, 2019.
type power struct{ alpha float64 }

func (p power) weigh(sizes []float64, _ int) []float64 {
	w, most := make([]float64, len(sizes)), 0.0
	for _, n := range sizes {
		most = max(most, n)
	}
	for i, n := range sizes {
		w[i] = math.Pow(n/most, p.alpha)
	}
	return w
}
