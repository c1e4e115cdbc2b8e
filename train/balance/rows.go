package balance

// Gram returns the inner products of rows of one length, [n, n], summed in
// float64. A nil row is one of zeros. It is one pass over the rows.
func Gram(rows [][]float32) []float64 {
	n := len(rows)
	out := make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			if rows[i] == nil || rows[j] == nil {
				continue
			}
			s := 0.0
			for k, x := range rows[i] {
				s += float64(x) * float64(rows[j][k])
			}
			out[i*n+j], out[j*n+i] = s, s
		}
	}
	return out
}

// Cross returns the inner products of rows a with rows b, [len(a), len(b)].
func Cross(a, b [][]float32) []float64 {
	out := make([]float64, len(a)*len(b))
	for i := range a {
		for j := range b {
			if a[i] == nil || b[j] == nil {
				continue
			}
			s := 0.0
			for k, x := range a[i] {
				s += float64(x) * float64(b[j][k])
			}
			out[i*len(b)+j] = s
		}
	}
	return out
}

// Combine writes sum_i weights[i]*rows[i] to dst. Rows that are nil or have
// weight 0 are not read.
func Combine(dst []float32, rows [][]float32, weights []float64) {
	clear(dst)
	for i, w := range weights {
		if w == 0 || rows[i] == nil {
			continue
		}
		for k, x := range rows[i] {
			dst[k] += float32(w * float64(x))
		}
	}
}
