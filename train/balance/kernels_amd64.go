package balance

import "golang.org/x/sys/cpu"

// hasVector reports whether the kernels in assembly can run.
var hasVector = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// dots4Vector does n elements, a multiple of lanes, of x with four rows as
// dotScalar does, for four sums that lie side by side.
//
//go:noescape
func dots4Vector(x, y0, y1, y2, y3 *float32, n int, sums *laneSums)

// hasWide reports whether the kernels with wide registers can run.
var hasWide = hasVector && cpu.X86.HasAVX512F

// dots4Wide is dots4Vector with registers twice as wide.
//
//go:noescape
func dots4Wide(x, y0, y1, y2, y3 *float32, n int, sums *laneSums)

// dots2by4Wide is dots4Wide of two rows with the same four.
//
//go:noescape
func dots2by4Wide(x0, x1, y0, y1, y2, y3 *float32, n int, sums0, sums1 *laneSums)

// narrowVector does n elements, a multiple of lanes, as narrowScalar does.
//
//go:noescape
func narrowVector(dst *float32, sums *float64, n int)

// dotVector does n elements, a multiple of lanes, as dotScalar does.
//
//go:noescape
func dotVector(x, y *float32, n int, sums *laneSums)

// addScaledVector does n elements, a multiple of lanes, as addScaledScalar
// does.
//
//go:noescape
func addScaledVector(sums *float64, x *float32, n int, w float64)

// blendVector does n elements, a multiple of lanes, as blendScalar does.
//
//go:noescape
func blendVector(m, x *float32, n int, keep, add float32)

// accumulateVector does n elements, a multiple of lanes, as accumulateScalar
// does.
//
//go:noescape
func accumulateVector(s, x *float32, n int, epsilon float32, sums *laneSums)
