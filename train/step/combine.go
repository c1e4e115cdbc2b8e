package step

import (
	"context"
	"slices"
	"strings"

	"espalier/train/balance"
)

// combine puts what the shared parameters follow into the arena and the
// tables: the rows with the weights or, where the method wrote it, the
// direction, and the penalty's row, times a factor. It scales the gradients of own
// parameters.
func (r *splitStep) combine(ctx context.Context, in *Input, w balance.Weights, direction []float32, penalty float64) error {
	r.combineOwn(w, penalty)
	if !r.full {
		if err := r.combineAtCut(in.Batch.Sizes(), w, direction, penalty); err != nil {
			return err
		}
		if err := r.backwards[0].run(ctx, in); err != nil {
			return err
		}
		r.sumRows(nil, in, r.rowGrad[0])
		return nil
	}
	if direction == nil {
		r.combineRows(append(slices.Clone(w.Shared), penalty))
		return nil
	}
	size := len(r.dense[0])
	dense, tail := direction[:size], direction[size:]
	whole := len(tail) == r.wholeTables() && len(tail) != r.tailSize()
	r.addPenalty(dense, tail, whole)
	if whole {
		tail = r.touchAll(tail)
	}
	r.spread(dense, tail)
	return nil
}

// combineRows writes the sum of the rows with weights straight to where the
// optimizer reads it.
func (r *splitStep) combineRows(weights []float64) {
	dense, tails := only(r.dense, weighed(weights)), only(r.tails, weighed(weights))
	parts := make([][]float32, len(weights))
	combine := func(dst []float32, rows [][]float32, from int) {
		for i, row := range rows {
			if parts[i] = nil; row != nil {
				parts[i] = row[from : from+len(dst)]
			}
		}
		balance.Combine(dst, parts, weights)
	}
	for i := 0; i < len(r.places); {
		// Parameters that are neighbours in the arena are so in rows.
		first := r.places[i]
		end := first.end()
		for i++; i < len(r.places) && r.places[i].slot.offset == end; i++ {
			end = r.places[i].end()
		}
		combine(r.params.gradients[first.slot.offset:end], dense, first.offset)
	}
	from := 0
	for _, s := range r.tables {
		combine(s.rows.Sums, tails, from)
		from += len(s.rows.Sums)
	}
}

// combineAtCut fills the combined gradients by the values at the cut.
func (r *splitStep) combineAtCut(at map[string]int64, w balance.Weights, direction []float32, factor float64) error {
	penalty := len(r.atCut) - 1
	for k, b := range r.combined {
		if err := b.fit(at); err != nil {
			return err
		}
		rows, weights := make([][]float32, penalty+1), append(slices.Clone(w.Shared), factor)
		for i, of := range r.atCut {
			if of[k] != nil {
				rows[i] = of[k].floats
			}
		}
		if direction != nil {
			n := r.sizeAtCut(k)
			rows, weights = [][]float32{direction[:n:n], rows[penalty]}, []float64{1, factor}
			direction = direction[n:]
			if n == 0 {
				rows[0] = nil
			}
		}
		balance.Combine(b.floats, rows, weights)
	}
	return nil
}

// weighed tells the rows that count from those that do not.
func weighed(weights []float64) []bool {
	of := make([]bool, len(weights))
	for i, w := range weights {
		of[i] = w != 0
	}
	return of
}

// addPenalty adds the penalty's row to a direction; whole says that it has whole
// tables.
func (r *splitStep) addPenalty(dense, tail []float32, whole bool) {
	if r.first.program.built.Penalty == nil {
		return
	}
	penalty := len(r.dense) - 1
	addTo(dense, r.dense[penalty])
	if !whole {
		addTo(tail, r.tails[penalty])
		return
	}
	from := 0
	for _, s := range r.tables {
		for _, id := range s.rows.IDs {
			addTo(tail[int(id)*s.dim:int(id+1)*s.dim], r.tails[penalty][from:])
			from += s.dim
		}
		tail = tail[len(s.values):]
	}
}

func (r *splitStep) tailSize() int {
	n := 0
	for _, s := range r.tables {
		n += len(s.rows.Sums)
	}
	return n
}

func (r *splitStep) wholeTables() int {
	n := 0
	for _, s := range r.tables {
		n += len(s.values)
	}
	return n
}

// touchAll makes every row of the tables but the padding one of the step's, and
// returns their gradients out of those of whole tables.
func (r *splitStep) touchAll(whole []float32) []float32 {
	var tail []float32
	for _, s := range r.tables {
		rows := len(s.values) / s.dim
		ids := make([]int64, rows)
		for i := range ids {
			ids[i] = int64(i)
		}
		s.rows.Sum(ids, whole[:len(s.values)], s.padding)
		tail = append(tail, s.rows.Sums...)
		whole = whole[len(s.values):]
	}
	return tail
}

// spread copies a combined row to the arena and the tables.
func (r *splitStep) spread(dense, tail []float32) {
	for _, p := range r.places {
		copy(p.slot.gradient.Float32s(), dense[p.offset:])
	}
	for _, s := range r.tables {
		tail = tail[copy(s.rows.Sums, tail):]
	}
}

// combineOwn adds up the gradients of parameters that are not in rows, with the
// factors of heads; those of parameters that tasks share behind the
// representation have the tasks' weights.
func (r *splitStep) combineOwn(w balance.Weights, penalty float64) {
	for _, o := range r.own {
		weights := make([]float64, len(o.sets))
		for i, set := range o.sets {
			switch {
			case set == len(w.Heads):
				weights[i] = penalty
			case r.dropped[set] && !strings.HasPrefix(o.slot.param.Name, "head/"+r.first.tasks[set].Name+"/"):
				weights[i] = 0
			case shared(o.slot.param.Name) && w.Shared != nil:
				weights[i] = w.Shared[set]
			default:
				weights[i] = w.Heads[set]
			}
		}
		balance.Combine(o.slot.gradient.Float32s(), o.bySet, weights)
	}
}
