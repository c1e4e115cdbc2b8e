package gonum

import (
	"sync"

	"gonum.org/v1/gonum/blas"
	gonumblas "gonum.org/v1/gonum/blas/gonum"
)

// A product is cut into panels of the result that gonum computes on the
// calling goroutine: below four of its 64 x 64 blocks it starts none of its
// own. Panels do not depend on the number of goroutines, so neither do the
// bits.
const (
	panelRows = 64
	panelCols = 192
)

// parallelFrom is the number of multiplications from which a second goroutine
// pays for its start.
const parallelFrom = 1 << 18

// dotsFrom is the number of rows from which it pays to transpose the right
// side first. Gonum then computes every element as one product of two rows:
// almost twice as fast, and without passing over multipliers that are 0.
const dotsFrom = 4

// matrix is a row-major matrix in a slice, read transposed when trans is set.
type matrix[T float] struct {
	data       []T
	rows, cols int // as stored
	trans      bool
}

func (m matrix[T]) shape() (rows, cols int) {
	if m.trans {
		return m.cols, m.rows
	}
	return m.rows, m.cols
}

// turned returns the matrix stored the other way round, and so read the other
// way round, in scratch memory.
func (m matrix[T]) turned(c *call) (matrix[T], error) {
	out, err := scratch[T](c.memory, m.rows*m.cols)
	if err != nil {
		return m, err
	}
	transposeInto(out, m.data, m.rows, m.cols)
	return matrix[T]{data: out, rows: m.cols, cols: m.rows, trans: !m.trans}, nil
}

// transposeInto writes the transpose of rows x cols elements, in tiles that
// stay in the cache.
func transposeInto[T any](out, data []T, rows, cols int) {
	const tile = 16
	for i0 := 0; i0 < rows; i0 += tile {
		for j0 := 0; j0 < cols; j0 += tile {
			i1 := min(i0+tile, rows)
			for j := j0; j < min(j0+tile, cols); j++ {
				to, from := out[j*rows+i0:j*rows+i1], i0*cols+j
				for i := range to {
					to[i] = data[from]
					from += cols
				}
			}
		}
	}
}

// product sets out = alpha*a*b + beta*out.
func product[T float](c *call, alpha T, a, b matrix[T], beta T, out []T) error {
	m, k := a.shape()
	_, n := b.shape()
	if m == 0 || n == 0 {
		return nil
	}
	if k == 0 {
		for i := range out {
			if beta == 0 {
				out[i] = 0
			} else {
				out[i] *= beta
			}
		}
		return nil
	}
	var err error
	if a.trans { // gonum computes this form on one core only, and slowly
		if a, err = a.turned(c); err != nil {
			return err
		}
		defer giveBack(c.memory, a.data)
	}
	if !b.trans && m >= dotsFrom {
		if b, err = b.turned(c); err != nil {
			return err
		}
		defer giveBack(c.memory, b.data)
	}
	p := panels[T]{a: a, b: b, out: out, m: m, n: n, k: k, alpha: alpha, beta: beta}
	if workers := min(c.threads, p.count()); workers > 1 && m*n*k >= parallelFrom {
		p.sideBySide(workers)
		return nil
	}
	for i := range p.count() {
		p.compute(i)
	}
	return nil
}

// panels is a product in parts; its left side is stored as it is read.
type panels[T float] struct {
	a, b        matrix[T]
	out         []T
	m, n, k     int
	alpha, beta T
}

func (p *panels[T]) count() int {
	return ((p.m + panelRows - 1) / panelRows) * ((p.n + panelCols - 1) / panelCols)
}

func (p *panels[T]) sideBySide(workers int) {
	parallel(workers, func(w int) {
		for i := w; i < p.count(); i += workers {
			p.compute(i)
		}
	})
}

// compute computes one panel; panels are numbered row by row.
func (p *panels[T]) compute(index int) {
	cols := (p.n + panelCols - 1) / panelCols
	i, j := index/cols*panelRows, index%cols*panelCols
	m, n := min(panelRows, p.m-i), min(panelCols, p.n-j)
	a, b, out := p.a.data[i*p.k:], p.b.data, p.out[i*p.n+j:]
	tb := blas.NoTrans
	if p.b.trans {
		tb, b = blas.Trans, b[j*p.k:]
	} else {
		b = b[j:]
	}
	var impl gonumblas.Implementation
	switch x := any(a).(type) {
	case []float32:
		impl.Sgemm(blas.NoTrans, tb, m, n, p.k, float32(p.alpha), x, p.k, any(b).([]float32), p.b.cols,
			float32(p.beta), any(out).([]float32), p.n)
	case []float64:
		impl.Dgemm(blas.NoTrans, tb, m, n, p.k, float64(p.alpha), x, p.k, any(b).([]float64), p.b.cols,
			float64(p.beta), any(out).([]float64), p.n)
	}
}

// parallel calls do(0) to do(workers-1) side by side and waits for them. A
// panic of one is the caller's, who recovers it like any other.
func parallel(workers int, do func(worker int)) {
	if workers == 1 {
		do(0)
		return
	}
	var wait sync.WaitGroup
	panics := make([]any, workers)
	for w := range workers {
		wait.Go(func() {
			defer func() { panics[w] = recover() }()
			do(w)
		})
	}
	wait.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}
