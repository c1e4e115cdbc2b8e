package baseline

import "math"

// poisson fits the weights, the last one a constant that is not regularised, which
// minimise
//
//	sum over examples of exp(w.x + b) - y (w.x + b), plus alpha/2 |w|^2
//
// the negative log likelihood of Poisson regression (McCullagh and Nelder 1989, chapter
// 6). Newton's steps are solved by conjugate gradients, so that the matrix stays sparse,
// and halved until the objective falls. It ends where the gradient is tolerance of what
// it was at the mean.
func poisson(x *matrix, y []float64, alpha, tolerance float64) []float64 {
	p := &poissonFit{x: x, y: y, alpha: alpha, mu: make([]float64, x.rows())}
	mean := 0.0
	for _, v := range y {
		mean += v / float64(len(y))
	}
	w := make([]float64, x.width+1)
	w[x.width] = math.Log(max(mean, 1e-9))
	objective, first := p.at(w), 0.0
	for k := range 100 {
		g := p.gradient(w)
		if k == 0 {
			first = dot(g, g)
		}
		if dot(g, g) <= tolerance*tolerance*first {
			break
		}
		step := p.solve(g)
		next, smaller := make([]float64, len(w)), false
		for size := 1.0; size > 1e-9 && !smaller; size /= 2 {
			for j := range w {
				next[j] = w[j] - size*step[j]
			}
			at := p.at(next)
			if smaller = at < objective; smaller {
				objective = at
			}
		}
		if !smaller {
			p.at(w)
			break
		}
		w = next
	}
	return w
}

// poissonFit is a Poisson regression being fitted; mu are the predictions of the weights
// that were looked at last.
type poissonFit struct {
	x     *matrix
	y, mu []float64
	alpha float64
}

// at returns the objective of weights.
func (p *poissonFit) at(w []float64) float64 {
	sum := p.alpha / 2 * dot(w[:p.x.width], w[:p.x.width])
	for i, y := range p.y {
		z := p.x.dot(i, w) + w[p.x.width]
		p.mu[i] = math.Exp(z)
		sum += p.mu[i] - y*z
	}
	return sum
}

// gradient returns that of the objective at weights that at has looked at.
func (p *poissonFit) gradient(w []float64) []float64 {
	g := make([]float64, len(w))
	for i, y := range p.y {
		p.x.addRow(i, p.mu[i]-y, g)
		g[p.x.width] += p.mu[i] - y
	}
	for j := range p.x.width {
		g[j] += p.alpha * w[j]
	}
	return g
}

// solve returns the solution of H v = g, with H the second derivatives there.
func (p *poissonFit) solve(g []float64) []float64 {
	v, r, q := make([]float64, len(g)), append([]float64{}, g...), make([]float64, len(g))
	d := append([]float64{}, g...)
	rr := dot(r, r)
	stop := 1e-16 * rr
	for k := 0; k < 1000 && rr > stop && rr > 0; k++ {
		p.times(d, q)
		step := rr / dot(d, q)
		for j := range v {
			v[j] += step * d[j]
			r[j] -= step * q[j]
		}
		next := dot(r, r)
		for j := range d {
			d[j] = r[j] + next/rr*d[j]
		}
		rr = next
	}
	return v
}

// times is H v.
func (p *poissonFit) times(v, out []float64) {
	clear(out)
	for i, mu := range p.mu {
		u := mu * (p.x.dot(i, v) + v[p.x.width])
		p.x.addRow(i, u, out)
		out[p.x.width] += u
	}
	for j := range p.x.width {
		out[j] += p.alpha * v[j]
	}
}
