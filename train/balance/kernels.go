package balance

import "math"

// The kernels are the loops over gradients. Where the processor has vector
// instructions for it, assembly takes eight elements at a time with the
// operations of the Go code in its order, and both give the same bits: the
// product of two float32 is exact in float64, so that fusing it with an
// addition changes nothing, and where a product is rounded it is before it is
// added.

// lanes is how many elements the assembly takes at a time; what is left at the
// end of a slice is Go's.
const lanes = 8

// laneSums sums up the elements of each remainder by the lanes.
type laneSums [lanes]float64

func (s *laneSums) total() float64 {
	total := 0.0
	for _, x := range s {
		total += x
	}
	return total
}

// dots adds the products of x with the elements of each row from the place on.
func dots(x []float32, rows [][]float32, from int, sums []laneSums) {
	n := vectorised(len(x))
	j := 0
	if n > 0 {
		for ; j+4 <= len(rows); j += 4 {
			dots4(&x[0], &rows[j][from], &rows[j+1][from], &rows[j+2][from], &rows[j+3][from], n, &sums[j])
		}
		if rest := rows[j:]; len(rest) > 1 {
			// Two or three rows take no longer than four, one of them again.
			var of [4]laneSums
			last := rest[len(rest)-1]
			third := rest[min(2, len(rest)-1)]
			copy(of[:], sums[j:j+len(rest)])
			dots4(&x[0], &rest[0][from], &rest[1][from], &third[from], &last[from], n, &of[0])
			copy(sums[j:j+len(rest)], of[:])
		} else if len(rest) == 1 {
			dotVector(&x[0], &rest[0][from], n, &sums[j])
		}
	}
	for j, row := range rows {
		dotScalar(x[n:], row[from+n:from+len(x)], &sums[j])
	}
}

// dotsOfTwo is dots of two rows of one length, which read the others together.
func dotsOfTwo(x, z []float32, rows [][]float32, from int, sums, others []laneSums) {
	j := 0
	if n := vectorised(len(x)); hasWide && n == len(x) && n > 0 {
		for ; j+4 <= len(rows); j += 4 {
			dots2by4Wide(&x[0], &z[0], &rows[j][from], &rows[j+1][from], &rows[j+2][from], &rows[j+3][from], n, &sums[j], &others[j])
		}
	}
	dots(x, rows[j:], from, sums[j:])
	dots(z, rows[j:], from, others[j:])
}

func dots4(x, y0, y1, y2, y3 *float32, n int, sums *laneSums) {
	if hasWide {
		dots4Wide(x, y0, y1, y2, y3, n, sums)
		return
	}
	dots4Vector(x, y0, y1, y2, y3, n, sums)
}

func dotScalar(x, y []float32, sums *laneSums) {
	y = y[:len(x)]
	for k, v := range x {
		sums[k%lanes] += float64(v) * float64(y[k])
	}
}

// addScaled adds w*x to the sums.
func addScaled(sums []float64, x []float32, w float64) {
	n := vectorised(len(x))
	if n > 0 {
		addScaledVector(&sums[0], &x[0], n, w)
	}
	addScaledScalar(sums[n:], x[n:], w)
}

func addScaledScalar(sums []float64, x []float32, w float64) {
	sums = sums[:len(x)]
	for k, v := range x {
		sums[k] += float64(w * float64(v))
	}
}

// narrow rounds sums to dst.
func narrow(dst []float32, sums []float64) {
	n := vectorised(len(sums))
	if n > 0 {
		narrowVector(&dst[0], &sums[0], n)
	}
	narrowScalar(dst[n:], sums[n:])
}

func narrowScalar(dst []float32, sums []float64) {
	dst = dst[:len(sums)]
	for k, x := range sums {
		dst[k] = float32(x)
	}
}

// blend makes keep*m + add*x of m.
func blend(m, x []float32, keep, add float32) {
	n := vectorised(len(m))
	if n > 0 {
		blendVector(&m[0], &x[0], n, keep, add)
	}
	blendScalar(m[n:], x[n:], keep, add)
}

func blendScalar(m, x []float32, keep, add float32) {
	x = x[:len(m)]
	for k, v := range m {
		m[k] = float32(keep*v) + float32(add*x[k])
	}
}

// accumulate adds the squares of x to their sums s, and x^2/sqrt(s+epsilon) to
// the lanes.
func accumulate(s, x []float32, epsilon float32, sums *laneSums) {
	n := vectorised(len(s))
	if n > 0 {
		accumulateVector(&s[0], &x[0], n, epsilon, sums)
	}
	accumulateScalar(s[n:], x[n:], epsilon, sums)
}

func accumulateScalar(s, x []float32, epsilon float32, sums *laneSums) {
	x = x[:len(s)]
	for k, v := range x {
		square := float32(v * v)
		s[k] += square
		root := float32(math.Sqrt(float64(s[k] + epsilon)))
		sums[k%lanes] += float64(square / root)
	}
}

// vectorised returns how many of n elements the assembly takes.
func vectorised(n int) int {
	if !hasVector {
		return 0
	}
	return n / lanes * lanes
}
