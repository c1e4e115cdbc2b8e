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

// ToFloat16 rounds to the nearest float16, ties to even (IEEE 754, 4.3.1), and returns
// its bits. What rounds beyond 65504 is infinite.
func ToFloat16(x float32) uint16 {
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	bits &= 0x7fffffff
	switch {
	case bits > 0x7f800000:
		return sign | 0x7e00 // no number
	case bits >= 0x477ff000: // rounds beyond 65504
		return sign | 0x7c00
	case bits < 0x38800000: // below the smallest normal number: in steps of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(bits))*(1<<24)))
	}
	bits += 0xfff + bits>>13&1 // half of the last place, less one for ties at even
	return sign | uint16((bits-0x38000000)>>13)
}

// ToBFloat16 rounds to the nearest bfloat16, ties to even, and returns its bits.
func ToBFloat16(x float32) uint16 {
	bits := math.Float32bits(x)
	if bits&0x7fffffff > 0x7f800000 {
		return uint16(bits>>16) | 0x40 // no number
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// Widen writes the elements of a float16 or bfloat16 tensor to dst, of which every one
// is exact in float32. It reports whether the tensor is of one of these types.
func Widen(dst []float32, t *Tensor) bool {
	from, _ := Data[uint16](t)
	value := FromFloat16
	switch t.DType() {
	case Float16:
	case BFloat16:
		value = FromBFloat16
	default:
		return false
	}
	for i, bits := range from {
		dst[i] = value(bits)
	}
	return true
}

// Narrow writes float32 elements to a float16 or bfloat16 tensor, each rounded to the
// nearest, ties to even. It reports whether the tensor is of one of these types, and
// whether each finite element is finite there: float16 ends at 65504.
func Narrow(t *Tensor, src []float32) (ok, finite bool) {
	to, _ := Data[uint16](t)
	bits, infinite := ToFloat16, uint16(0x7c00)
	switch t.DType() {
	case Float16:
	case BFloat16:
		bits, infinite = ToBFloat16, 0x7f80
	default:
		return false, false
	}
	finite = true
	for i, x := range src {
		to[i] = bits(x)
		if to[i]&0x7fff == infinite && !math.IsInf(float64(x), 0) {
			finite = false
		}
	}
	return true, finite
}
