package balance

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The concave front of Lin et al. (Pareto Multi-Task Learning, NeurIPS 2019):
// f = 1 - exp(-|x -+ 1/sqrt(n)|^2), whose Pareto set is x_i = t/sqrt(n) with t
// from -1 to 1. Fixed weights, whatever they are, only reach its ends. Methods on
// gradients stop in the interior.
func TestConcaveFront(t *testing.T) {
	const n, seeds = 20, 200
	for _, c := range []struct {
		method   string
		options  map[string]any
		interior bool
	}{
		{"equal", nil, false},
		{"fixed", nil, false}, // with random weights
		{"mgda", nil, true},
		{"nash-mtl", nil, true},
		{"fairgrad", nil, true},
	} {
		interior, off := 0, 0.0
		for seed := range seeds {
			random := rand.New(rand.NewPCG(uint64(seed), 41))
			options := c.options
			if c.method == "fixed" {
				w := 0.2 + 0.6*random.Float64()
				options = map[string]any{"weights": map[string]any{"task0": w, "task1": 1 - w}}
			}
			x := make([]float64, n)
			for i := range x {
				x[i] = random.Float64() - 0.5
			}
			b := makeBalancer(t, c.method, 2, options)
			for number := range 100 {
				_, gradients := concave(x)
				g := make([]float64, 4)
				for i := range 4 {
					g[i] = dot(gradients[i/2], gradients[i%2])
				}
				w, err := b.Weigh(&Step{Number: number, Gram: g, Losses: []float64{1, 1}, Rows: make([][]float32, 2)})
				if err != nil {
					t.Fatal(err)
				}
				total := sum(w.Shared)
				for i := range x { // weights add up to 1, so that steps are of one size
					x[i] -= (w.Shared[0]*gradients[0][i] + w.Shared[1]*gradients[1][i]) / total
				}
			}
			at := sum(x) / math.Sqrt(n)
			f, _ := concave(x)
			off = max(off, math.Abs(f[0]-(1-math.Exp(-(at-1)*(at-1)))), math.Abs(f[1]-(1-math.Exp(-(at+1)*(at+1)))))
			// Fixed weights stop short of the end by the other task's pull, and
			// methods on gradients anywhere between.
			if math.Abs(at) < 0.8 {
				interior++
			} else if math.Abs(at) > 1 {
				t.Errorf("%s, seed %d: ends outside, at %v", c.method, seed, at)
			}
		}
		t.Logf("%s: %d of %d in the interior, off the front by at most %.1e", c.method, interior, seeds, off)
		if want := map[bool]int{true: seeds, false: 0}[c.interior]; interior != want || off > 1e-6 {
			t.Errorf("%s: %d of %d in the interior and off the front by %v, want %d", c.method, interior, seeds, off, want)
		}
	}
}

// concave returns the two losses and their gradients.
func concave(x []float64) (f [2]float64, g [2][]float64) {
	center := 1 / math.Sqrt(float64(len(x)))
	for k, sign := range []float64{1, -1} {
		square := 0.0
		for _, v := range x {
			square += (v - sign*center) * (v - sign*center)
		}
		rest := math.Exp(-square)
		f[k], g[k] = 1-rest, make([]float64, len(x))
		for i, v := range x {
			g[k][i] = 2 * (v - sign*center) * rest
		}
	}
	return f, g
}
