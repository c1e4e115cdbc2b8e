package moments

import (
	"strings"
	"testing"
)

// TestASampleIsCalledOne: where not all numbers are counted, the note says so.
func TestASampleIsCalledOne(t *testing.T) {
	m := Moments{limit: 2}
	for _, x := range []float64{1, 2, 3} {
		m.Add(x)
	}
	const want = "input x, the first 2 numbers: 2 different numbers become 1: "
	if got := m.Coincidence("input x", func(float64) float32 { return 0 }, func(float64) float32 { return 0 }); !strings.HasPrefix(got, want) {
		t.Errorf("got %s", got)
	}
}
