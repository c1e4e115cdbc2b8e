//go:build !amd64

package balance

// hasVector reports whether the kernels in assembly can run: here are none,
// and what they would do is never called.
const hasVector, hasWide = false, false

func dots4Vector(_, _, _, _, _ *float32, _ int, _ *laneSums) {}

func dots4Wide(_, _, _, _, _ *float32, _ int, _ *laneSums) {}

func dots2by4Wide(_, _, _, _, _, _ *float32, _ int, _, _ *laneSums) {}

func narrowVector(_ *float32, _ *float64, _ int) {}

func dotVector(_, _ *float32, _ int, _ *laneSums) {}

func addScaledVector(_ *float64, _ *float32, _ int, _ float64) {}

func blendVector(_, _ *float32, _ int, _, _ float32) {}

func accumulateVector(_, _ *float32, _ int, _ float32, _ *laneSums) {}
