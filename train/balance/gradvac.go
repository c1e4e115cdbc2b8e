package balance

import (
	"math"

	"espalier/setting"
)

// gradvac turns each gradient, towards every other in random order, until
// their cosine is at least a moving average of what it has been: Wang et al.,
// Gradient Vaccine: Investigating and Improving Multi-task Optimization in
// Massively Multilingual Models, ICLR 2021, algorithm 1 and equation 3. The
// averages start at 0, at which it does what PCGrad does, and are updated by
// the cosine before the turn, whether there is one or not.
var gradvac = Method{
	Name:        "gradvac",
	Title:       "Gradient vaccine (GradVac)",
	Paper:       "Wang et al., ICLR 2021",
	Use:         "as pcgrad, where tasks also help each other",
	Needs:       Needs{Gram: true},
	Heads:       Unweighted,
	RightAngles: plainSum,
	Claims:      Claims{Linear: true, Stationary: true},
	Options: []setting.Option{
		{Key: "beta", Default: 0.5, Max: 1, Doc: "share of the new cosine in the averages"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &gradvacRule{beta: o.Number("beta"), tasks: tasks, target: make([]float64, tasks*tasks)}
	},
}

type gradvacRule struct {
	beta   float64
	tasks  int
	target []float64         // [tasks, tasks] averages of cosines
	order  func(i int) []int // replaces the random order, in tests
}

func (r *gradvacRule) weigh(p *problem) []float64 {
	n := p.size()
	draw := orders(p, r.order)
	total := make([]float64, n)
	for i := range n {
		w := make([]float64, n)
		w[i] = 1
		for _, j := range draw(i) {
			target := &r.target[p.tasks[i]*r.tasks+p.tasks[j]]
			along := p.gram.times(w)
			length, other := math.Sqrt(max(dot(along, w), 0)), p.gram.norm(j)
			cosine := 0.0 // where one of them is 0 but for rounding errors
			if length > 1e-7*p.gram.norm(i) && other > 0 {
				cosine = min(max(along[j]/(length*other), -1), 1)
			}
			if sine := math.Sqrt(1 - *target**target); cosine < *target && sine > 0 && other > 0 {
				w[j] += length * (*target*math.Sqrt(1-cosine*cosine) - cosine*sine) / (other * sine)
			}
			*target = (1-r.beta)**target + r.beta*cosine
		}
		for j := range w {
			total[j] += w[j]
		}
	}
	return total
}

func (r *gradvacRule) memory() []slot { return []slot{{name: "cosines", small: &r.target}} }
