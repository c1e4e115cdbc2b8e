package compare

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var close9 = cmpopts.EquateApprox(1e-9, 1e-12)

// TestStudentIntervals: the sleep data of Student (1908), whose paired interval
// R prints as -2.4598858 to -0.7001142 in example(t.test); the other figures are
// of scipy.stats.t.interval, SciPy 1.17.1.
func TestStudentIntervals(t *testing.T) {
	sleep := []float64{.7 - 1.9, -1.6 - .8, -.2 - 1.1, -1.2 - .1, 0, 3.4 - 4.4, 3.7 - 5.5, .8 - 1.6, -4.6, 2 - 3.4}
	for _, c := range []struct {
		sample     []float64
		confidence float64
		want       *Interval
	}{
		{sleep, 0.95, &Interval{-2.459885763276983, -0.7001142367230175}},
		{sleep, 0.99, &Interval{-2.8440518851048253, -0.31594811489517505}},
		{[]float64{0.01, 0.02, 0.015}, 0.95, &Interval{0.0025793114412483494, 0.027420688558751648}},
		{[]float64{0.01, 0.02, 0.015}, 0.8, &Interval{0.009556689460481825, 0.020443310539518172}},
		{[]float64{0.5, -0.25}, 0.95, &Interval{-4.63982677606551, 4.88982677606551}},
		{[]float64{0.5}, 0.95, nil},
	} {
		if diff := cmp.Diff(c.want, studentInterval(c.sample, c.confidence), close9); diff != "" {
			t.Errorf("%v at %v: %s", c.sample, c.confidence, diff)
		}
	}
}

// TestQuantiles: the figures are of numpy.quantile, NumPy 2.4.6.
func TestQuantiles(t *testing.T) {
	sorted := []float64{-2, 1, 2, 3.5, 4, 5, 9}
	for p, want := range map[float64]float64{0: -2, 0.025: -1.55, 0.1: -0.2, 0.5: 3.5, 0.9: 6.6, 0.975: 8.4, 1: 9} {
		if got := quantile(sorted, p); math.Abs(got-want) > 1e-12 {
			t.Errorf("the %v quantile is %v, want %v", p, got, want)
		}
	}
	if percentileInterval(nil, 0.95) != nil {
		t.Error("nothing has an interval")
	}
}

// TestStudentIntervalsHoldTheMean as often as they say, for as few seeds as
// people have.
func TestStudentIntervalsHoldTheMean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{2, 3, 5} {
		const trials, mean = 4000, 0.3
		held := 0
		for range trials {
			sample := make([]float64, n)
			for i := range sample {
				sample[i] = mean + 2*r.NormFloat64()
			}
			if i := studentInterval(sample, 0.9); i.Low <= mean && mean <= i.High {
				held++
			}
		}
		// Three standard errors of a share of 0.9 in 4000.
		if share := float64(held) / trials; math.Abs(share-0.9) > 0.0143 {
			t.Errorf("%d seeds: the interval at 90 %% holds the mean in %.3f of cases", n, share)
		}
	}
}
