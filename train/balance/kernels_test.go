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
		want := make([]laneSums, 6)
		for j := range want {
			dotScalar(rows[6], rows[j], &want[j])
		}
		for k := range len(want) + 1 {
			got := make([]laneSums, k)
			dots(rows[6], rows[:k], 0, got)
			if !slices.Equal(got, want[:k]) {
				t.Errorf("dots of %d elements with %d rows: %v, want %v", n, k, got, want[:k])
			}
		}
		pair := [2][]laneSums{make([]laneSums, 6), make([]laneSums, 6)}
		dotsOfTwo(rows[6], rows[0], rows[:6], 0, pair[0], pair[1])
		var other laneSums
		dotScalar(rows[0], rows[5], &other)
		if !slices.Equal(pair[0], want) || pair[1][5] != other {
			t.Errorf("dots of two with %d elements: %v, want %v", n, pair[0], want)
		}
		if whole := vectorised(n); whole > 0 { // narrow registers, where the others are used too
			got := make([]laneSums, 4)
			dots4Vector(&rows[6][0], &rows[0][0], &rows[1][0], &rows[2][0], &rows[3][0], whole, &got[0])
			for j, row := range rows[:4] {
				dotScalar(rows[6][whole:], row[whole:], &got[j])
			}
			if !slices.Equal(got, want[:4]) {
				t.Errorf("dots of %d elements in narrow registers: %v, want %v", n, got, want[:4])
			}
		}
		sums, plain := make([]float64, n), make([]float64, n)
		for _, x := range rows {
			addScaled(sums, x, 1.7)
			addScaledScalar(plain, x, 1.7)
		}
		if !slices.Equal(sums, plain) {
			t.Errorf("sums of %d elements differ", n)
		}
		fine, coarse := make([]float32, n), make([]float32, n)
		narrow(fine, sums)
		narrowScalar(coarse, sums)
		if !slices.Equal(fine, coarse) {
			t.Errorf("rounded sums of %d elements differ", n)
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
// costs: two passes over the rows for methods on the Gram matrix. Reading the
// rows is what a pass costs at least; "passes" is the time in such passes.
func BenchmarkRows(b *testing.B) {
	const tasks, size = 10, 1_000_000
	rows := drawRows(rand.New(rand.NewPCG(5, 6)), tasks, size)
	d := make([]float32, size)
	var pass float64 // ns
	run := func(name string, do func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 * tasks * size)
			for b.Loop() {
				do()
			}
			each := float64(b.Elapsed()) / float64(b.N)
			if name == "read" {
				pass = each
			}
			b.ReportMetric(each/pass, "passes")
		})
	}
	all := slices.Concat(rows...)
	one := [][]float32{all}
	run("read", func() {
		sumOfParts(len(all), func(from, to int) float64 {
			var sums [1]laneSums
			dots(all[from:to], one, from, sums[:])
			return sums[0].total()
		})
	})
	run("gram", func() { Gram(rows) })
	w := filled(tasks, 0.3)
	run("combine", func() { Combine(d, rows, w) })
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
		balancer, err := New(Config{Method: m.Name, Tasks: names})
		if err != nil {
			b.Fatal(err)
		}
		s := Step{Losses: losses, Rows: rows, Direction: d}
		run(m.Name, func() {
			s.Number++
			w, err := balancer.Weigh(&s)
			if err != nil {
				b.Fatal(err)
			}
			if w.Shared != nil {
				Combine(d, rows, w.Shared)
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
