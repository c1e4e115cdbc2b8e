package main

import (
	"testing"
)

func TestANumberIsShownToAThousandthOfItsDeviation(t *testing.T) {
	for want, of := range map[string][2]float64{
		"1700000097.82": {1700000097.8217275, 85.8}, "412345": {412345.4, 2.5e5}, "2011.23": {2011.234, 10}, "0.0123457": {0.0123456789, 1e-4},
		"4.123e+05": {412345.4, 0}, "1.235e-15": {1.2346e-15, 1e-15}, "-12.35": {-12.3456, 99},
	} {
		if got := number(of[0], of[1]); got != want {
			t.Errorf("%v of deviation %v is %s, want %s", of[0], of[1], got, want)
		}
	}
}
