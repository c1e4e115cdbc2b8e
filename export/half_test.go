package export

import (
	"math"
	"testing"
)

// halfValue is what bits of a float16 mean, by the definition.
func halfValue(h uint16) float64 {
	sign := 1.0
	if h&0x8000 != 0 {
		sign = -1
	}
	exponent, fraction := int(h>>10&31), float64(h&1023)
	if exponent == 0 {
		return sign * math.Ldexp(fraction, -24)
	}
	return sign * math.Ldexp(1+fraction/1024, exponent-15)
}

// TestHalfIsTheNearest: every finite float16 is itself; between two neighbours
// the nearer one is taken, and at the middle the even one.
func TestHalfIsTheNearest(t *testing.T) {
	for h := uint16(0); h < 0x7c00; h++ {
		x := float32(halfValue(h))
		if got := half(x); got != h {
			t.Fatalf("%v is %#x, not %#x", x, got, h)
		}
		if got := half(-x); got != h|0x8000 {
			t.Fatalf("%v is %#x, not %#x", -x, got, h|0x8000)
		}
		middle := float32((halfValue(h) + halfValue(h+1)) / 2) // exact in float32
		even := h + h&1
		for x, want := range map[float32]uint16{
			middle: even, math.Nextafter32(middle, 0): h, math.Nextafter32(middle, math.MaxFloat32): h + 1,
		} {
			if got := half(x); got != want && x != 0 {
				t.Fatalf("%v is %#x, not %#x", x, got, want)
			}
		}
	}
	for x, want := range map[float64]uint16{math.Inf(1): 0x7c00, math.Inf(-1): 0xfc00, 1e30: 0x7c00, math.NaN(): 0x7e00} {
		if got := half(float32(x)); got != want {
			t.Errorf("%v is %#x, not %#x", x, got, want)
		}
	}
}
