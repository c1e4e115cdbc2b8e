package balance

import (
	"math"

	"espalier/setting"
)

// graddrop keeps, coordinate by coordinate, only the gradients of one sign,
// drawn by how much of the sum is positive: Chen et al., Just Pick a Sign:
// Optimizing Deep Multitask Models with Gradient Sign Dropout, NeurIPS 2020,
// equation 1 and algorithm 1. Gradients at the representation are "batch
// separated": there the draw is by feature, for which each task's gradient,
// times the sign of the activation, is summed over the batch, so that tasks of
// different examples meet.
var graddrop = Method{
	Name:  "graddrop",
	Title: "Gradient sign dropout (GradDrop)",
	Paper: "Chen et al., NeurIPS 2020",
	Use:   "noise as a regularizer where tasks conflict",
	Needs: Needs{Rows: true, Direction: true, Representation: true, Signs: true},
	Options: []setting.Option{
		{Key: "leak", Default: 0.0, Max: 1, PerTask: true, Doc: "share of each task's gradient that is kept whatever its sign"},
	},
	build: func(o setting.Values, _ int) rule { return &graddropRule{leak: o.Numbers("leak")} },
}

type graddropRule struct {
	leak    []float64
	uniform func(coordinate int) float64 // replaces the draws, in tests
}

func (r *graddropRule) weigh(p *problem) []float64 {
	uniform := r.uniform
	if uniform == nil {
		key := p.random().Uint64()
		uniform = func(i int) float64 { return float64(mix(key+uint64(i)*0x9e3779b97f4a7c15)>>11) * 0x1p-53 }
	}
	leak := pick(r.leak, p.tasks)
	if p.activations != nil {
		dropFeatures(p, leak, uniform)
		return nil
	}
	leaks := sum(leak) > 0
	inParts(len(p.out), block, func(from, to int) {
		for k := from; k < to; k++ {
			total, size := 0.0, 0.0
			for _, row := range p.rows {
				x := float64(row[k])
				total += x
				size += math.Abs(x)
			}
			if size == 0 {
				continue
			}
			// The positive elements add up to (size+total)/2, the others to the
			// rest.
			positive, draw := (1+total/size)/2, uniform(k)
			d := 0.0
			switch {
			case positive > draw:
				d = (total + size) / 2
			case positive < draw:
				d = (total - size) / 2
			}
			if leaks {
				d += leaked(p.rows, leak, k, positive > draw, positive < draw)
			}
			p.out[k] = float32(d)
		}
	})
	return nil
}

// dropFeatures keeps each task's gradient by the features whose sum has the sign
// that is drawn, for all of the batch, and its leak of the others.
func dropFeatures(p *problem, leak []float64, uniform func(int) float64) {
	keeps := make([][]float64, p.size())
	for i, row := range p.rows {
		keeps[i] = byFeature(row, p.activations, true)
	}
	for f := range keeps[0] {
		total, size := 0.0, 0.0
		for _, of := range keeps {
			total += of[f]
			size += math.Abs(of[f])
		}
		positive, draw := 0.5, uniform(f)
		if size > 0 {
			positive = (1 + total/size) / 2
		}
		for i, of := range keeps {
			if of[f] > 0 && positive > draw || of[f] < 0 && positive < draw {
				of[f] = 1
			} else {
				of[f] = leak[i]
			}
		}
	}
	eachExample(p.activations, func(a Activation, _, from, feature int) {
		for f := range a.Features {
			d := 0.0
			for i, row := range p.rows {
				d += keeps[i][feature+f] * float64(row[from+f])
			}
			p.out[from+f] = float32(d)
		}
	})
}

// leaked is what comes through of the elements whose sign is not kept.
func leaked(rows [][]float32, leak []float64, k int, positive, negative bool) float64 {
	d := 0.0
	for i, row := range rows {
		if x := float64(row[k]); !(x > 0 && positive) && !(x < 0 && negative) {
			d += leak[i] * x
		}
	}
	return d
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood, OOPSLA
// 2014): numbers that count up become numbers that look random.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
