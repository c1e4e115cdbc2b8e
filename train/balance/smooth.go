package balance

// smooth is a moving average of another method's weights: Zhou et al., On the
// Convergence of Stochastic Multi-Objective Gradient Manipulation and Beyond,
// NeurIPS 2022 (CR-MOGM), algorithm 1: w = a*w + (1-a)*w'. A task's average
// starts at its first weight.
type smooth struct {
	decay   float64
	average []float64
	started []float64 // 1 once a task has been weighed
}

func newSmooth(decay float64, tasks int) *smooth {
	return &smooth{decay, make([]float64, tasks), make([]float64, tasks)}
}

func (s *smooth) weigh(tasks []int, weights []float64) []float64 {
	w := make([]float64, len(tasks))
	for i, t := range tasks {
		if s.started[t] == 0 {
			s.started[t], s.average[t] = 1, weights[i]
		}
		s.average[t] = s.decay*s.average[t] + (1-s.decay)*weights[i]
		w[i] = s.average[t]
	}
	return w
}

func (s *smooth) memory() []slot {
	return []slot{{name: "smooth.average", small: &s.average}, {name: "smooth.started", small: &s.started}}
}
