package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// drawRows draws rows with elements of many magnitudes.
func drawRows(random *rand.Rand, n, size int) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, size)
		for k := range rows[i] {
			rows[i][k] = float32(random.NormFloat64() * math.Exp(random.NormFloat64()))
		}
	}
	return rows
}

// Every kernel against its Go twin, to the last bit, at lengths around a
// multiple of the lanes.
func TestKernelsInAssemblyEqualGo(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 7, 8, 9, 16, 31, 250} {
		rows := drawRows(random, 7, n)
		got, want := make([]laneSums, 6), make([]laneSums, 6)
		dots(rows[6], rows[:6], 0, got)
		for j := range want {
			dotScalar(rows[6], rows[j], &want[j])
		}
		if !slices.Equal(got, want) {
			t.Errorf("dots of %d elements: %v, want %v", n, got, want)
		}
		sums, plain := make([]float64, n), make([]float64, n)
		for _, x := range rows {
			addScaled(sums, x, 1.7)
			addScaledScalar(plain, x, 1.7)
		}
		if !slices.Equal(sums, plain) {
			t.Errorf("sums of %d elements differ", n)
		}
		a, b := slices.Clone(rows[0]), slices.Clone(rows[0])
		blend(a, rows[1], 0.9, 0.1)
		blendScalar(b, rows[1], 0.9, 0.1)
		if !slices.Equal(a, b) {
			t.Errorf("blends of %d elements differ", n)
		}
		var fast, slow laneSums
		for k := range a {
			a[k] = max(a[k], -a[k])
		}
		copy(b, a)
		accumulate(a, rows[2], 1e-7, &fast)
		accumulateScalar(b, rows[2], 1e-7, &slow)
		if !slices.Equal(a, b) || fast != slow {
			t.Errorf("accumulated squares of %d elements differ", n)
		}
	}
}

// The blocked products against the definition, across several chunks, with
// rows that are absent.
func TestGramCrossAndCombineAreTheirDefinitions(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, size := range []int{0, 1, 100, block + 3, 2*chunk + block + 13} {
		a, b := drawRows(random, 6, size), drawRows(random, 3, size)
		a[2], b[1] = nil, nil
		near := func(what string, got, want float64) {
			if math.Abs(got-want) > 1e-12*(1+math.Abs(want))*float64(size+1) {
				t.Fatalf("%s of rows of %d: %v, want %v", what, size, got, want)
			}
		}
		gram, cross := Gram(a), Cross(a, b)
		for i := range a {
			for j := range a {
				near("gram", gram[i*6+j], naiveDot(a[i], a[j]))
			}
			for j := range b {
				near("cross", cross[i*3+j], naiveDot(a[i], b[j]))
			}
		}
		weights := []float64{0.5, -2, 3, 0, 1e-3, 7}
		got := make([]float32, size)
		Combine(got, a, weights)
		for k := range got {
			want := 0.0
			for i, w := range weights {
				if a[i] != nil {
					want += w * float64(a[i][k])
				}
			}
			if got[k] != float32(want) {
				t.Fatalf("combination of rows of %d: element %d is %v, want %v", size, k, got[k], float32(want))
			}
		}
	}
}

func naiveDot(a, b []float32) float64 {
	if a == nil || b == nil {
		return 0
	}
	s := 0.0
	for k := range a {
		s += float64(a[k]) * float64(b[k])
	}
	return s
}

// BenchmarkRows is what a step over 10 tasks and a million shared parameters
// costs: two passes over the rows for methods on the Gram matrix. Copying the
// rows is what a pass costs at least.
func BenchmarkRows(b *testing.B) {
	const tasks, size = 10, 1_000_000
	rows := drawRows(rand.New(rand.NewPCG(5, 6)), tasks, size)
	d := make([]float32, size)
	b.Run("read", func(b *testing.B) {
		b.SetBytes(4 * tasks * size)
		for b.Loop() {
			for _, r := range rows {
				sums := laneSums{}
				dots(r, [][]float32{r}, 0, []laneSums{sums})
			}
		}
	})
	b.Run("gram", func(b *testing.B) {
		b.SetBytes(4 * tasks * size)
		for b.Loop() {
			Gram(rows)
		}
	})
	b.Run("combine", func(b *testing.B) {
		b.SetBytes(4 * tasks * size)
		w := filled(tasks, 0.3)
		for b.Loop() {
			Combine(d, rows, w)
		}
	})
	var names []string
	losses := make([]float64, tasks)
	for i := range tasks {
		names = append(names, fmt.Sprint("task", i))
		losses[i] = 1
	}
	for _, m := range Methods() {
		if !m.Needs.Gram && !m.Needs.Rows {
			continue
		}
		b.Run(m.Name, func(b *testing.B) {
			b.SetBytes(4 * tasks * size)
			balancer, err := New(Config{Method: m.Name, Tasks: names})
			if err != nil {
				b.Fatal(err)
			}
			s := Step{Losses: losses, Rows: rows, Direction: d}
			for b.Loop() {
				s.Number++
				w, err := balancer.Weigh(&s)
				if err != nil {
					b.Fatal(err)
				}
				if w.Shared != nil {
					Combine(d, rows, w.Shared)
				}
			}
		})
	}
}

// BenchmarkWeigh is what a step costs beside the passes over the rows.
func BenchmarkWeigh(b *testing.B) {
	const tasks = 10
	rows := drawRows(rand.New(rand.NewPCG(7, 8)), tasks, 12)
	var names []string
	for i := range tasks {
		names = append(names, fmt.Sprint("task", i))
	}
	for _, m := range Methods() {
		if !m.Needs.Gram {
			continue
		}
		b.Run(m.Name, func(b *testing.B) {
			balancer, err := New(Config{Method: m.Name, Tasks: names})
			if err != nil {
				b.Fatal(err)
			}
			s := Step{Losses: filled(tasks, 1), Gram: Gram(rows)}
			for b.Loop() {
				s.Number++
				if _, err := balancer.Weigh(&s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
