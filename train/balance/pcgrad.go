package balance

import "espalier/setting"

import "math/rand/v2"

// pcgrad takes from each gradient, for every other one that it conflicts with,
// in random order, the part along it, and adds the results up: Yu et al.,
// Gradient Surgery for Multi-Task Learning, NeurIPS 2020, algorithm 1. All of
// that is linear in the gradients, so that it is done on their weights.
var pcgrad = Method{
	Name:        "pcgrad",
	Title:       "Projecting conflicting gradients (PCGrad)",
	Paper:       "Yu et al., NeurIPS 2020",
	Use:         "conflicting tasks; two of them are then never in conflict",
	Needs:       Needs{Gram: true},
	Heads:       Unweighted,
	RightAngles: plainSum,
	Claims:      Claims{Linear: true, Stationary: true},
	build:       func(setting.Values, int) rule { return &pcgradRule{} },
}

type pcgradRule struct {
	// order replaces the random order of the others of task i, in tests.
	order func(i int) []int
}

func (r *pcgradRule) weigh(p *problem) []float64 {
	n := p.size()
	draw := orders(p, r.order)
	total := make([]float64, n)
	for i := range n {
		w := make([]float64, n)
		w[i] = 1
		for _, j := range draw(i) {
			along := dot(p.gram.v[j*n:(j+1)*n], w)
			if along < 0 && p.gram.at(j, j) > 0 {
				w[j] -= along / p.gram.at(j, j)
			}
		}
		for j := range w {
			total[j] += w[j]
		}
	}
	return total
}

// orders returns, by task, the others in random order.
func orders(p *problem, fixed func(i int) []int) func(i int) []int {
	if fixed != nil {
		return fixed
	}
	random := p.random()
	return func(i int) []int {
		others := make([]int, 0, p.size()-1)
		for j := range p.size() {
			if j != i {
				others = append(others, j)
			}
		}
		random.Shuffle(len(others), func(a, b int) { others[a], others[b] = others[b], others[a] })
		return others
	}
}

// random returns the step's own source of random numbers.
func (p *problem) random() *rand.Rand {
	return rand.New(rand.NewPCG(p.seed, uint64(p.number)^0xba1a2ce5))
}
