package tensor

import "math"

// FromFloat16 returns the value of a float16 (IEEE 754 binary16) given as its
// bits. Every one of them is exact in float32; of a NaN, sign and payload stay.
func FromFloat16(bits uint16) float32 {
	sign, exponent, fraction := uint32(bits&0x8000)<<16, uint32(bits>>10&31), uint32(bits&1023)
	switch exponent {
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	case 0: // subnormal numbers, and zero: steps of 2^-24
		x := float32(fraction) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(x))
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// FromBFloat16 returns the value of a bfloat16 given as its bits, which are the
// upper half of a float32's.
func FromBFloat16(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }
