package nn

import (
	"fmt"

	"espalier/builder"
)

// Conv1D convolves x [batch, sequence, in] along the sequence with kernels of
// odd length and returns [batch, sequence, out]. Positions outside the sequence
// read as zeros; padding inside it should be zeros already.
//
// It is unfolded: each position's window is laid side by side and multiplied
// by one matrix [kernel*in, out]. That keeps features last, as every other
// layer has them, and makes the weights' gradient a single product; Conv would
// want four transpositions of activations.
func Conv1D(s *builder.Scope, x *builder.Value, out, kernel, dilation int64) *builder.Value {
	in, ok := width(s, "Conv1D", x)
	if !ok {
		return x
	}
	if kernel < 1 || kernel%2 == 0 || dilation < 1 || x.Rank() != 3 {
		return s.Fail("Conv1D", []*builder.Value{x},
			fmt.Errorf("needs x [batch, sequence, in], an odd kernel and a dilation of at least 1, not %d and %d", kernel, dilation))
	}
	reach := (kernel / 2) * dilation
	padded := x
	if reach > 0 {
		padded = s.Pad(x, 1, reach, reach)
	}
	windows := make([]*builder.Value, kernel)
	for k := range windows {
		start := int64(k) * dilation
		if windows[k] = padded; reach > 0 {
			windows[k] = s.Slice(padded, 1, start, 2*reach-start)
		}
	}
	unfolded := x
	if kernel > 1 {
		unfolded = s.Concat(2, windows...)
	}
	if s.Err() != nil {
		return x
	}
	w := s.Parameter("weight", builder.ParameterOptions{Init: builder.Glorot(), Decay: true}, kernel*in, out)
	b := s.Parameter("bias", builder.ParameterOptions{}, out)
	y := s.Gemm(Flatten(s.Graph, unfolded), w, b, false, false)
	return s.Reshape(y, x.Dim(0), x.Dim(1), builder.Fixed(out))
}
