package balance

import (
	"math"

	"espalier/setting"
)

// alignedmtl makes the gradients orthogonal and of one length, that of the
// smallest singular value, before it combines them: Senushkin et al.,
// Independent Component Alignment for Multi-Task Learning, CVPR 2023,
// algorithm 1: w = B*preference with B = sqrt(lambda) V L^-1/2 V'. Eigenvalues
// that are rounding errors are left out, or the direction would be as short as
// they are: where gradients nearly coincide it is their mean.
var alignedmtl = Method{
	Name:        "aligned-mtl",
	Title:       "Independent component alignment (Aligned-MTL)",
	Paper:       "Senushkin et al., CVPR 2023",
	Use:         "stable training where gradients dominate or nearly coincide",
	Needs:       Needs{Gram: true, Representation: true},
	Heads:       Unweighted,
	RightAngles: byLengths,
	Claims:      Claims{Symmetric: true},
	Options: []setting.Option{
		{Key: "scale", Default: "min", Kind: setting.Word, Words: []string{"min", "median", "rmse"}, Doc: "which eigenvalue sets the length: the smallest, the median, or the mean"},
		{Key: "preference", Default: 1.0, Max: math.MaxFloat32, PerTask: true, Doc: "what the aligned gradients are combined by, divided by its sum"},
	},
	build: func(o setting.Values, _ int) rule { return alignedRule{o.Text("scale"), o.Numbers("preference")} },
}

type alignedRule struct {
	scale      string
	preference []float64
}

func (r alignedRule) weigh(p *problem) []float64 {
	n := p.size()
	prefer := shares(pick(r.preference, p.tasks))
	s := p.gram.spectrum()
	if len(s.values) == 0 {
		return prefer
	}
	scale := math.Sqrt(r.length(s.values))
	w := make([]float64, n)
	for k, v := range s.vectors {
		addTo(w, v, scale/math.Sqrt(s.values[k])*dot(v, prefer))
	}
	return w
}

// length is the eigenvalue that all take the place of; they ascend.
func (r alignedRule) length(values []float64) float64 {
	switch r.scale {
	case "median":
		return values[(len(values)-1)/2]
	case "rmse":
		return sum(values) / float64(len(values))
	}
	return values[0]
}

// shares divides numbers by their sum; all 0, they are equal.
func shares(x []float64) []float64 {
	total := sum(x)
	if total == 0 {
		return filled(len(x), 1/float64(len(x)))
	}
	for i := range x {
		x[i] /= total
	}
	return x
}
