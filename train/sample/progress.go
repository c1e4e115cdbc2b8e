package sample

import "math"

// progress draws tasks by what their score on validation lacks to 1, and none
// less than a tenth as often as one that has learned nothing; before the first
// validation all alike. It follows the idea of Jean, Firat and Johnson, Adaptive
// Scheduling for Multi-Task Learning, 2018, without their baselines of single
// tasks.
type progress struct{ *Sampler }

func (p progress) weigh(sizes []float64, _ int) []float64 {
	w := make([]float64, len(sizes))
	for i, score := range p.scores {
		w[i] = 1
		if !math.IsNaN(score) {
			w[i] = min(max(1-score, 0.1), 1)
		}
	}
	return w
}
