package train

import (
	"context"
	"fmt"
	"math"
	"slices"

	"espalier/data"
	"espalier/runtime"
	"espalier/train/balance"
)

// gradientsNow copies the gradients of all that is learned, by name: tables
// as whole tables.
func gradientsNow(tr *Trainer, graded func(name string) bool) map[string][]float32 {
	all := map[string][]float32{}
	for _, s := range tr.arena.slots {
		if graded(s.param.Name) {
			all[s.param.Name] = slices.Clone(s.gradient.Float32s())
		}
	}
	for _, s := range tr.tables {
		whole := make([]float32, len(s.values))
		for i, id := range s.rows.IDs {
			copy(whole[int(id)*s.dim:], s.rows.Sums[i*s.dim:(i+1)*s.dim])
		}
		all[s.param.Name] = whole
	}
	return all
}

// CompareParts takes a batch's gradients apart and puts them together again,
// and returns where that is not what the plain step gives.
func CompareParts(t *Trainer, b *data.Batch) (wrong []string, err error) {
	if err := t.draw(&t.draws, b, 1, 0); err != nil {
		return nil, err
	}
	for _, way := range []struct{ full, whole bool }{{full: true}, {full: true, whole: true}, {}} {
		d, err := divide(t.model, way.whole, false)
		if err != nil {
			return nil, err
		}
		if d.back == nil && !way.whole {
			return []string{"what tasks share is not divided from what they have of their own"}, nil
		}
		parts, err := newGradients(t, d, way.full, runtime.Options{})
		if err != nil {
			return nil, err
		}
		defer parts.close()
		err = t.reading(b, &t.draws, func() error {
			w, err := t.compareParts(parts, b)
			wrong = append(wrong, w...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return wrong, nil
}

func (tr *Trainer) compareParts(parts *gradients, b *data.Batch) (wrong []string, err error) {
	ctx := context.Background()
	graded := func(name string) bool { return tr.plain.program.graded[name] }
	present := make([]bool, len(tr.weights))
	for i := range present {
		present[i] = b.Counts[i] > 0
	}
	for _, weights := range someWeights(len(tr.weights)) {
		for i, w := range weights {
			tr.weights[i] = float32(w)
		}
		if err := tr.plain.run(ctx, &b.Batch, &tr.draws); err != nil {
			return nil, err
		}
		tr.sumRows(b)
		want := gradientsNow(tr, graded)
		clear(tr.arena.gradients)
		if err := parts.front.run(ctx, &b.Batch, &tr.draws); err != nil {
			return nil, err
		}
		if err := parts.fill(ctx, &b.Batch, &tr.draws, present); err != nil {
			return nil, err
		}
		if err := parts.combine(ctx, &b.Batch, &tr.draws, balance.Weights{Shared: weights, Heads: weights}, nil); err != nil {
			return nil, err
		}
		got := gradientsNow(tr, graded)
		for name := range want {
			if diff, length := distance(got[name], want[name]); !(diff <= 1e-6*(1+length)) {
				wrong = append(wrong, fmt.Sprintf("weights %v, by parameters %v: the gradient of %s is off by %v of %v", weights, parts.full, name, diff, length))
			}
		}
		for i, l := range tr.plain.losses {
			if math.Abs(float64(l-parts.front.losses[i])) > 1e-5 {
				wrong = append(wrong, fmt.Sprintf("loss %d is %v, want %v", i, parts.front.losses[i], l))
			}
		}
	}
	return wrong, nil
}

// someWeights are those of each of n tasks alone, and two of all.
func someWeights(n int) [][]float64 {
	all := make([][]float64, n+2)
	for i := range all {
		all[i] = make([]float64, n)
		for j := range n {
			switch {
			case i == n:
				all[i][j] = 1
			case i > n:
				all[i][j] = 2 / float64(1+3*j)
			case i == j:
				all[i][j] = 1
			}
		}
	}
	return all
}

// distance is that between two vectors, and the length of the second.
func distance(a, b []float32) (diff, length float64) {
	for i := range b {
		diff += float64(a[i]-b[i]) * float64(a[i]-b[i])
		length += float64(b[i]) * float64(b[i])
	}
	return math.Sqrt(diff), math.Sqrt(length)
}

// LossesOn evaluates the losses of a batch.
func (t *Trainer) LossesOn(b *data.Batch) ([]float64, error) {
	return t.lossesOn(context.Background(), b)
}

// WarningsOfBalance are those of a method that has nothing to balance with a set.
func WarningsOfBalance(t *Trainer, set *data.Dataset) []string {
	t.weighable(set)
	return t.Warnings()
}
