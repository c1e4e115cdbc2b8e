package nn

import (
	"fmt"

	"espalier/builder"
)

// ScalarMix is a learned mix of hidden states of one shape: gamma times their mean
// with weights that are a softmax over learned scores (Peters et al. 2018, ELMo). It
// starts as the plain mean.
func ScalarMix(s *builder.Scope, states []*builder.Value) *builder.Value {
	if s.Err() != nil || len(states) == 0 {
		return s.Fail("ScalarMix", states, fmt.Errorf("needs states to mix"))
	}
	scores := s.Parameter("scores", builder.ParameterOptions{}, int64(len(states)))
	gamma := s.Parameter("gamma", builder.ParameterOptions{Init: builder.Ones()}, 1)
	weights := s.Softmax(scores, -1)
	var sum *builder.Value
	for i, x := range states {
		w := s.Slice(weights, 0, int64(i), int64(len(states)-1-i))
		if part := s.Mul(x, w); sum == nil {
			sum = part
		} else {
			sum = s.Add(sum, part)
		}
	}
	return s.Mul(sum, gamma)
}
