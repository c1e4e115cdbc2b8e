package balance

import "espalier/setting"

// rlw draws weights anew at every step, softmax of standard normal numbers:
// Lin et al., Reasonable Effectiveness of Random Weighting: A Litmus Test for
// Multi-Task Learning, TMLR 2022, algorithm 2.
var rlw = Method{
	Name:  "rlw",
	Title: "Random loss weighting (RLW)",
	Paper: "Lin et al., TMLR 2022",
	Use:   "as a second baseline: a method that does not beat it does nothing",
	Heads: Weighted,
	build: func(_ setting.Values, tasks int) rule { return rlwRule{tasks} },
}

type rlwRule struct{ tasks int }

func (r rlwRule) weigh(p *problem) []float64 {
	// Every task has its draw, there or not, so that it depends on the step
	// alone.
	draws, random := make([]float64, r.tasks), p.random()
	for i := range draws {
		draws[i] = random.NormFloat64()
	}
	return softmax(pick(draws, p.tasks))
}
