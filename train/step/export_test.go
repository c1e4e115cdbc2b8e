package step

import (
	"context"
	"fmt"
	"math"
	"slices"

	"espalier/runtime"
	"espalier/train/balance"
)

// gradientsNow copies the gradients of all that is learned, by name: tables
// as whole tables.
func gradientsNow(tr *Step, graded func(name string) bool) map[string][]float32 {
	all := map[string][]float32{}
	for _, s := range tr.params.slots {
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
func CompareParts(t *Step, in Input) (wrong []string, err error) {
	in.Draws = new(Draws) // of this step
	if err := t.Draw(in.Draws, in.Batch, 1, 0); err != nil {
		return nil, err
	}
	for _, way := range []struct{ full, whole bool }{{full: true}, {full: true, whole: true}, {}} {
		d, err := compileSplit(t.model, t.features, t.config.Recompute, way.whole, false)
		if err != nil {
			return nil, err
		}
		if d.backward == nil && !way.whole {
			return []string{"what tasks share is not divided from what they have of their own"}, nil
		}
		parts, err := t.newSplitStep(d, way.full, runtime.Options{})
		if err != nil {
			return nil, err
		}
		defer parts.close()
		w, err := t.compareParts(parts, &in)
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, w...)
	}
	return wrong, nil
}

func (tr *Step) compareParts(parts *splitStep, in *Input) (wrong []string, err error) {
	ctx := context.Background()
	graded := func(name string) bool { return tr.plain.program.graded[name] }
	present := make([]bool, len(tr.states))
	for i := range present {
		present[i] = in.Labels[i] > 0
	}
	for _, weights := range someWeights(len(tr.states)) {
		for i, w := range weights {
			tr.weights[i] = float32(w)
		}
		if err := tr.plain.run(ctx, in); err != nil {
			return nil, err
		}
		tr.sumRows(in)
		want := gradientsNow(tr, graded)
		clear(tr.params.gradients)
		if err := parts.first.run(ctx, in); err != nil {
			return nil, err
		}
		if err := parts.fill(ctx, in, present); err != nil {
			return nil, err
		}
		if err := parts.combine(ctx, in, balance.Weights{Shared: weights, Heads: weights}, nil, 1); err != nil {
			return nil, err
		}
		got := gradientsNow(tr, graded)
		for name := range want {
			if diff, length := distance(got[name], want[name]); !(diff <= 1e-6*(1+length)) {
				wrong = append(wrong, fmt.Sprintf("weights %v, by parameters %v: the gradient of %s is off by %v of %v", weights, parts.full, name, diff, length))
			}
		}
		for i, l := range tr.plain.losses {
			if math.Abs(float64(l-parts.first.losses[i])) > 1e-5 {
				wrong = append(wrong, fmt.Sprintf("loss %d is %v, want %v", i, parts.first.losses[i], l))
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

// DrawnIDs returns the batch's ids with what was drawn.
func DrawnIDs(d *Draws) []int64 { return d.ids.Int64s() }

// PaddingRows returns the row of each table that learns nothing, by the table's name.
func PaddingRows(s *Step) map[string]int64 {
	rows := map[string]int64{}
	for _, t := range s.tables {
		rows[t.param.Name] = t.padding
	}
	return rows
}

// GradientMemory is how many floats the gradients of dense parameters take.
func GradientMemory(s *Step) int { return len(s.params.gradients) }

// GradientsNow are the gradients of a plain step by all that it learns, by name.
func GradientsNow(s *Step) map[string][]float32 {
	return gradientsNow(s, func(name string) bool { return s.plain.program.graded[name] })
}

// Reads are the dense parameters that the plain step and evaluation read, and how many
// looked-up rows they do.
func Reads(s *Step) (names []string, rows int) {
	for _, p := range []*program{s.plain.program, s.evaluation.program} {
		for _, v := range p.dense {
			names = append(names, v.Name())
		}
		rows += len(p.reads)
	}
	slices.Sort(names)
	return slices.Compact(names), rows
}
