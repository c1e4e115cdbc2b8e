#include "textflag.h"

// The bits of a float32's exponent, all 0 in 0 and in numbers too small to be
// normal.
DATA ·exponentBits(SB)/4, $0x7f800000
GLOBL ·exponentBits(SB), RODATA|NOPTR, $4

// Every kernel walks its slices with one index, in bytes, and counts elements
// down. Operations stand in the order of the Go code in kernels.go.

// func adamVector(p, grad, m, v *float32, n int, c *adamStep)
TEXT ·adamVector(SB), NOSPLIT, $0-48
	MOVQ p+0(FP), DI
	MOVQ grad+8(FP), SI
	MOVQ m+16(FP), R8
	MOVQ v+24(FP), R9
	MOVQ n+32(FP), CX
	MOVQ c+40(FP), R10
	VBROADCASTSS 0(R10), Y15  // shrink
	VBROADCASTSS 4(R10), Y14  // decay
	VBROADCASTSS 8(R10), Y13  // beta1
	VBROADCASTSS 12(R10), Y12 // new1
	VBROADCASTSS 16(R10), Y11 // beta2
	VBROADCASTSS 20(R10), Y10 // new2
	VBROADCASTSS 24(R10), Y9  // scale
	VBROADCASTSS 28(R10), Y8  // epsilon
	VBROADCASTSS 32(R10), Y7  // rate
	VBROADCASTSS ·exponentBits(SB), Y6
	XORQ AX, AX

adam:
	VMOVUPS (DI)(AX*1), Y0       // p
	VMULPS  Y14, Y0, Y1
	VADDPS  (SI)(AX*1), Y1, Y1   // d = g + decay*p
	VMULPS  (R8)(AX*1), Y13, Y2
	VMULPS  Y12, Y1, Y3
	VADDPS  Y3, Y2, Y2           // m
	VXORPS   Y5, Y5, Y5
	VPAND    Y6, Y2, Y3
	VPCMPEQD Y5, Y3, Y3
	VANDNPS  Y2, Y3, Y2           // flushed
	VMULPS  Y1, Y1, Y3
	VMULPS  Y10, Y3, Y3
	VMULPS  (R9)(AX*1), Y11, Y4
	VADDPS  Y3, Y4, Y4           // v
	VPAND    Y6, Y4, Y3
	VPCMPEQD Y5, Y3, Y3
	VANDNPS  Y4, Y3, Y4           // flushed
	VMOVUPS Y2, (R8)(AX*1)
	VMOVUPS Y4, (R9)(AX*1)
	VSQRTPS Y4, Y5
	VMULPS  Y9, Y5, Y5
	VADDPS  Y8, Y5, Y5           // root
	VMULPS  Y7, Y2, Y2
	VDIVPS  Y5, Y2, Y2
	VMULPS  Y15, Y0, Y0
	VSUBPS  Y2, Y0, Y0
	VMOVUPS Y0, (DI)(AX*1)
	ADDQ    $32, AX
	SUBQ    $8, CX
	JG      adam
	VZEROUPPER
	RET

// func momentumVector(p, grad, u *float32, n int, c *sgdStep)
TEXT ·momentumVector(SB), NOSPLIT, $0-40
	MOVQ p+0(FP), DI
	MOVQ grad+8(FP), SI
	MOVQ u+16(FP), R8
	MOVQ n+24(FP), CX
	MOVQ c+32(FP), R10
	VBROADCASTSS 0(R10), Y15  // decay
	VBROADCASTSS 4(R10), Y14  // momentum
	VBROADCASTSS 8(R10), Y13  // look
	VBROADCASTSS 12(R10), Y12 // keep
	VBROADCASTSS 16(R10), Y11 // rate
	VBROADCASTSS ·exponentBits(SB), Y6
	VXORPS Y5, Y5, Y5
	XORQ AX, AX

momentum:
	VMOVUPS (DI)(AX*1), Y0       // p
	VMULPS  Y15, Y0, Y1
	VADDPS  (SI)(AX*1), Y1, Y1   // d = g + decay*p
	VMULPS  (R8)(AX*1), Y14, Y2
	VADDPS  Y1, Y2, Y2           // u
	VPAND    Y6, Y2, Y3
	VPCMPEQD Y5, Y3, Y3
	VANDNPS  Y2, Y3, Y2           // flushed
	VMOVUPS Y2, (R8)(AX*1)
	VMULPS  Y13, Y1, Y1
	VMULPS  Y12, Y2, Y2
	VADDPS  Y2, Y1, Y1
	VMULPS  Y11, Y1, Y1
	VSUBPS  Y1, Y0, Y0
	VMOVUPS Y0, (DI)(AX*1)
	ADDQ    $32, AX
	SUBQ    $8, CX
	JG      momentum
	VZEROUPPER
	RET

// func sgdVector(p, grad *float32, n int, c *sgdStep)
TEXT ·sgdVector(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), DI
	MOVQ grad+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ c+24(FP), R10
	VBROADCASTSS 0(R10), Y15  // decay
	VBROADCASTSS 16(R10), Y11 // rate
	XORQ AX, AX

sgd:
	VMOVUPS (DI)(AX*1), Y0       // p
	VMULPS  Y15, Y0, Y1
	VADDPS  (SI)(AX*1), Y1, Y1   // d = g + decay*p
	VMULPS  Y11, Y1, Y1
	VSUBPS  Y1, Y0, Y0
	VMOVUPS Y0, (DI)(AX*1)
	ADDQ    $32, AX
	SUBQ    $8, CX
	JG      sgd
	VZEROUPPER
	RET

// func squaresVector(x *float32, n int, sums *[16]float64)
TEXT ·squaresVector(SB), NOSPLIT, $0-24
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ sums+16(FP), DI
	VMOVUPD 0(DI), Y0
	VMOVUPD 32(DI), Y1
	VMOVUPD 64(DI), Y2
	VMOVUPD 96(DI), Y3

	// A product of two float32 is exact in float64, so that fusing it with the
	// addition rounds as the two operations do.
squares:
	VCVTPS2PD 0(SI), Y4
	VCVTPS2PD 16(SI), Y5
	VCVTPS2PD 32(SI), Y6
	VCVTPS2PD 48(SI), Y7
	VFMADD231PD Y4, Y4, Y0
	VFMADD231PD Y5, Y5, Y1
	VFMADD231PD Y6, Y6, Y2
	VFMADD231PD Y7, Y7, Y3
	ADDQ    $64, SI
	SUBQ    $16, CX
	JG      squares
	VMOVUPD Y0, 0(DI)
	VMOVUPD Y1, 32(DI)
	VMOVUPD Y2, 64(DI)
	VMOVUPD Y3, 96(DI)
	VZEROUPPER
	RET

// func prefetchVector(x *float32, n int)
TEXT ·prefetchVector(SB), NOSPLIT, $0-16
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX

line:
	PREFETCHT0 (SI)
	ADDQ       $64, SI
	SUBQ       $16, CX
	JG         line
	RET
