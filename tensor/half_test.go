package tensor_test

import (
	"math"
	"testing"

	"espalier/tensor"
)

// value is what the bits of a number with one sign bit mean, by the definition
// of binary interchange formats (IEEE 754, 3.4).
func value(bits uint16, exponentBits, fractionBits int) float64 {
	sign := 1.0
	if bits&0x8000 != 0 {
		sign = -1
	}
	bias := 1<<(exponentBits-1) - 1
	exponent := int(bits>>fractionBits) & (1<<exponentBits - 1)
	fraction := float64(bits&(1<<fractionBits-1)) / float64(int(1)<<fractionBits)
	switch {
	case exponent == 1<<exponentBits-1 && fraction != 0:
		return math.NaN()
	case exponent == 1<<exponentBits-1:
		return math.Inf(int(sign))
	case exponent == 0:
		return sign * math.Ldexp(fraction, 1-bias)
	}
	return sign * math.Ldexp(1+fraction, exponent-bias)
}

func TestEvery16BitFloatHasItsValue(t *testing.T) {
	for _, c := range []struct {
		name               string
		exponent, fraction int
		from               func(uint16) float32
	}{
		{"float16", 5, 10, tensor.FromFloat16},
		{"bfloat16", 8, 7, tensor.FromBFloat16},
	} {
		for i := range 1 << 16 {
			bits := uint16(i)
			want, got := value(bits, c.exponent, c.fraction), float64(c.from(bits))
			if math.IsNaN(want) != math.IsNaN(got) || !math.IsNaN(want) && want != got || math.Signbit(got) != (bits&0x8000 != 0) {
				t.Fatalf("%s %#04x is %v, want %v", c.name, bits, got, want)
			}
		}
	}
}
