package balance

import "espalier/setting"

// dualproj projects the mean gradient onto the cone of the directions that
// conflict with no task: Lopez-Paz and Ranzato, Gradient Episodic Memory for
// Continual Learning, NeurIPS 2017, equation 11, in the form that Quinton and
// Rey (arXiv 2406.16232) compare with.
var dualproj = Method{
	Name:        "dualproj",
	Title:       "Projection of the mean gradient (DualProj)",
	Paper:       "Lopez-Paz and Ranzato, NeurIPS 2017",
	Use:         "the mean wherever it conflicts with no task",
	Needs:       Needs{Gram: true},
	Heads:       Unweighted,
	RightAngles: plainMean,
	Claims:      Claims{NonConflicting: true, Symmetric: true, Stationary: true},
	Options:     coneOptions,
	build: func(o setting.Values, _ int) rule {
		return dualprojRule{newConeProjector(o), o.Numbers("preference")}
	},
}

type dualprojRule struct {
	coneProjector
	preference []float64
}

func (r dualprojRule) weigh(p *problem) []float64 {
	prefer := shares(pick(r.preference, p.tasks))
	if h := r.prepare(p.gram); h != nil {
		return project(h, prefer)
	}
	return prefer
}
