package optim

import "github.com/viterin/vek/vek32"

// Rows sums the gradients of looked-up rows by row. It belongs to one table
// and is for one goroutine at a time.
type Rows struct {
	dim  int
	slot []int32 // row -> place in IDs, when the stamp is this call's
	mark []uint32
	call uint32
	skip int64
	// IDs are the distinct rows since Begin in the order they came first,
	// and Sums their gradients, [len(IDs), dim].
	IDs  []int64
	Sums []float32
}

// NewRows returns an empty sum for a table of the given size.
func NewRows(rows, dim int) *Rows {
	return &Rows{dim: dim, call: 1, skip: -1, slot: make([]int32, rows), mark: make([]uint32, rows)}
}

// Sum adds up grads [len(ids), dim] by id. The id skip, a padding row, is left
// out; -1 skips none. Ids must be rows of the table.
func (r *Rows) Sum(ids []int64, grads []float32, skip int64) {
	r.Begin(skip)
	r.Add(ids, grads)
}

// Begin forgets the last sums. A table that is looked up at several places has
// the gradients of each added after it.
func (r *Rows) Begin(skip int64) {
	if r.call++; r.call == 0 { // the stamps ran over: none may look current
		clear(r.mark)
		r.call = 1
	}
	r.IDs, r.Sums, r.skip = r.IDs[:0], r.Sums[:0], skip
}

// Add adds grads [len(ids), dim] to the sums since Begin.
func (r *Rows) Add(ids []int64, grads []float32) {
	next := len(r.IDs) // the first of a row is copied, the others are added
	for _, id := range ids {
		if id != r.skip && r.mark[id] != r.call {
			r.mark[id], r.slot[id] = r.call, int32(len(r.IDs))
			r.IDs = append(r.IDs, id)
		}
	}
	n := len(r.IDs) * r.dim
	if cap(r.Sums) < n {
		r.Sums = append(make([]float32, 0, n), r.Sums...)
	}
	r.Sums = r.Sums[:n]
	for i, id := range ids {
		if id == r.skip {
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

// ahead is how many rows before its turn a row is asked for: rows lie anywhere
// in memory, and waiting for one after the other takes longer than updating
// them.
const ahead = 4

// UpdateRows changes the rows of a table [rows, dim] that r has sums for. The
// moments of other rows rest: what is known as lazy or sparse Adam.
func (o *Optimizer) UpdateRows(table []float32, r *Rows, s *Slots, lr, decay float64) {
	k := o.rule(lr, decay)
	inParts(len(r.IDs), r.dim, func(from, to int) {
		for i := from; i < to; i++ {
			if next := i + ahead; next < to {
				r.ask(table, r.IDs[next])
				r.ask(s.First, r.IDs[next])
				r.ask(s.Second, r.IDs[next])
			}
			at := int(r.IDs[i]) * r.dim
			k.update(table, r.Sums[i*r.dim:(i+1)*r.dim], s, at, at+r.dim)
		}
	})
}

// ask prefetches a row of x, which may be nil.
func (r *Rows) ask(x []float32, id int64) {
	if x != nil {
		prefetch(x[int(id)*r.dim : (int(id)+1)*r.dim])
	}
}

// UpdateTable changes every row of a table by the textbook rule: rows without
// a gradient have gradient 0, and their moments decay. The row that Sum was
// told to skip stays as it is.
func (o *Optimizer) UpdateTable(table []float32, r *Rows, s *Slots, lr, decay float64) {
	k := o.rule(lr, decay)
	zero := make([]float32, r.dim)
	inParts(len(r.mark), r.dim, func(from, to int) {
		for row := from; row < to; row++ {
			grad := zero
			switch {
			case int64(row) == r.skip:
				continue
			case r.mark[row] == r.call:
				at := int(r.slot[row]) * r.dim
				grad = r.Sums[at : at+r.dim]
			}
			k.update(table, grad, s, row*r.dim, (row+1)*r.dim)
		}
	})
}

// Gather copies rows of a table [rows, dim] into dst [len(ids), dim].
func Gather(dst, table []float32, dim int, ids []int64) {
	inParts(len(ids), dim, func(from, to int) {
		for i := from; i < to; i++ {
			if next := i + ahead; next < to {
				at := int(ids[next]) * dim
				prefetch(table[at : at+dim])
			}
			at := int(ids[i]) * dim
			copy(dst[i*dim:(i+1)*dim], table[at:at+dim])
		}
	})
}
