package baseline

import "math"

// ridge fits the weights, the last one a constant that is not regularised, which
// minimise
//
//	sum over examples of (y - w.x - b)^2 + alpha |w|^2
//
// by conjugate gradients on the normal equations of centred columns (Hestenes
// and Stiefel 1952), which never makes the matrix dense.
func ridge(x *matrix, y []float64, alpha, tolerance float64) []float64 {
	n, width := x.rows(), x.width
	means, mean := make([]float64, width), 0.0
	for i := range n {
		x.addRow(i, 1/float64(n), means)
		mean += y[i] / float64(n)
	}
	// times is (X - 1 means)'(X - 1 means) v + alpha v.
	times := func(v, out []float64) {
		clear(out)
		shift, sum := dot(means, v), 0.0
		for i := range n {
			u := x.dot(i, v) - shift
			sum += u
			x.addRow(i, u, out)
		}
		for j := range out {
			out[j] += alpha*v[j] - sum*means[j]
		}
	}
	w, r := make([]float64, width), make([]float64, width)
	for i := range n {
		x.addRow(i, y[i]-mean, r) // what is centred sums to 0
	}
	p, q := append([]float64{}, r...), make([]float64, width)
	rr := dot(r, r)
	stop := tolerance * tolerance * rr
	for k := 0; k < 1000 && rr > stop && rr > 0; k++ {
		times(p, q)
		step := rr / dot(p, q)
		for j := range w {
			w[j] += step * p[j]
			r[j] -= step * q[j]
		}
		next := dot(r, r)
		for j := range p {
			p[j] = r[j] + next/rr*p[j]
		}
		rr = next
	}
	return append(w, mean-dot(means, w))
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// sigmoid is the probability that a logistic regression gives to a decision.
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
