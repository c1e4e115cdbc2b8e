package balance

import (
	"math"
	"math/rand/v2"
	"testing"
)

// batchOf is a representation of some examples of 5 features beside one of 2,
// and gradients by it of tasks that have examples of their own.
func batchOf(random *rand.Rand, tasks, examples int) ([]Activation, [][]float32) {
	activations := []Activation{{Features: 5, Size: 5 * examples}, {Features: 3}, {Features: 2, Size: 2 * examples}}
	rows := make([][]float32, tasks)
	for a, at := range activations {
		values := normalRows(random, 1, max(at.Size, 1))[0][:at.Size]
		for k := range values {
			if random.IntN(5) == 0 {
				values[k] = 0 // as after ReLU
			}
		}
		activations[a].Values = values
		for i := range rows {
			part := make([]float32, at.Size)
			for k := range part {
				if k/at.Features%tasks == i {
					part[k] = float32(random.NormFloat64())
				}
			}
			rows[i] = append(rows[i], part...)
		}
	}
	return activations, rows
}

// GradDrop at the representation beside lines 6 to 16 of its algorithm: the
// gradients times the activations' signs are summed over the batch, and the
// mask of a feature is that of all examples.
func TestGradDropAtTheRepresentationFollowsItsAlgorithm(t *testing.T) {
	random := rand.New(rand.NewPCG(71, 72))
	dropped := 0
	for _, examples := range []int{6, 9} {
		activations, rows := batchOf(random, 3, examples)
		draws := make([]float64, 7)
		for f := range draws {
			draws[f] = random.Float64()
		}
		b := makeBalancer(t, "graddrop", 3, map[string]any{"leak": map[string]any{"task1": 0.25}})
		b.rule.(*graddropRule).uniform = func(f int) float64 { return draws[f] }
		s := stepOf(rows, 0)
		s.Activations = activations
		got := directionOf(t, b, s)

		want := make([]float64, len(rows[0]))
		at, feature := 0, 0
		for _, a := range activations {
			for f := 0; f < a.Features && a.Size > 0; f++ {
				var sums [3]float64
				total, size := 0.0, 0.0
				for i := range sums {
					for e := range examples {
						k := e*a.Features + f
						switch {
						case a.Values[k] > 0:
							sums[i] += float64(rows[i][at+k])
						case a.Values[k] < 0:
							sums[i] -= float64(rows[i][at+k])
						}
					}
					total += sums[i]
					size += math.Abs(sums[i])
				}
				purity := (1 + total/size) / 2
				for i, x := range sums {
					mask := []float64{0, 0.25, 0}[i]
					if purity > draws[feature] && x > 0 || purity < draws[feature] && x < 0 {
						mask = 1
					} else {
						dropped++
					}
					for e := range examples {
						want[at+e*a.Features+f] += mask * float64(rows[i][at+e*a.Features+f])
					}
				}
				feature++
			}
			at += a.Size
		}
		if off := distance(got, want); off > 1e-6 {
			t.Errorf("%d examples: off by %v", examples, off)
		}
	}
	if dropped == 0 {
		t.Error("nothing is dropped")
	}
}

// ExcessMTL at the representation is ExcessMTL on the gradients' sums over the
// batch, which may have other examples, and more of them, at each step.
func TestExcessMTLAtTheRepresentationSumsOverTheBatch(t *testing.T) {
	random := rand.New(rand.NewPCG(73, 74))
	there, summed := makeBalancer(t, "excess-mtl", 3, map[string]any{"eta": 1.0}), makeBalancer(t, "excess-mtl", 3, map[string]any{"eta": 1.0})
	for number, examples := range []int{6, 9, 3, 6} {
		activations, rows := batchOf(random, 3, examples)
		for i := range activations {
			activations[i].Values = nil // which it does not read
		}
		sums := make([][]float32, 3)
		for i, row := range rows {
			for _, a := range activations {
				for f := 0; f < a.Features && a.Size > 0; f++ {
					x := 0.0
					for k := f; k < a.Size; k += a.Features {
						x += float64(row[k])
					}
					sums[i] = append(sums[i], float32(x))
				}
				row = row[a.Size:]
			}
		}
		s := stepOf(rows, number)
		s.Activations = activations
		got, err := there.Weigh(s)
		if err != nil {
			t.Fatal(err)
		}
		want, err := summed.Weigh(stepOf(sums, number))
		if err != nil {
			t.Fatal(err)
		}
		if off := distance(got.Shared, want.Shared); off > 1e-9 || number > 0 && math.Abs(want.Shared[0]-1) < 1e-3 {
			t.Errorf("step %d: weights %v, of the sums %v", number, got.Shared, want.Shared)
		}
	}
}

func TestActivationsThatDoNotFitAreErrors(t *testing.T) {
	for _, c := range []struct {
		method string
		given  []Activation
		want   string
	}{
		{"graddrop", []Activation{{Features: 2, Size: 4}}, "balance: graddrop needs the 4 numbers of an activation, it was given 0"},
		{"graddrop", []Activation{{Features: 2, Size: 2, Values: []float32{1, 2}}}, "balance: the gradients have 4 numbers, the activations 2"},
		{"excess-mtl", []Activation{{Features: 3, Size: 4}}, "balance: an activation of 4 numbers cannot have 3 features"},
	} {
		s := stepOf([][]float32{{1, 2, 3, 4}, {1, 2, 3, 5}}, 0)
		s.Activations = c.given
		if _, err := makeBalancer(t, c.method, 2, nil).Weigh(s); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}
