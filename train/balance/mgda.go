package balance

import "espalier/setting"

// mgda follows the shortest vector in the convex hull of the gradients, which
// descends for every task: Desideri, Multiple-gradient descent algorithm
// (MGDA) for multiobjective optimization, Comptes Rendus Mathematique 2012;
// for networks Sener and Koltun, Multi-Task Learning as Multi-Objective
// Optimization, NeurIPS 2018, equation 3. Their Frank-Wolfe iteration is
// replaced by an exact solution.
var mgda = Method{
	Name:        "mgda",
	Title:       "Multiple-gradient descent (MGDA)",
	Paper:       "Desideri 2012; Sener and Koltun, NeurIPS 2018",
	Use:         "a point of the Pareto front without preferences; slow near it",
	Needs:       Needs{Gram: true, Representation: true},
	Heads:       Unweighted,
	RightAngles: byLengths,
	Claims:      Claims{NonConflicting: true, Symmetric: true},
	Options: []setting.Option{{
		Key: "normalize", Default: "none", Kind: setting.Word, Words: []string{"none", "l2", "loss", "loss+"},
		Doc: "what each gradient is divided by first: nothing, its length, its loss, or both",
	}},
	build: func(o setting.Values, _ int) rule { return mgdaRule{o.Text("normalize")} },
}

type mgdaRule struct{ normalize string }

// needs asks for the losses that normalization may divide by.
func (r mgdaRule) needs(n Needs) Needs {
	if r.normalize == "loss" || r.normalize == "loss+" {
		n.Losses, n.Positive = true, true
	}
	return n
}

func (r mgdaRule) weigh(p *problem) []float64 {
	factors := filled(p.size(), 1)
	for i := range factors {
		if r.normalize == "loss" || r.normalize == "loss+" {
			factors[i] /= max(p.losses[i], small)
		}
		if n := p.gram.norm(i); n > 0 && (r.normalize == "l2" || r.normalize == "loss+") {
			factors[i] /= n
		}
	}
	w := minNorm(p.gram.scaled(factors))
	for i := range w {
		w[i] *= factors[i]
	}
	return w
}
