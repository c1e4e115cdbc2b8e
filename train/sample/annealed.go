package sample

// annealed goes from proportional towards uniform: alpha = 1 - 0.8 e/(E-1) in
// epoch e of E, from 0. Stickland and Murray, BERT and PALs, ICML 2019.
type annealed struct{ epochs int }

func (a annealed) weigh(sizes []float64, epoch int) []float64 {
	done := float64(epoch) / float64(max(a.epochs-1, 1))
	return power{1 - 0.8*min(done, 1)}.weigh(sizes, epoch)
}
