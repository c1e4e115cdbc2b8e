package optim

import (
	"sync"

	"github.com/viterin/vek/vek32"
)

// Rows sums the gradients of looked-up rows by row. It belongs to one table
// and is for one goroutine at a time.
type Rows struct {
	dim  int
	slot []int32 // row -> place in IDs, when the stamp is this call's
	mark []uint32
	call uint32
	// IDs are the distinct rows of the last Sum in the order they came first,
	// and Sums their gradients, [len(IDs), dim].
	IDs  []int64
	Sums []float32
}

// NewRows returns an empty sum for a table of the given size.
func NewRows(rows, dim int) *Rows {
	return &Rows{dim: dim, slot: make([]int32, rows), mark: make([]uint32, rows)}
}

// Sum adds up grads [len(ids), dim] by id. The id skip, a padding row, is left
// out; -1 skips none. Ids must be rows of the table.
func (r *Rows) Sum(ids []int64, grads []float32, skip int64) {
	if r.call++; r.call == 0 { // the stamps ran over: none may look current
		clear(r.mark)
		r.call = 1
	}
	r.IDs = r.IDs[:0]
	for _, id := range ids {
		if id != skip && r.mark[id] != r.call {
			r.mark[id], r.slot[id] = r.call, int32(len(r.IDs))
			r.IDs = append(r.IDs, id)
		}
	}
	n := len(r.IDs) * r.dim
	if cap(r.Sums) < n {
		r.Sums = make([]float32, n)
	}
	r.Sums = r.Sums[:n]
	next := 0 // the first of a row is copied, the others are added
	for i, id := range ids {
		if id == skip {
			continue
		}
		at := int(r.slot[id])
		sum, row := r.Sums[at*r.dim:(at+1)*r.dim], grads[i*r.dim:(i+1)*r.dim]
		if at == next {
			copy(sum, row)
			next++
			continue
		}
		vek32.Add_Inplace(sum, row)
	}
}

// UpdateRows changes the rows of a table [rows, dim] that r has sums for. The
// moments of other rows rest: what is known as lazy or sparse Adam.
func (o *Optimizer) UpdateRows(table []float32, r *Rows, s *Slots, lr, decay float64) {
	update := func(from, to int) { o.someRows(table, r, from, to, s, lr, decay) }
	n := len(r.IDs)
	if n*r.dim < parallel {
		update(0, n)
		return
	}
	var wait sync.WaitGroup
	wait.Go(func() { update(0, n/2) })
	update(n/2, n)
	wait.Wait()
}

// someRows updates the rows r.IDs[from:to]. It copies a block of rows and their
// moments side by side, updates the block, and copies it back: rows that lie
// anywhere in memory are fetched many at a time, where updating each in place
// would wait for one after the other.
func (o *Optimizer) someRows(table []float32, r *Rows, from, to int, s *Slots, lr, decay float64) {
	var params, first, second [block]float32
	per := max(block/r.dim, 1)
	if r.dim > block {
		for i := from; i < to; i++ {
			at := int(r.IDs[i]) * r.dim
			o.span(table[at:at+r.dim], r.Sums[i*r.dim:(i+1)*r.dim], s.part(at, at+r.dim), lr, decay)
		}
		return
	}
	arrays := [][2][]float32{{table, params[:]}, {s.First, first[:]}, {s.Second, second[:]}}
	for start := from; start < to; start += per {
		end := min(start+per, to)
		ids := r.IDs[start:end]
		n := len(ids) * r.dim
		var local Slots
		for k, a := range arrays {
			if a[0] == nil {
				continue
			}
			for i, id := range ids {
				copy(a[1][i*r.dim:(i+1)*r.dim], a[0][int(id)*r.dim:])
			}
			switch k {
			case 1:
				local.First = first[:n]
			case 2:
				local.Second = second[:n]
			}
		}
		o.span(params[:n], r.Sums[start*r.dim:end*r.dim], local, lr, decay)
		for _, a := range arrays {
			if a[0] == nil {
				continue
			}
			for i, id := range ids {
				copy(a[0][int(id)*r.dim:(int(id)+1)*r.dim], a[1][i*r.dim:])
			}
		}
	}
}

// UpdateTable changes every row of a table by the textbook rule: rows without
// a gradient have gradient 0, and their moments decay. scratch has the table's
// size and holds zeros before and after.
func (o *Optimizer) UpdateTable(table, scratch []float32, r *Rows, s *Slots, lr, decay float64) {
	for i, id := range r.IDs {
		copy(scratch[int(id)*r.dim:], r.Sums[i*r.dim:(i+1)*r.dim])
	}
	o.Update(table, scratch, s, lr, decay)
	if decay != 0 { // the update may have written to every gradient
		clear(scratch)
		return
	}
	for _, id := range r.IDs {
		clear(scratch[int(id)*r.dim : (int(id)+1)*r.dim])
	}
}

// Gather copies rows of a table [rows, dim] into dst [len(ids), dim].
func Gather(dst, table []float32, dim int, ids []int64) {
	rows := func(from, to int) {
		for i := from; i < to; i++ {
			at := int(ids[i]) * dim
			copy(dst[i*dim:(i+1)*dim], table[at:at+dim])
		}
	}
	n := len(ids)
	if n*dim < parallel {
		rows(0, n)
		return
	}
	var wait sync.WaitGroup
	wait.Go(func() { rows(0, n/2) })
	rows(n/2, n)
	wait.Wait()
}
