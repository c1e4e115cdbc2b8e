package nn

import (
	"fmt"
	"math/bits"

	"espalier/builder"
)

// DSelectOptions size a DSelect-k gate.
type DSelectOptions struct {
	Experts int64
	K       int64   // the most experts that are chosen in the end
	Gamma   float64 // width of the smooth step
	// Conditional makes the choice depend on x; without it a task has one.
	Conditional bool
}

// SmoothStep rises from 0 at -gamma/2 to 1 at gamma/2 by a cubic polynomial and
// is flat beyond (Hazimeh et al. 2020): t*t*(3-2t) with t = x/gamma + 1/2 kept
// within 0 and 1, so that its ends are exactly 0 and 1.
func SmoothStep(g *builder.Graph, x *builder.Value, gamma float64) *builder.Value {
	t := g.Clip(g.Add(g.Mul(x, g.Scalar(1/gamma)), g.Scalar(0.5)), 0, 1)
	return g.Mul(g.Mul(t, t), g.Sub(g.Scalar(3), g.Mul(t, g.Scalar(2))))
}

// DSelect is the DSelect-k gate (Hazimeh et al. 2021). Each of k selectors has
// one number z_b for each bit of an expert's index and gives expert e
//
//	r_e = product over b of S(z_b) if bit b of e is set, 1-S(z_b) otherwise
//
// with S the smooth step; the gate is the sum of the selectors weighed by a
// softmax. Once S is 0 or 1 everywhere, a selector chooses one expert, and the
// gate at most k of them. Where the experts are no power of two, codes beyond
// the last expert stand for the first ones again, so that a gate always sums
// to 1; the authors penalise them instead.
//
// gate is [experts], or [..., experts] when conditional, and selectors has a
// dimension k before the last.
func DSelect(s *builder.Scope, x *builder.Value, o DSelectOptions) (gate, selectors *builder.Value) {
	if s.Err() != nil {
		return x, x
	}
	if o.Experts < 2 || o.K < 1 || o.K > o.Experts || !(o.Gamma > 0) {
		v := s.Fail("DSelect", []*builder.Value{x}, fmt.Errorf("cannot choose %d of %d experts with gamma %v", o.K, o.Experts, o.Gamma))
		return v, v
	}
	width := int64(bits.Len64(uint64(o.Experts - 1)))
	// The start of the authors' code: near the middle of the step, so that
	// every expert is tried. Decay would pull the codes back there.
	codes, weights := builder.ParameterOptions{Init: builder.Uniform(o.Gamma / 100)}, builder.ParameterOptions{Init: builder.Uniform(0.05)}
	var z, w *builder.Value
	if o.Conditional {
		z = affine(s.In("code"), "DSelect", x, o.K*width, codes, true)
		z = s.Reshape(z, lastDims(x, o.K, width)...)
		w = affine(s.In("selectors"), "DSelect", x, o.K, weights, true)
	} else {
		z = s.Parameter("code", codes, o.K, width)
		w = s.Parameter("selectors", weights, o.K)
	}
	selectors = decode(s.Graph, SmoothStep(s.Graph, z, o.Gamma), width, o.Experts)
	return Mix(s.Graph, s.Softmax(w, -1), selectors), selectors
}

// decode turns bits [..., width], each the probability of being set, into the
// probability of each expert [..., experts].
func decode(g *builder.Graph, set *builder.Value, width, experts int64) *builder.Value {
	unset := g.Sub(g.Scalar(1), set)
	var r *builder.Value
	for b := range width {
		zero, one := g.Slice(unset, -1, b, width-1-b), g.Slice(set, -1, b, width-1-b)
		if r == nil {
			r = g.Concat(-1, zero, one)
			continue
		}
		r = g.Concat(-1, g.Mul(r, zero), g.Mul(r, one))
	}
	if surplus := int64(1)<<width - experts; surplus > 0 {
		again := g.Pad(g.Slice(r, -1, experts, 0), -1, 0, experts-surplus)
		r = g.Add(g.Slice(r, -1, 0, surplus), again)
	}
	return r
}

// SelectorEntropy is the sum over selectors of the entropy of their choice,
// -sum_e r_e log(r_e + 1e-6), which a penalty drives to 0: a scalar. Of
// selectors [..., k, experts] that depend on x it is the mean over all places,
// or over those that mask has as 1 where it is not nil.
func SelectorEntropy(g *builder.Graph, selectors, mask *builder.Value) *builder.Value {
	if g.Err() != nil {
		return selectors
	}
	each := g.Neg(g.Mul(selectors, g.Log(g.Add(selectors, g.Scalar(1e-6)))))
	if selectors.Rank() == 2 {
		return g.SumAll(each)
	}
	each = g.ReduceSum(each, false, -2, -1)
	if mask == nil {
		mask = g.Add(g.ZerosLike(each), g.Scalar(1))
	}
	return mean(g, each, mask, g.SumAll(mask))
}
