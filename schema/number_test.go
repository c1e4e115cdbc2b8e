package schema

import (
	"math"
	"testing"
)

func TestParseNumber(t *testing.T) {
	const finite, large = "is not a finite number", "is beyond 3.4e38, the largest number of float32, in which models compute; give it in a larger unit"
	for text, want := range map[string]string{
		"NaN": finite, "inf": finite, "-Infinity": finite, "": finite, "1,5": finite, "old": finite,
		"1e39": large, "-1e39": large, "1e400": large, "3.4028236e38": large,
	} {
		if x, err := ParseNumber(text); err == nil || err.Error() != want {
			t.Errorf("%q is read as %v: %v", text, x, err)
		}
	}
	for text, want := range map[string]float64{"1700000098": 1700000098, "16777217": 16777217, "-0.1": -0.1, "1e-400": 0, "3.4028235e38": 3.4028235e38, "0x10p0": 16} {
		if x, err := ParseNumber(text); err != nil || x != want {
			t.Errorf("%q is read as %v: %v", text, x, err)
		}
	}
	if CheckNumber(math.NaN()) != nil || CheckNumber(math.Inf(1)) == nil {
		t.Error("a missing number is refused, or an infinite one passes")
	}
}

// TestRoundingIsHalfOfTheDistanceBetweenNumbers of float32.
func TestRoundingIsHalfOfTheDistanceBetweenNumbers(t *testing.T) {
	for x, want := range map[float64]float64{0: 0x1p-150, 1: 0x1p-24, -1: 0x1p-24, 2010: 0x1p-14, 1 << 24: 1, 1.7e9: 64, 1e30: 0x1p75} {
		if got := Rounding(x); got != want {
			t.Errorf("near %v it is %v, want %v", x, got, want)
		}
	}
}
