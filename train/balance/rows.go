package balance

import (
	"runtime"
	"sync"
)

// Gram returns the inner products of rows of one length, [n, n], summed in
// float64. A nil row is one of zeros. It reads the rows from memory once; the
// same rows give the same bits on any number of processors.
func Gram(rows [][]float32) []float64 { return products(rows, rows, true) }

// Cross returns the inner products of rows a with rows b, [len(a), len(b)].
func Cross(a, b [][]float32) []float64 { return products(a, b, false) }

const (
	// chunk is how many elements of the rows are summed up on their own.
	chunk = 1 << 15
	// block is how many elements of all rows fit into a near cache together.
	block = 1 << 10
)

// products computes the inner products of all pairs, those with j <= i alone
// where they are symmetric.
func products(a, b [][]float32, symmetric bool) []float64 {
	left, right := places(a), places(b)
	out := make([]float64, len(a)*len(b))
	if len(left) == 0 || len(right) == 0 {
		return out
	}
	size := len(a[left[0]])
	x, y := rowsAt(a, left), rowsAt(b, right)
	sums := make([][]float64, (size+chunk-1)/chunk)
	inParts(len(sums), 1, func(from, to int) {
		for c := from; c < to; c++ {
			sums[c] = chunkProducts(x, y, c*chunk, min((c+1)*chunk, size), symmetric)
		}
	})
	for i, at := range left {
		for j, to := range right {
			k := i*len(right) + j
			if symmetric && j > i {
				k = j*len(right) + i
			}
			for _, s := range sums {
				out[at*len(b)+to] += s[k]
			}
		}
	}
	return out
}

// places returns which rows are not nil.
func places(rows [][]float32) []int {
	var at []int
	for i, r := range rows {
		if r != nil {
			at = append(at, i)
		}
	}
	return at
}

func rowsAt(rows [][]float32, at []int) [][]float32 {
	of := make([][]float32, len(at))
	for i, r := range at {
		of[i] = rows[r]
	}
	return of
}

// chunkProducts sums the products of the elements from:to, block by block, so
// that memory is read once for all pairs.
func chunkProducts(a, b [][]float32, from, to int, symmetric bool) []float64 {
	partial := make([]laneSums, len(a)*len(b))
	for ; from < to; from += block {
		end := min(from+block, to)
		for i := 0; i < len(a); i += 2 {
			n := len(b)
			if symmetric {
				n = min(i+2, n) // one of the pairs of the first is not needed
			}
			sums := partial[i*len(b):]
			if i+1 == len(a) {
				dots(a[i][from:end], b[:n], from, sums)
				continue
			}
			dotsOfTwo(a[i][from:end], a[i+1][from:end], b[:n], from, sums, sums[len(b):])
		}
	}
	out := make([]float64, len(partial))
	for i := range partial {
		out[i] = partial[i].total()
	}
	return out
}

// squares returns the sum of squares, in float64.
func squares(x []float32) float64 { return products([][]float32{x}, [][]float32{x}, true)[0] }

// Combine writes sum_i weights[i]*rows[i] to dst, summed in float64. Rows that
// are nil or have weight 0 are not read. It reads the others once.
func Combine(dst []float32, rows [][]float32, weights []float64) {
	inParts((len(dst)+block-1)/block, 1, func(first, last int) {
		var sums [block]float64
		for from := first * block; from < min(last*block, len(dst)); from += block {
			to := min(from+block, len(dst))
			total := sums[:to-from]
			clear(total)
			for i, w := range weights {
				if w != 0 && rows[i] != nil {
					addScaled(total, rows[i][from:to], w)
				}
			}
			narrow(dst[from:to], total)
		}
	})
}

// average makes keep*mean + add*row of a mean.
func average(mean, row []float32, keep, add float64) {
	inParts((len(mean)+block-1)/block, 1, func(first, last int) {
		from, to := first*block, min(last*block, len(mean))
		blend(mean[from:to], row[from:to], float32(keep), float32(add))
	})
}

// sumOfParts adds up f over parts of 0 to n, whose bounds do not depend on the
// processors.
func sumOfParts(n int, f func(from, to int) float64) float64 {
	sums := make([]float64, (n+chunk-1)/chunk)
	inParts(len(sums), 1, func(from, to int) {
		for c := from; c < to; c++ {
			sums[c] = f(c*chunk, min((c+1)*chunk, n))
		}
	})
	return sum(sums)
}

// inParts calls f for parts of 0 to n side by side, one for each processor, but
// none smaller than least.
func inParts(n, least int, f func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), n/least)
	if parts < 2 {
		f(0, n)
		return
	}
	var wait sync.WaitGroup
	for i := 1; i < parts; i++ {
		wait.Go(func() { f(i*n/parts, (i+1)*n/parts) })
	}
	f(0, n/parts)
	wait.Wait()
}
