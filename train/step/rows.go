package step

import (
	"context"

	"espalier/train/balance"
)

// fill computes the rows of the tasks that are present, after the forward program has
// run.
func (r *splitStep) fill(ctx context.Context, in *Input, present []bool) error {
	if !r.full {
		return nil
	}
	for i := range r.dense {
		if !r.has(i, present) {
			continue
		}
		if r.backwards != nil && r.backwards[i] != nil {
			if err := r.backwards[i].run(ctx, in); err != nil {
				return err
			}
		}
		r.tails[i] = r.sumRows(r.tails[i][:0], in, r.rowGrad[i])
	}
	return nil
}

// has reports whether a batch in which these tasks are present has a set's row.
func (r *splitStep) has(set int, present []bool) bool {
	if set == len(present) {
		return r.first.program.built.Penalty != nil
	}
	return present[set]
}

// sumRows sums gradients of looked-up rows by id, and appends the sums of all
// tables to tail. Which ids they are is left in the tables.
func (r *splitStep) sumRows(tail []float32, in *Input, of []*buffer) []float32 {
	for _, s := range r.tables {
		s.rows.Begin(s.padding)
	}
	for i, l := range r.forward.lookup {
		s := tableIn(r.tables, l.table)
		if s == nil {
			continue
		}
		ids := r.forward.idsOf(i, in)
		if of[i] != nil {
			s.rows.Add(ids, of[i].floats)
		} else {
			s.rows.Add(ids, make([]float32, len(ids)*s.dim))
		}
	}
	for _, s := range r.tables {
		tail = append(tail, s.rows.Sums...)
	}
	return tail
}

// gram returns the inner products of the tasks' gradients, and at the
// representation those of the gradients there.
func (r *splitStep) gram(present []bool) []float64 {
	if r.full {
		return sum(balance.Gram(only(r.dense, present)), balance.Gram(only(r.tails, present)))
	}
	total := make([]float64, len(present)*len(present))
	for k := range r.cut {
		total = sum(total, balance.Gram(r.rowsAtCut(k, present)))
	}
	return total
}

// sum adds x to a total.
func sum(total, x []float64) []float64 {
	for i, v := range x {
		total[i] += v
	}
	return total
}

// only keeps the rows of the tasks that are present; a row of nothing is nil.
func only(rows [][]float32, present []bool) [][]float32 {
	of := make([][]float32, len(present))
	for i, p := range present {
		if p && len(rows[i]) > 0 {
			of[i] = rows[i]
		}
	}
	return of
}

// rowsAtCut are the gradients by value k at the cut of the tasks that are
// present and reach it.
func (r *splitStep) rowsAtCut(k int, present []bool) [][]float32 {
	rows := make([][]float32, len(present))
	for i, p := range present {
		if p && r.atCut[i][k] != nil {
			rows[i] = r.atCut[i][k].floats
		}
	}
	return rows
}

// joined returns whole rows: dense parameters, then touched rows of tables or,
// with tables, all of them, so that rows of all steps are of the same
// parameters.
func (r *splitStep) joined(present []bool, tables bool) [][]float32 {
	if !r.full {
		return r.joinedAtCut(present)
	}
	rows := make([][]float32, len(present))
	for i, p := range present {
		if !p {
			continue
		}
		rows[i] = append(make([]float32, 0, len(r.dense[i])+len(r.tails[i])), r.dense[i]...)
		if !tables {
			rows[i] = append(rows[i], r.tails[i]...)
			continue
		}
		from := 0
		for _, s := range r.tables {
			whole := make([]float32, len(s.values))
			for _, id := range s.rows.IDs {
				copy(whole[int(id)*s.dim:int(id+1)*s.dim], r.tails[i][from:])
				from += s.dim
			}
			rows[i] = append(rows[i], whole...)
		}
	}
	return rows
}

// joinedAtCut are the gradients by all values at the cut, one after the other.
func (r *splitStep) joinedAtCut(present []bool) [][]float32 {
	rows := make([][]float32, len(present))
	for k := range r.cut {
		of, n := r.rowsAtCut(k, present), r.sizeAtCut(k)
		for i, p := range present {
			switch {
			case !p:
			case of[i] == nil:
				rows[i] = append(rows[i], make([]float32, n)...)
			default:
				rows[i] = append(rows[i], of[i]...)
			}
		}
	}
	return rows
}

// activations are the values at the cut, whose axes of the batch come first; nil
// where rows are by parameters.
func (r *splitStep) activations() []balance.Activation {
	if r.full {
		return nil
	}
	of := make([]balance.Activation, len(r.cut))
	for k, v := range r.cut {
		of[k] = balance.Activation{Features: 1, Size: r.sizeAtCut(k)}
		for _, d := range v.Shape() {
			if n, fixed := d.Size(); fixed {
				of[k].Features *= int(n)
			}
		}
		if r.values != nil && of[k].Size > 0 {
			of[k].Values = r.values[k].floats
		}
	}
	return of
}

// sizeAtCut is the size of a gradient by value k at the cut; 0 where no loss
// reaches it.
func (r *splitStep) sizeAtCut(k int) int {
	for _, of := range r.atCut {
		if of[k] != nil {
			return len(of[k].floats)
		}
	}
	return 0
}
