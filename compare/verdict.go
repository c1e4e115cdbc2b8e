package compare

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// figure is a number that the models of one seed have on a draw of the test
// examples; NaN where it is not defined.
type figure func(s *sample, seed int) float64

// luck is how much a figure of one kind of model depends on the seed.
type luck struct {
	seeds    float64 // variance between seeds, on the test examples as they are
	examples float64 // the part of it that other test examples would draw anew
	df       float64 // degrees of freedom of seeds
}

// ratio is what the variance between seeds is of the part that the finite test
// data explains: about 1 where training always ends as well.
func (l *luck) ratio() float64 { return l.seeds / l.examples }

// evidence is what is known of one difference.
type evidence struct {
	mean   float64
	seeds  []int     // those that have a value
	values []float64 // by seed
	draws  []float64 // means over seeds, by draw of the test examples
	kinds  []luck    // of the models that the difference is between
	df     float64   // of the variance over draws
	higher bool      // a difference above 0 is the better
	barred string    // the verdict where there can be none
	// spread and t are of the difference's mean, in its one test.
	spread, p float64
	student   distuv.StudentsT
	tested    bool
}

// The test of a difference. Its mean over seeds varies because other test
// examples might have been drawn, and because other seeds might have been. With
// x the difference on one example and seed, of n examples and S seeds,
//
//	variance of the mean = E/n + M/S + I/(n S)
//
// where E is the variance of examples (the same for all seeds), M of seeds (the
// same for all examples) and I of both together. Draws of the examples give
// E/n + I/(n S) as the variance of the mean over seeds, and E/n + I/n as that of
// one seed's figure; the variance between seeds is M + I/n. So both sources
// enter one variance, and what they share enters it once. Any metric that can be
// drawn has these three numbers, whether or not it is a mean over examples.

// newEvidence gathers what is known of a figure, and of the kinds of models that
// it is the difference of: where these were trained independently, their
// variances between seeds add up, and each has degrees of freedom of its own.
// Without kinds the figure is taken as a whole.
func newEvidence(whole *sample, draws []*sample, seeds []int, difference figure, kinds ...figure) *evidence {
	e := &evidence{}
	for _, s := range seeds {
		if v := difference(whole, s); !math.IsNaN(v) {
			e.values = append(e.values, v)
		} else {
			seeds = slices.DeleteFunc(slices.Clone(seeds), func(other int) bool { return other == s })
		}
	}
	e.seeds = seeds
	e.mean, _ = meanSD(e.values)
	for _, d := range draws {
		if m := meanOf(d, seeds, difference); finite(m) {
			e.draws = append(e.draws, m)
		}
	}
	if len(kinds) == 0 {
		kinds = []figure{difference}
	}
	for _, of := range kinds {
		e.kinds = append(e.kinds, newLuck(whole, draws, seeds, of))
	}
	return e
}

// finite reports whether a figure is defined, and not relative to 0.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// meanOf is the mean of a figure over seeds; NaN where one has none.
func meanOf(s *sample, seeds []int, of figure) float64 {
	sum := 0.0
	for _, seed := range seeds {
		sum += of(s, seed)
	}
	return sum / float64(len(seeds))
}

func newLuck(whole *sample, draws []*sample, seeds []int, of figure) luck {
	n := len(seeds)
	values, each := make([]float64, n), make([][]float64, n)
	for i, s := range seeds {
		values[i] = of(whole, s)
	}
	var means []float64
	for _, d := range draws {
		m := meanOf(d, seeds, of)
		if !finite(m) {
			continue
		}
		means = append(means, m)
		for i, s := range seeds {
			each[i] = append(each[i], of(d, s))
		}
	}
	l := luck{df: float64(n - 1)}
	if n < 2 || len(means) < 2 {
		return l
	}
	l.seeds = stat.Variance(values, nil)
	one := 0.0
	for i := range each {
		one += stat.Variance(each[i], nil) / float64(n)
	}
	l.examples = max(0, one-stat.Variance(means, nil)) * float64(n) / float64(n-1)
	return l
}

// test finds the difference's variance and its distribution, with what the
// ratios of many differences say about one of them.
func (e *evidence) test(of prior) {
	n := float64(len(e.values))
	if n < 2 || len(e.draws) < 2 {
		return
	}
	// What is left of the variance over draws without the part of the seeds.
	examples := stat.Variance(e.draws, nil)
	total, squares := 0.0, 0.0
	for i := range e.kinds {
		v, df := e.kinds[i].moderated(of)
		examples -= e.kinds[i].examples / n
		total += v / n
		squares += v / n * v / n / df
	}
	examples = max(examples, 0)
	total += examples
	squares += examples * examples / max(min(e.df, float64(len(e.draws)))-1, 1)
	e.tested = true
	// Degrees of freedom of a sum of variances (Satterthwaite 1946).
	df := total * total / squares
	if total == 0 {
		if e.mean == 0 { // nothing differs
			e.p = 1
			return
		}
		total, df = e.unanimous()
	}
	e.spread = math.Sqrt(total)
	e.student = distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}
	e.p = 2 * e.student.CDF(-math.Abs(e.mean)/e.spread)
}

// unanimous is the variance where every draw and every seed says the same, as of
// a tagger that finds nothing and one that finds all: what it would be if one
// more example said the contrary. A few examples may agree by chance.
func (e *evidence) unanimous() (variance, df float64) {
	n := e.df
	return 4 * e.mean * e.mean * n / math.Pow(n+1, 3), max(min(n, float64(len(e.values)))-1, 1)
}

// moderated returns the variance between seeds in the light of those of other
// models, with its degrees of freedom. It is never less than what the test
// examples alone explain; and never less than what these seeds show, so that
// a model whose training sometimes fails is not taken for its steady siblings.
func (l *luck) moderated(of prior) (float64, float64) {
	if !(l.examples > 0) {
		return l.seeds, l.df
	}
	ratio, df := of.moderate(l.ratio(), l.df)
	return max(ratio, l.ratio(), 1) * l.examples, df
}

// interval holds the mean of the difference with the given confidence. Where
// there is no test, it is that of the draws.
func (e *evidence) interval(confidence float64) *Interval {
	if !e.tested {
		return percentileInterval(e.draws, confidence)
	}
	half := 0.0
	if e.spread > 0 {
		half = e.spread * e.student.Quantile((1+confidence)/2)
	}
	return &Interval{e.mean - half, e.mean + half}
}

// pooled is what the tasks' models say together about the variance between
// seeds: as a ratio to what the test examples explain, since tasks have other
// metrics and other numbers of test examples. Those of models of which a seed is
// missing are left out.
func pooled(all []*evidence) prior {
	ratios := map[float64][]float64{} // by degrees of freedom
	most := 0.0
	for _, e := range all {
		for i := range e.kinds {
			if k := &e.kinds[i]; k.examples > 0 {
				ratios[k.df] = append(ratios[k.df], k.ratio())
				most = max(most, k.df)
			}
		}
	}
	return newPrior(ratios[most], most)
}

// corrected are p-values corrected for their number so that, of what is shown at
// a level, on average no more than that share is not so; and where nothing is
// so, anything is shown no more often than that (Benjamini and Hochberg 1995).
func corrected(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] > p[b]:
			return -1
		case p[a] < p[b]:
			return 1
		}
		return 0
	})
	all := make([]float64, len(p))
	least := 1.0
	for i, at := range order {
		least = min(least, p[at]*float64(len(p))/float64(len(p)-i))
		all[at] = least
	}
	return all
}
