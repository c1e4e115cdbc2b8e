package compare

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a range that holds what was estimated with the confidence asked
// for.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// studentInterval is the interval of the mean of a sample from a normal
// distribution whose spread is unknown (Student 1908); nil for a sample of
// fewer than two.
func studentInterval(sample []float64, confidence float64) *Interval {
	n := float64(len(sample))
	if n < 2 {
		return nil
	}
	mean, sd := stat.MeanStdDev(sample, nil)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile((1 + confidence) / 2)
	half := t * sd / math.Sqrt(n)
	return &Interval{mean - half, mean + half}
}

// percentileInterval leaves out equal shares of a bootstrap's values at both
// ends (Efron 1979); nil where there are none.
func percentileInterval(values []float64, confidence float64) *Interval {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	tail := (1 - confidence) / 2
	return &Interval{quantile(sorted, tail), quantile(sorted, 1-tail)}
}

// quantile interpolates between order statistics, the first at 0 and the last
// at 1 (type 7 of Hyndman and Fan 1996, the default of R and NumPy).
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	low := int(math.Floor(at))
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// meanSD returns the mean of a sample and its standard deviation, 0 for one.
func meanSD(sample []float64) (mean, sd float64) {
	if len(sample) < 2 {
		return stat.Mean(sample, nil), 0
	}
	return stat.MeanStdDev(sample, nil)
}
