// Package moments learns the mean and the deviation of numbers, one after the other,
// and what float32 loses of them.
package moments

import (
	"fmt"
	"math"
	"slices"
)

// Moments are the mean and the sum of squared deviations of numbers, by
// Welford's recurrence (1962).
type Moments struct {
	N, Missing int // numbers, and those that are missing
	Mean       float64
	Rounding   float64 // the most by which float32 rounds one
	spread     float64
	sample     []float64 // the first of them, as many as limit
	limit      int
}

// mostSample is how many numbers of a column are kept to be counted: so few that
// random numbers with all their digits hardly coincide by chance. mostSamples is
// how many are kept of all columns together.
const mostSample, mostSamples = 1 << 17, 1 << 24

// New returns the moments of one of so many columns of numbers.
func New(columns int) *Moments { return &Moments{limit: min(mostSample, mostSamples/max(columns, 1))} }

// Add counts a number, NaN where it is missing.
func (m *Moments) Add(x float64) {
	if math.IsNaN(x) {
		m.Missing++
		return
	}
	m.N++
	off := x - m.Mean
	m.Mean += off / float64(m.N)
	m.spread += off * (x - m.Mean)
	m.Rounding = max(m.Rounding, math.Abs(float64(float32(x))-x))
	if len(m.sample) < m.limit {
		m.sample = append(m.sample, x)
	}
}

// Deviation is the standard deviation, as of a whole population.
func (m *Moments) Deviation() float64 { return math.Sqrt(m.spread / float64(max(m.N, 1))) }

// coincide counts the different numbers of the sample, and how many of them are
// left as the model sees them. Seeing must keep their order.
func (m *Moments) coincide(seen func(float64) float32) (before, after int) {
	slices.Sort(m.sample)
	for i, x := range m.sample {
		if i > 0 && x == m.sample[i-1] {
			continue
		}
		before++
		if i == 0 || seen(x) != seen(m.sample[i-1]) {
			after++
		}
	}
	return before, after
}

// Lost reports whether more than one in 100 of the different numbers coincide.
func (m *Moments) Lost(seen func(float64) float32) bool {
	before, after := m.coincide(seen)
	return before-after > before/100
}

// Coincidence says that numbers coincide as the model sees them, "" where hardly
// any does. standardised is how they would be seen if they were read as float64.
func (m *Moments) Coincidence(name string, seen, standardised func(float64) float32) string {
	if !m.Lost(seen) {
		return ""
	}
	if m.N > len(m.sample) {
		name += fmt.Sprintf(", the first %d numbers", len(m.sample))
	}
	before, after := m.coincide(seen)
	told := fmt.Sprintf("%s: %d different numbers become %d: ", name, before, after)
	if !m.Lost(standardised) {
		return told + fmt.Sprintf("float32, in which the file has them, rounds them by up to %.3g; where that matters, subtract a number near their mean, %.4g, from all", m.Rounding, m.Mean)
	}
	return told + fmt.Sprintf("they differ by less than float32, in which the model computes, keeps beside a deviation of %.4g; leave extreme values out, or give their logarithms", m.Deviation())
}
