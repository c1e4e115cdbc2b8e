package optim

import "golang.org/x/sys/cpu"

// hasVector reports whether the kernels in assembly can run.
var hasVector = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// adamVector does n elements, a multiple of lanes, as adamStep.scalar does.
//
//go:noescape
func adamVector(p, grad, m, v *float32, n int, c *adamStep)

// momentumVector does n elements, a multiple of lanes, as
// sgdStep.scalarMomentum does.
//
//go:noescape
func momentumVector(p, grad, u *float32, n int, c *sgdStep)

// sgdVector does n elements, a multiple of lanes, as sgdStep.scalar does.
//
//go:noescape
func sgdVector(p, grad *float32, n int, c *sgdStep)

// squaresVector does n elements, a multiple of 2*lanes, as squaresScalar does.
//
//go:noescape
func squaresVector(x *float32, n int, sums *[2 * lanes]float64)

// prefetchVector asks for the cache lines of n elements and waits for none.
//
//go:noescape
func prefetchVector(x *float32, n int)
