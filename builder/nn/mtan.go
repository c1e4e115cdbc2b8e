package nn

import (
	"fmt"

	"espalier/builder"
)

// AttentionMasks is one task's attention over a shared trunk (MTAN, Liu et al.
// 2019), written for hidden states in place of images: layers are the outputs
// p_1, p_2, ... of the trunk's layers, [..., n] each, and
//
//	m_l = sigmoid(relu([p_l; f_l(a_(l-1))] W + b) V + c)
//	a_l = m_l * p_l
//	f_l(a) = relu(a U + d), as wide as p_l
//
// without f at the first layer. The result is the last a. bottleneck is the
// width between W and V.
func AttentionMasks(s *builder.Scope, layers []*builder.Value, bottleneck int64) *builder.Value {
	var a *builder.Value
	for l, p := range layers {
		at := s.In(fmt.Sprintf("attention_%d", l))
		n, ok := width(s, "AttentionMasks", p)
		if !ok {
			return p
		}
		read := p
		if a != nil {
			read = s.Concat(-1, p, s.Relu(Dense(at.In("carry"), a, n)))
		}
		h := s.Relu(Dense(at.In("in"), read, bottleneck))
		a = s.Mul(s.Sigmoid(Dense(at.In("mask"), h, n)), p)
	}
	return a
}
