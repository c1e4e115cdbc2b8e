package sample

// limit is proportional to the number of examples up to a limit: Raffel et al.,
// Exploring the Limits of Transfer Learning, JMLR 2020, section 3.5.2.
type limit struct{ most float64 }

func (l limit) weigh(sizes []float64, _ int) []float64 {
	w := make([]float64, len(sizes))
	for i, n := range sizes {
		w[i] = min(n, l.most)
	}
	return w
}
