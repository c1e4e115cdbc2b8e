package schema

import (
	"errors"
	"math"
	"strconv"
)

var (
	errNotFinite = errors.New("is not a finite number")
	errTooLarge  = errors.New("is beyond 3.4e38, the largest number of float32, in which models compute; give it in a larger unit")
)

// ParseNumber reads a number of a numeric input or a regression, in float64. The
// error continues a sentence that begins with the text.
func ParseNumber(s string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errTooLarge
	case err != nil || math.IsNaN(x) || math.IsInf(x, 0):
		return 0, errNotFinite
	}
	return x, CheckNumber(x)
}

// CheckNumber refuses a number that a model cannot read: one that is not finite
// or beyond float32. NaN, which stands for a missing number, passes.
func CheckNumber(x float64) error {
	switch {
	case math.IsInf(x, 0):
		return errNotFinite
	case math.IsInf(float64(float32(x)), 0):
		return errTooLarge
	}
	return nil
}

// NeedsDouble reports whether float32 is too coarse for numbers of this
// deviation that it rounds by as much as rounding: by more than a
// ten-thousandth of the deviation. Errors of that size change the rmse of a
// model whose r2 is 0.999999 by less than 1 %. Years, prices and ages stay
// float32; times of one week in seconds since 1970 do not. Deviations near the
// ends of float32's range need double, too: float32 cannot hold their
// reciprocal.
func NeedsDouble(rounding, deviation float64) bool {
	return rounding > deviation/1e4 || deviation < 1e-30 || deviation > 1e30
}

// Rounding returns by how much float32 may round a number near x: half of the
// distance to its next number.
func Rounding(x float64) float64 {
	f := float32(math.Abs(x))
	return float64(math.Nextafter32(f, math.MaxFloat32)-f) / 2
}

// Standardise returns a regression's value as the model learns it.
func (t *Task) Standardise(x float64) float64 {
	if t.Deviation == 0 {
		return x
	}
	return (x - t.Mean) / t.Deviation
}
