package compare

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat"
)

// prior is what the variances of many samples say about one of them: a scaled
// inverse chi-square distribution (Smyth 2004, "Linear models and empirical
// Bayes methods for assessing differential expression in microarray
// experiments", section 3).
type prior struct {
	df    float64 // how many degrees of freedom it is worth; 0: nothing, infinite where all variances are one
	value float64
	most  float64 // degrees of freedom of all samples together
}

// leastVariances is how many variances a prior is estimated from at least.
const leastVariances = 4

// leastRatio is put in place of smaller ratios: a metric counts examples, so
// that seeds may agree to the last one by chance, and the logarithm of 0 would
// say that variances differ beyond measure.
const leastRatio = 0.02

// newPrior fits the prior to variances of so many degrees of freedom each, by
// the mean and variance of their logarithms (Smyth 2004, section 6.2).
func newPrior(variances []float64, df float64) prior {
	n := float64(len(variances))
	if n < leastVariances {
		return prior{}
	}
	logs := make([]float64, len(variances))
	for i, v := range variances {
		logs[i] = math.Log(max(v, leastRatio)) - mathext.Digamma(df/2) + math.Log(df/2)
	}
	mean, between := stat.MeanVariance(logs, nil)
	p := prior{most: n * df}
	if between -= trigamma(df / 2); between <= 0 {
		p.df, p.value = math.Inf(1), math.Exp(mean)
		return p
	}
	half := inverseTrigamma(between)
	p.df, p.value = 2*half, math.Exp(mean+mathext.Digamma(half)-math.Log(half))
	return p
}

// moderate returns the variance of one sample in the light of all, with its
// degrees of freedom, which are no more than those of all samples together.
func (p prior) moderate(variance, df float64) (float64, float64) {
	switch {
	case p.df == 0:
		return variance, df
	case math.IsInf(p.df, 1):
		return p.value, p.most
	}
	return (p.df*p.value + df*variance) / (p.df + df), min(p.df+df, p.most)
}

// trigamma is the derivative of the digamma function: Hurwitz's zeta of 2.
func trigamma(x float64) float64 { return mathext.Zeta(2, x) }

// inverseTrigamma solves trigamma(x) = y by Newton's method on 1/trigamma, which
// is convex and nearly linear (Smyth 2004, appendix).
func inverseTrigamma(y float64) float64 {
	switch { // where the asymptotic forms are exact to float64
	case y > 1e7:
		return 1 / math.Sqrt(y)
	case y < 1e-6:
		return 1 / y
	}
	x := 0.5 + 1/y
	for range 50 {
		tri := trigamma(x)
		step := tri * (1 - tri/y) / (-2 * mathext.Zeta(3, x))
		x += step
		if -step/x < 1e-10 {
			break
		}
	}
	return x
}
