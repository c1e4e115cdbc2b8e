package balance

import (
	"math"

	"espalier/setting"
)

// stch minimises a smooth maximum of the losses: Lin et al., Smooth Tchebycheff
// Scalarization for Multi-Objective Optimization, ICML 2024, equation 7. The
// form "log" is that of the authors' multi-task code and LibMTL:
// K*mu*log sum exp(log(L/nadir)/mu), where the nadir is the mean loss of the
// epoch numbered warmup, and up to it the sum of log L is minimised. The form
// "linear" is the paper's: mu*log sum exp(l*(L-ideal)/mu).
var stch = Method{
	Name:  "stch",
	Title: "Smooth Tchebycheff scalarization (STCH)",
	Paper: "Lin et al., ICML 2024",
	Use:   "the worst task matters most",
	Needs: Needs{Losses: true, Positive: true, Epochs: true},
	Heads: Weighted,
	Options: []setting.Option{
		{Key: "form", Default: "log", Kind: setting.Word, Words: []string{"log", "linear"}, Doc: "what the maximum is of: log(L/nadir), or l*(L-ideal)"},
		{Key: "mu", Default: 1.0, Open: true, Max: 1e6, Doc: "smoothness: the smaller, the more the worst task weighs"},
		{Key: "warmup", Default: 4.0, Max: 1e6, Kind: setting.Whole, Doc: "form log: the epoch, counted from 0, whose mean losses are the nadir"},
		{Key: "preference", Default: 1.0, Open: true, Max: math.MaxFloat32, PerTask: true, Doc: "form linear: l, divided by its sum"},
		{Key: "ideal", Default: 0.0, Min: -math.MaxFloat32, Max: math.MaxFloat32, PerTask: true, Doc: "form linear: what each loss could reach at best"},
	},
	build: func(o setting.Values, tasks int) rule {
		if o.Text("form") == "linear" {
			return stchLinear{o.Number("mu"), o.Numbers("preference"), o.Numbers("ideal")}
		}
		return &stchLog{mu: o.Number("mu"), warmup: o.Number("warmup"), epoch: make([]float64, 1), nadir: make([]float64, tasks)}
	},
}

type stchLog struct {
	mu, warmup float64
	epoch      []float64 // [1] epochs ended
	nadir      []float64 // 0: not known yet
}

func (r *stchLog) weigh(p *problem) []float64 {
	w, known := make([]float64, p.size()), true
	for i, t := range p.tasks {
		w[i] = 1 / max(p.losses[i], small)
		known = known && r.nadir[t] > 0
	}
	if !known {
		return w
	}
	ratios := make([]float64, p.size())
	for i, t := range p.tasks {
		ratios[i] = math.Log(max(p.losses[i], small)/r.nadir[t]) / r.mu
	}
	for i, share := range softmax(ratios) {
		w[i] *= float64(p.size()) * share
	}
	return w
}

func (r *stchLog) endEpoch(tasks []int, losses []float64) {
	for i, t := range tasks {
		if r.epoch[0] >= r.warmup && r.nadir[t] == 0 {
			r.nadir[t] = max(losses[i], small)
		}
	}
	r.epoch[0]++
}

func (r *stchLog) memory() []slot {
	return []slot{{name: "epoch", small: &r.epoch}, {name: "nadir", small: &r.nadir}}
}

type stchLinear struct {
	mu                float64
	preference, ideal []float64
}

// needs: no sign and no epochs.
func (stchLinear) needs(Needs) Needs { return Needs{Losses: true} }

func (r stchLinear) weigh(p *problem) []float64 {
	prefer := pick(r.preference, p.tasks)
	total := sum(prefer)
	x := make([]float64, p.size())
	for i, t := range p.tasks {
		prefer[i] /= total
		x[i] = prefer[i] * (p.losses[i] - r.ideal[t]) / r.mu
	}
	w := softmax(x)
	for i := range w {
		w[i] *= prefer[i]
	}
	return w
}
