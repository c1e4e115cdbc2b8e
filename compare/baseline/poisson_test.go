package baseline

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// TestPoissonIsScikitLearns: coefficients, intercept and predictions are those of
// PoissonRegressor, which takes the mean over examples where this takes the sum; see
// testdata/count/golden.py.
func TestPoissonIsScikitLearns(t *testing.T) {
	content, err := os.ReadFile("../../testdata/count/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		X    [][]float64
		Y    []float64
		Fits []struct {
			Alpha, Intercept          float64
			Coefficients, Predictions []float64
		}
	}
	if err := json.Unmarshal(content, &golden); err != nil {
		t.Fatal(err)
	}
	x := standardised(golden.X)
	for _, fit := range golden.Fits {
		w := poisson(x, golden.Y, fit.Alpha*float64(len(golden.Y)), 1e-10)
		for j, want := range append(fit.Coefficients, fit.Intercept) {
			if math.Abs(w[j]-want) > 1e-8 {
				t.Errorf("alpha %v: parameter %d is %v, want %v", fit.Alpha, j, w[j], want)
			}
		}
		for i, want := range fit.Predictions {
			if got := math.Exp(x.dot(i, w) + w[x.width]); math.Abs(got-want) > 1e-7 {
				t.Errorf("alpha %v: prediction %d is %v, want %v", fit.Alpha, i, got, want)
			}
		}
	}
}

// standardised makes a matrix of columns less their mean, by their deviation.
func standardised(rows [][]float64) *matrix {
	n, width := float64(len(rows)), len(rows[0])
	mean, square := make([]float64, width), make([]float64, width)
	for _, row := range rows {
		for j, v := range row {
			mean[j] += v / n
			square[j] += v * v / n
		}
	}
	m := &matrix{width: width, starts: []int{0}}
	for _, row := range rows {
		for j, v := range row {
			m.add(int32(j), (v-mean[j])/math.Sqrt(square[j]-mean[j]*mean[j]))
		}
		m.end()
	}
	return m
}

// TestPoissonOfCountsFarApart: Newton's full steps would overflow.
func TestPoissonOfCountsFarApart(t *testing.T) {
	x := standardised([][]float64{{0}, {1}, {2}, {3}, {40}})
	y := []float64{0, 0, 1, 0, 100000}
	w := poisson(x, y, 0.1, 1e-9)
	p := &poissonFit{x: x, y: y, alpha: 0.1, mu: make([]float64, 5)}
	p.at(w)
	if g := p.gradient(w); !(dot(g, g) < 1e-4) {
		t.Errorf("the weights are %v, the gradient is %v", w, g)
	}
}
