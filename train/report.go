package train

import (
	"math"

	"espalier/train/balance"
)

// Balance is how tasks were weighed against each other in an epoch. What is said
// of gradients is there where they were computed task by task: by all parameters
// that tasks share, or at the representation where they are balanced there.
type Balance struct {
	// Weights are the mean weights of the tasks over the steps that had them;
	// nil where the method writes the direction itself.
	Weights map[string]float64 `json:"weights,omitempty"`
	// Norms are the mean lengths of the tasks' gradients.
	Norms map[string]float64 `json:"norms,omitempty"`
	// Cosines are the mean cosines between the gradients of two tasks.
	Cosines map[string]map[string]float64 `json:"cosines,omitempty"`
	// Conflicts is the share of the steps in which two tasks' gradients point
	// away from each other; nil where none were looked at.
	Conflicts *float64 `json:"conflicts,omitempty"`
	// Condition is the geometric mean of the condition numbers of the matrices
	// of their inner products, of steps in which no gradient depends on others.
	Condition float64 `json:"condition,omitempty"`
	// Measured is how many steps the gradients were looked at in.
	Measured int `json:"measured,omitempty"`
}

// report sums up what balancing does over an epoch.
type report struct {
	tasks                 []string
	weights               []mean
	norms                 []mean
	cosines               []mean // [tasks, tasks]
	condition             mean   // of logarithms
	measured, conflicting int
	weighed               bool
}

type mean struct {
	sum float64
	n   int
}

func (m *mean) add(x float64) { m.sum, m.n = m.sum+x, m.n+1 }

func (m *mean) value() float64 { return m.sum / float64(max(m.n, 1)) }

func newReport(tasks []string) *report {
	n := len(tasks)
	return &report{tasks: tasks, weights: make([]mean, n), norms: make([]mean, n), cosines: make([]mean, n*n)}
}

// step takes a step in.
func (r *report) step(w balance.Weights, s *balance.Step) {
	for i, x := range w.Shared {
		if s.Present[i] {
			r.weights[i].add(x)
			r.weighed = true
		}
	}
	if s.Gram == nil {
		return
	}
	r.measured++
	n, conflict := len(r.tasks), false
	var there []int
	for i := range n {
		if !s.Present[i] {
			continue
		}
		there = append(there, i)
		r.norms[i].add(math.Sqrt(max(s.Gram[i*n+i], 0)))
		for j := range i {
			length := math.Sqrt(s.Gram[i*n+i]) * math.Sqrt(s.Gram[j*n+j])
			if !s.Present[j] || !(length > 0) {
				continue
			}
			r.cosines[i*n+j].add(s.Gram[i*n+j] / length)
			conflict = conflict || s.Gram[i*n+j] < 0
		}
	}
	if conflict {
		r.conflicting++
	}
	products := make([]float64, 0, len(there)*len(there))
	for _, i := range there {
		for _, j := range there {
			products = append(products, s.Gram[i*n+j])
		}
	}
	if c := balance.Condition(products, len(there)); len(there) > 1 && !math.IsInf(c, 0) {
		r.condition.add(math.Log(c))
	}
}

// epoch returns what was taken in, and begins anew.
func (r *report) epoch() *Balance {
	b := &Balance{Measured: r.measured}
	n := len(r.tasks)
	if r.weighed {
		b.Weights = map[string]float64{}
	}
	if r.measured > 0 {
		b.Norms, b.Cosines = map[string]float64{}, map[string]map[string]float64{}
		share := float64(r.conflicting) / float64(r.measured)
		b.Conflicts = &share
	}
	if r.condition.n > 0 {
		b.Condition = math.Exp(r.condition.value())
	}
	for i, task := range r.tasks {
		if r.weights[i].n > 0 {
			b.Weights[task] = r.weights[i].value()
		}
		if r.norms[i].n > 0 {
			b.Norms[task] = r.norms[i].value()
		}
		for j, other := range r.tasks[:i] {
			if c := r.cosines[i*n+j]; c.n > 0 {
				if b.Cosines[other] == nil {
					b.Cosines[other] = map[string]float64{}
				}
				b.Cosines[other][task] = c.value()
			}
		}
	}
	*r = *newReport(r.tasks)
	return b
}
