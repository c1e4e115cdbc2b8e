package sample

import "math"

// progress draws tasks by what their score on validation lacks to 1, and none
// less than a tenth as often as one that has learned nothing. A task without a
// score, whose metric is not defined there, is drawn as often as the others on
// average; before the first validation that is all. It follows the idea of Jean, Firat and Johnson, Adaptive
// Scheduling for Multi-Task Learning, 2018, without their baselines of single
// tasks.
type progress struct{ *Sampler }

func (p progress) weigh(sizes []float64, _ int) []float64 {
	w := make([]float64, len(sizes))
	sum, scored := 0.0, 0
	for i, score := range p.scores {
		if !math.IsNaN(score) {
			w[i] = min(max(1-score, 0.1), 1)
			sum += w[i]
			scored++
		}
	}
	for i, score := range p.scores {
		switch {
		case math.IsNaN(score) && scored > 0:
			w[i] = sum / float64(scored)
		case math.IsNaN(score):
			w[i] = 1
		}
	}
	return w
}
