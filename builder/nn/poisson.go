package nn

import "espalier/builder"

// leastScore is the logarithm of the least prediction of [PoissonMean]: float32 holds
// it, so that none is 0, of which no count above 0 can come.
const leastScore = -80

// PoissonMean returns exp(score), the mean of a Poisson distribution, for scores between
// -80 and most. Beyond those it is that of the bound: it is above 0, and finite where
// most is at most 88 in float32.
func PoissonMean(g *builder.Graph, score *builder.Value, most float64) *builder.Value {
	if g.Err() != nil {
		return score
	}
	return g.Exp(g.Max(g.Min(score, g.Scalar(most)), g.Scalar(leastScore)))
}

// HalfDeviance returns the mean of half the Poisson deviance (McCullagh and Nelder 1989,
// section 2.3)
//
//	y log(y/mu) - y + mu,  mu = PoissonMean(score)
//
// of the targets y >= 0 whose present is 1, and their count. All have one shape. It is
// the negative log likelihood less that of mu = y, so that it has the same gradient, is 0
// where all predictions are right, and above 0 elsewhere for targets up to exp(most).
//
// The gradient by the score is mu - y for every score up to most, and stays there beyond
// it: with mu held, the loss is linear in the score, so that it neither overflows nor
// stops to fall toward the truth. Where no mean beyond exp(most) is best, the minimum is
// that of the deviance itself.
func HalfDeviance(g *builder.Graph, score, target, present *builder.Value, most float64) (loss, count *builder.Value) {
	if g.Err() != nil {
		return score, score
	}
	count = g.SumAll(present)
	mu := PoissonMean(g, score, most)
	beyond := g.Relu(g.Sub(score, g.Scalar(most)))
	// log(y) where y is 0 is multiplied by it: any finite number does.
	logs := g.Log(g.Where(g.Greater(target, g.Scalar(0)), target, g.Scalar(1)))
	each := g.Add(g.Mul(target, g.Sub(logs, score)), g.Sub(g.Mul(mu, g.Add(beyond, g.Scalar(1))), target))
	return mean(g, each, present, count), count
}
