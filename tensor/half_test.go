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

// TestRoundingTo16BitsIsToTheNearest: every finite number of 16 bits is itself; between
// two neighbours the nearer one is taken, and at the middle the even one.
func TestRoundingTo16BitsIsToTheNearest(t *testing.T) {
	for _, c := range []struct {
		name               string
		exponent, fraction int
		to                 func(float32) uint16
		infinite, none     uint16
		largest            float32
	}{
		{"float16", 5, 10, tensor.ToFloat16, 0x7c00, 0x7e00, 65504},
		{"bfloat16", 8, 7, tensor.ToBFloat16, 0x7f80, 0x7fc0, math.Float32frombits(0x7f7f0000)},
	} {
		for h := uint16(0); h < c.infinite; h++ {
			exact := value(h, c.exponent, c.fraction)
			x := float32(exact)
			if got := c.to(x); got != h {
				t.Fatalf("%s: %v is %#x, not %#x", c.name, x, got, h)
			}
			if got := c.to(-x); got != h|0x8000 {
				t.Fatalf("%s: %v is %#x, not %#x", c.name, -x, got, h|0x8000)
			}
			if h+1 == c.infinite {
				break
			}
			middle := float32((exact + value(h+1, c.exponent, c.fraction)) / 2) // exact in float32
			even := h + h&1
			for x, want := range map[float32]uint16{
				middle: even, math.Nextafter32(middle, 0): h, math.Nextafter32(middle, math.MaxFloat32): h + 1,
			} {
				if got := c.to(x); got != want && x != 0 {
					t.Fatalf("%s: %v is %#x, not %#x", c.name, x, got, want)
				}
			}
		}
		for x, want := range map[float64]uint16{math.Inf(1): c.infinite, math.Inf(-1): c.infinite | 0x8000, math.MaxFloat32: c.infinite, math.NaN(): c.none} {
			if got := c.to(float32(x)); got != want {
				t.Errorf("%s: %v is %#x, not %#x", c.name, x, got, want)
			}
		}
		if got := c.to(c.largest); got != c.infinite-1 {
			t.Errorf("%s: the largest is %#x", c.name, got)
		}
	}
}

// TestNarrowAndWiden: what is narrowed and widened is rounded; only float16 and bfloat16
// tensors are, and what float16 cannot hold is told.
func TestNarrowAndWiden(t *testing.T) {
	for _, d := range []tensor.DType{tensor.Float16, tensor.BFloat16} {
		narrow := tensor.Must(tensor.New(d, 3))
		if ok, finite := tensor.Narrow(narrow, []float32{1.0001, -2, 0.1}); !ok || !finite {
			t.Errorf("%v: %v, %v", d, ok, finite)
		}
		got := make([]float32, 3)
		if !tensor.Widen(got, narrow) || got[0] != 1 || got[1] != -2 || math.Abs(float64(got[2])-0.1) > 0.0005 {
			t.Errorf("%v: %v", d, got)
		}
		if _, finite := tensor.Narrow(narrow, []float32{1e6, 0, float32(math.Inf(1))}); finite != (d == tensor.BFloat16) {
			t.Errorf("%v: a million is finite: %v", d, finite)
		}
	}
	wide := tensor.Must(tensor.New(tensor.Float32, 1))
	if ok, _ := tensor.Narrow(wide, []float32{1}); ok || tensor.Widen(make([]float32, 1), wide) {
		t.Error("a float32 tensor is one of 16 bits")
	}
}
