package optim

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"espalier/internal/hugepage"
)

// The sizes are those of the benchmark models: 20,000 words of width 128, and
// a batch of 2,048 tokens.
const (
	benchRows, benchDim, benchIDs = 20000, 128, 2048
)

func perElement(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
}

// BenchmarkUpdate updates an arena in the second-level cache, one of a small
// transformer, and one of the size of an embedding table.
func BenchmarkUpdate(b *testing.B) {
	for _, rule := range []struct {
		name   string
		config Config
	}{
		{"sgd", Config{Type: "sgd"}},
		{"nesterov", Config{Type: "sgd", Momentum: 0.9, Nesterov: true}},
		{"adam", adam()},
	} {
		for _, n := range []int{1 << 15, 400_000, benchRows * benchDim} {
			b.Run(fmt.Sprintf("%s/%d", rule.name, n), func(b *testing.B) {
				o, err := New(rule.config)
				if err != nil {
					b.Fatal(err)
				}
				r := rand.New(rand.NewPCG(1, 2))
				p, g, s := normals(r, n), normals(r, n), o.NewSlots(n)
				for b.Loop() {
					o.Begin()
					o.Update(p, g, s, 1e-3, 0)
				}
				perElement(b, n)
			})
		}
	}
}

// BenchmarkRows is what an embedding table costs in a step by Adam: gathering
// rows, summing the gradients of equal ids, and updating the rows of the
// batch or all of them. The time is by element of the batch.
func BenchmarkRows(b *testing.B) {
	o, err := New(adam())
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var batches [16][]int64 // so that rows are not in the caches from before
	for i := range batches {
		batches[i] = make([]int64, benchIDs)
		for j := range batches[i] {
			batches[i][j] = 1 + r.Int64N(benchRows-1)
		}
	}
	const n = benchIDs * benchDim
	table, grads, dst := hugepage.Float32s(benchRows*benchDim), normals(r, n), make([]float32, n)
	copy(table, normals(r, len(table)))
	s := o.NewSlots(len(table))
	rows := NewRows(benchRows, benchDim)
	for _, part := range []struct {
		name string
		run  func(ids []int64)
	}{
		{"gather", func(ids []int64) { Gather(dst, table, benchDim, ids) }},
		{"sum", func(ids []int64) { rows.Sum(ids, grads, 0) }},
		{"sum and lazy update", func(ids []int64) {
			rows.Sum(ids, grads, 0)
			o.Begin()
			o.UpdateRows(table, rows, s, 1e-3, 0)
		}},
		{"sum and dense update", func(ids []int64) {
			rows.Sum(ids, grads, 0)
			o.Begin()
			o.UpdateTable(table, rows, s, 1e-3, 0)
		}},
	} {
		b.Run(part.name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				part.run(batches[i%len(batches)])
				i++
			}
			perElement(b, n)
		})
	}
}

func BenchmarkNorm(b *testing.B) {
	x := normals(rand.New(rand.NewPCG(1, 2)), 400_000)
	for b.Loop() {
		Norm(x)
	}
	perElement(b, len(x))
}
