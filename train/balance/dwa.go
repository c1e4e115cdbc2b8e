package balance

import "espalier/setting"

// dwa weighs a task by how slowly its loss fell over the last two epochs:
// K*softmax(r/T) with r the ratio of an epoch's mean loss to that of the epoch
// before. Liu, Johns and Davison, End-to-End Multi-Task Learning with
// Attention, CVPR 2019, equation 7. A task without two epochs to compare has
// ratio 1, which during the first two epochs makes all weights 1.
var dwa = Method{
	Name:  "dwa",
	Title: "Dynamic weight average (DWA)",
	Paper: "Liu, Johns and Davison, CVPR 2019",
	Use:   "many epochs, tasks that learn at different speeds, at no cost",
	Needs: Needs{Epochs: true},
	Heads: Weighted,
	Options: []setting.Option{
		{Key: "temperature", Default: 2.0, Open: true, Max: 1e6, Doc: "T: the higher, the more equal the weights"},
	},
	build: func(o setting.Values, tasks int) rule {
		return &dwaRule{o.Number("temperature"), make([]float64, tasks), make([]float64, tasks), make([]float64, tasks)}
	},
}

type dwaRule struct {
	temperature float64
	before      []float64 // mean losses of the epoch before last
	last        []float64 // and of the last
	epochs      []float64 // epochs that a task was seen in
}

func (r *dwaRule) weigh(p *problem) []float64 {
	speeds := make([]float64, p.size())
	for i, t := range p.tasks {
		ratio := 1.0
		if r.epochs[t] >= 2 && r.before[t] != 0 {
			ratio = r.last[t] / r.before[t]
		}
		speeds[i] = ratio / r.temperature
	}
	w := softmax(speeds)
	for i := range w {
		w[i] *= float64(len(w))
	}
	return w
}

func (r *dwaRule) endEpoch(tasks []int, losses []float64) {
	for i, t := range tasks {
		r.before[t], r.last[t] = r.last[t], losses[i]
		r.epochs[t]++
	}
}

func (r *dwaRule) memory() []slot {
	return []slot{{name: "before", small: &r.before}, {name: "last", small: &r.last}, {name: "epochs", small: &r.epochs}}
}
