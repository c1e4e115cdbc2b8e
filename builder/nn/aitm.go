package nn

import (
	"fmt"
	"math"

	"espalier/builder"
)

// Transfers are the towers of tasks in their order, each of which is told what
// the one before has found (AITM, Xi et al. 2021, equations 2 to 5):
//
//	q_t = relu(x W_t + b_t)
//	p_t = relu(z_(t-1) G_t + c_t)
//	z_t = sum over u of p_t and q_t of softmax_u((u B_t).(u C_t) / sqrt(n)) u A_t
//
// and z_1 = q_1, where n is the width of all towers. x is [..., in], every
// result z_t [..., n]. A task's parameters stand in its scope of towers; A, B
// and C are one matrix, side by side.
func Transfers(towers []*builder.Scope, x *builder.Value, n int64) []*builder.Value {
	out := make([]*builder.Value, len(towers))
	for t, s := range towers {
		q := s.Relu(Dense(s.In("tower"), x, n))
		if t > 0 {
			p := s.Relu(Dense(s.In("transfer"), out[t-1], n))
			q = attend(s.In("attention"), p, q, n)
		}
		out[t] = q
	}
	return out
}

// attend mixes what was transferred and what a task has found itself.
func attend(s *builder.Scope, p, q *builder.Value, n int64) *builder.Value {
	if s.Err() == nil && n < 1 {
		return s.Fail("Transfers", []*builder.Value{q}, fmt.Errorf("towers of width %d", n))
	}
	u := s.Concat(-2, s.Unsqueeze(p, -2), s.Unsqueeze(q, -2))
	// Glorot's bound for one of the three; the matrix of all would seem wider.
	bound := math.Sqrt(6 / float64(2*n))
	all := affine(s, "Transfers", u, 3*n, decaying(builder.Uniform(bound)), false)
	if s.Err() != nil {
		return q
	}
	parts := s.Split(all, -1, n, n, n)
	scores := s.ReduceSum(s.Mul(parts[1], parts[2]), false, -1)
	weights := s.Softmax(s.Mul(scores, s.Scalar(1/math.Sqrt(float64(n)))), -1)
	return Mix(s.Graph, weights, parts[0])
}

// Calibration is the penalty of AITM's calibrator (equation 9), a scalar: the
// mean over examples of how much each probability is above the one before, 0
// where they never rise. All are of one shape.
func Calibration(g *builder.Graph, probabilities []*builder.Value) *builder.Value {
	if g.Err() != nil || len(probabilities) < 2 {
		return g.Scalar(0)
	}
	var axes []int64
	for i := range probabilities[0].Rank() {
		axes = append(axes, int64(i))
	}
	var sum *builder.Value
	for t, p := range probabilities[1:] {
		rise := g.ReduceMean(g.Relu(g.Sub(p, probabilities[t])), false, axes...)
		if sum == nil {
			sum = rise
		} else {
			sum = g.Add(sum, rise)
		}
	}
	return sum
}
