//go:build !amd64

package optim

// hasVector reports whether the kernels in assembly can run: here are none,
// and what they would do is never called.
const hasVector = false

func adamVector(_, _, _, _ *float32, _ int, _ *adamStep) {}

func momentumVector(_, _, _ *float32, _ int, _ *sgdStep) {}

func sgdVector(_, _ *float32, _ int, _ *sgdStep) {}

func squaresVector(_ *float32, _ int, _ *[2 * lanes]float64) {}

func prefetchVector(_ *float32, _ int) {}
