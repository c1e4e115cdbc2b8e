package train

import (
	"math"
	"testing"

	"espalier/train/balance"
)

// TestReportFromGradients: of two steps with gradients in the plane, by hand.
func TestReportFromGradients(t *testing.T) {
	r := newReport([]string{"a", "b", "c"})
	step := func(present []bool, weights []float64, rows ...[]float32) {
		r.step(balance.Weights{Shared: weights}, &balance.Step{Present: present, Gram: balance.Gram(rows)})
	}
	step([]bool{true, true, false}, []float64{1, 3, 0}, []float32{3, 4}, []float32{4, -3}, []float32{0, 0}) // at right angles
	step([]bool{true, true, false}, []float64{2, 1, 0}, []float32{1, 0}, []float32{-1, 1}, []float32{0, 0}) // at 135 degrees
	b := r.epoch()
	// The second Gram matrix is {1, -1; -1, 2}, whose eigenvalues are (3 +- sqrt 5) / 2.
	condition := math.Sqrt(1 * (3 + math.Sqrt(5)) / (3 - math.Sqrt(5)))
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"weight of a", b.Weights["a"], 1.5},
		{"weight of b", b.Weights["b"], 2},
		{"length of a", b.Norms["a"], 3},
		{"length of b", b.Norms["b"], (5 + math.Sqrt2) / 2},
		{"cosine", b.Cosines["a"]["b"], -math.Sqrt2 / 4},
		{"conflicts", *b.Conflicts, 0.5},
		{"condition", b.Condition, condition},
		{"steps", float64(b.Measured), 2},
	} {
		if math.Abs(c.got-c.want) > 1e-7 {
			t.Errorf("%s is %v, want %v", c.what, c.got, c.want)
		}
	}
	if _, there := b.Norms["c"]; there || len(b.Weights) != 2 || len(b.Cosines) != 1 {
		t.Errorf("a task that was absent is in the report: %+v", b)
	}
}
